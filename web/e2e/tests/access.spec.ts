import AxeBuilder from '@axe-core/playwright';
import type { Hub } from '../support/hub.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/test.ts';

const conversation = [
  'Morning! Has anybody looked at **staging**?',
  'I have: https://example.org/status',
  '1. one',
  '- `code`, *stress*, ~~gone~~',
  '> quoted',
  '🎉🎉',
  '| a | b |',
];
const code =
  '```go\nif last > seen {\n\treturn r.repair(ctx, seen, last) // and a line that is much too long for any screen that somebody might hold in a hand\n}\n```';
const table = '| fault | clients | lost |\n|---|--:|--:|\n| `kill -9` | 2,000 | 0 |';

/** Every view of the page: how to get there from a room with a conversation, and back. */
const views: {
  name: string;
  narrow?: boolean;
  go(person: Person, hub: Hub): Promise<void>;
  back?(person: Person): Promise<void>;
}[] = [
  { name: 'conversation', go: async () => {} },
  { name: 'message with its tools', go: (p) => p.message('Morning').hover() },
  {
    name: 'message being edited',
    async go(p) {
      await p.composer.press('ArrowUp');
      await expect(p.page.getByRole('textbox', { name: 'Edit your message' })).toBeVisible();
    },
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'answer being written',
    async go(p) {
      await p.use('Reply', 'Morning');
      await p.composer.fill('An answer');
    },
    async back(p) {
      await p.composer.fill('');
      await p.composer.press('Escape');
    },
  },
  {
    name: 'emoji by name',
    async go(p) {
      await p.composer.fill('');
      await p.composer.pressSequentially('so :roc');
      await expect(p.page.getByRole('listbox', { name: 'Emoji' })).toBeVisible();
    },
    async back(p) {
      await p.composer.press('Escape');
      await p.composer.fill('');
    },
  },
  {
    name: 'emoji picker',
    async go(p) {
      await p.page.getByRole('button', { name: 'Insert an emoji' }).click();
      await expect(p.page.getByRole('button', { name: 'grinning face', exact: true })).toBeVisible();
    },
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'going to a room',
    async go(p) {
      await p.page.keyboard.press('Control+k');
      await p.page.getByRole('combobox').fill('new-room');
    },
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'shortcuts',
    go: (p) => p.page.keyboard.press('Control+/'),
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'room menu',
    go: (p) => p.page.getByRole('button', { name: 'More about this room' }).click(),
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'delete',
    async go(p) {
      await p.use('Delete', 'My own');
      await expect(p.page.getByRole('dialog', { name: 'Delete this message?' })).toBeVisible();
    },
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'room list over the conversation',
    narrow: true,
    async go(p) {
      await p.page.getByRole('button', { name: /^Rooms/ }).click();
      await expect(p.page.getByRole('navigation', { name: 'Rooms' })).toBeInViewport();
    },
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'who is here, over the conversation',
    narrow: true,
    go: (p) => p.page.getByRole('button', { name: /here, show who/ }).click(),
    back: (p) => p.page.getByRole('complementary').getByRole('button', { name: 'Close' }).click(),
  },
  {
    name: 'settings',
    async go(p) {
      const drawer = p.page.getByRole('button', { name: /^Rooms/ });
      if (await drawer.isVisible()) await drawer.click();
      await p.page.getByRole('button', { name: /settings/ }).click();
      await expect(p.page.getByRole('dialog', { name: 'Settings' })).toBeVisible();
    },
  },
  {
    name: 'token',
    go: (p) => p.page.getByRole('button', { name: 'Use a token' }).click(),
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'empty room',
    async go(p, hub) {
      await p.page.goto(`${hub.url}/r/empty`);
      await expect(p.page.getByText('Nobody has said anything')).toBeVisible();
    },
  },
  {
    name: 'older part of a room',
    async go(p, hub) {
      await p.page.goto(`${hub.url}/r/long#m=${await hub.seqOf('long', 'line 50', 60)}`);
      await expect(p.page.getByRole('button', { name: 'Back to present' })).toBeVisible();
    },
  },
  {
    name: 'empty notes',
    async go(p, hub) {
      await p.page.goto(`${hub.url}/r/empty?tab=notes`);
      await expect(p.docState).toHaveText('Saved');
    },
  },
  { name: 'notes', go: (p, hub) => writeNotes(p, hub) },
  {
    name: 'preview of the notes',
    async go(p) {
      await p.page.getByRole('button', { name: 'Preview' }).click();
      await expect(p.page.getByRole('region', { name: 'Preview' })).toBeVisible();
    },
    back: (p) => p.page.getByRole('button', { name: 'Preview' }).click(),
  },
  {
    name: 'comments',
    async go(p) {
      await p.select('tests');
      await p.page.keyboard.press('Control+Alt+m');
      await p.page.keyboard.type('Which?');
      await p.page.keyboard.press('Enter');
      await expect(
        p.page.getByRole('complementary', { name: 'Comments' }).getByRole('listitem'),
      ).toBeVisible();
    },
    back: (p) =>
      p.page.getByRole('complementary', { name: 'Comments' }).getByRole('button', { name: 'Close' }).click(),
  },
  {
    name: 'versions',
    async go(p) {
      await p.page.getByRole('button', { name: 'Versions' }).click();
      await p.page.getByRole('textbox', { name: 'Name for this version' }).fill('One');
      await p.page.getByRole('button', { name: 'Keep' }).click();
      await expect(p.page.getByRole('button', { name: /^One/ })).toBeVisible();
    },
  },
  {
    name: 'differences from a version',
    async go(p) {
      const close = p.page
        .getByRole('complementary', { name: 'Versions' })
        .getByRole('button', { name: 'Close' });
      await close.click();
      await p.select('tests');
      await p.page.keyboard.type('checks');
      await expect(p.docState).toHaveText('Saved');
      await p.page.getByRole('button', { name: 'Versions' }).click();
      await p.page.getByRole('button', { name: /^One/ }).click();
      await expect(p.page.getByRole('region', { name: 'Differences' }).locator('del')).toHaveText('tests');
    },
  },
  {
    name: 'restoring a version',
    go: (p) => p.page.getByRole('button', { name: 'Restore' }).click(),
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'a comment in the chat',
    async go(p) {
      await p.turnTo('Chat');
      await expect(p.message('Which?')).toBeVisible();
    },
  },
  { name: 'empty board', go: (p) => p.turnTo('Board') },
  {
    name: 'board',
    async go(p) {
      await p.page.getByRole('button', { name: /^Begin with/ }).click();
      await p.page.getByRole('button', { name: 'Add a card to To do' }).click();
      await p.page.keyboard.type('A card with a title that is longer than its column is wide');
      await p.page.keyboard.press('Enter');
      await p.page.keyboard.press('Escape');
      await p.page.getByRole('checkbox').click();
    },
  },
  {
    name: 'menu of a card',
    go: (p) => p.page.getByRole('button', { name: /^More about A card/ }).click(),
    back: (p) => p.page.keyboard.press('Escape'),
  },
  {
    name: 'notes that may only be read',
    async go(p, hub) {
      const token = await hub.token('rita', 'Rita', '{"lobby":["join","history","presence","doc:read"]}');
      await p.page.evaluate(
        (given) => sessionStorage.setItem('hubbub.app.token', JSON.stringify(given)),
        token,
      );
      await p.page.goto(`${hub.url}/r/lobby?tab=notes`);
      await expect(p.docState).toContainText('Read only');
    },
  },
  {
    name: 'notes that are not open to one',
    async go(p, hub) {
      const token = await hub.token('sid', 'Sid', '{"lobby":["join","history","presence"]}');
      await p.page.evaluate(
        (given) => sessionStorage.setItem('hubbub.app.token', JSON.stringify(given)),
        token,
      );
      await p.page.reload();
      await expect(p.page.getByText('This document is not open to you')).toBeVisible();
    },
    async back(p) {
      await p.page.evaluate(() => sessionStorage.clear());
    },
  },
  {
    name: 'no connection, a message waiting',
    async go(p, hub) {
      await p.page.goto(`${hub.url}/r/lobby`);
      await expect(p.message('My own')).toBeVisible();
      await hub.kill();
      await p.say('while it was down');
      await expect(p.page.getByTestId('connection')).toContainText('waiting to be sent');
    },
  },
];

async function writeNotes(p: Person, hub: Hub): Promise<void> {
  await p.page.goto(`${hub.url}/r/lobby?tab=notes`);
  await expect(p.docState).toHaveText('Saved');
  await p.notes.click();
  for (const line of [
    '# Plan',
    'If the **tests** are `green`: https://example.org',
    '- one',
    '> quoted',
    code,
  ]) {
    await p.page.keyboard.insertText(`${line}\n\n`);
  }
  await expect(p.docState).toHaveText('Saved');
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 360]) {
    test(`axe finds nothing in any view: ${colorScheme}, ${width} pixels wide`, async ({ open, hub }) => {
      test.setTimeout(300_000);
      await hub.send(
        'long',
        Array.from({ length: 400 }, (_, i) => `line ${i + 1}`),
      );
      await hub.send('lobby', conversation);
      const ann = await open({ colorScheme, viewport: { width, height: 800 }, reducedMotion: 'reduce' });
      await check(ann, 'welcome');
      await ann.page.getByRole('textbox', { name: 'What should others call you?' }).fill('Ann');
      await ann.page.keyboard.press('Enter');
      for (const text of [code, table, 'My own']) await ann.say(text);
      await ann.sent('My own');
      await ann.use('React with 👍', 'Morning');
      await ann.use('Reply', 'My own');
      await ann.say('An answer');
      await ann.sent('An answer');
      for (const view of views) {
        if (view.narrow && width > 760) continue;
        await view.go(ann, hub);
        await check(ann, view.name);
        await view.back?.(ann);
      }
    });
  }
}

async function check(person: Person, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page: person.page }).setLegacyMode(true).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  expect(found, name).toEqual([]);
}

test('a screen reader hears who says what, and can go through it', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await bob.say('Hello **Ann**, see `this`');
  await expect(ann.page.getByTestId('live')).toHaveText('Bob: Hello Ann, see this');
  for (let i = 1; i <= 12; i++) await bob.say(`quick ${i}`);
  await expect(ann.message('quick 12')).toBeVisible();
  await expect(ann.page.getByTestId('live')).toHaveText(/^\d+ new messages$/); // not twelve utterances
  await expect(bob.page.getByTestId('live')).toHaveText(''); // one's own are not told

  const article = ann.page.getByRole('feed', { name: 'Messages in lobby' }).getByRole('article').first();
  await expect(article).toHaveAccessibleName(/^Bob \d/);
  await expect(article).toHaveAccessibleDescription('Hello Ann, see this');
  await expect(article).toHaveAttribute('aria-posinset', '1');
  await expect(article).toHaveAttribute('aria-setsize', '13');
  await ann.page.reload();
  await expect(ann.message('quick 12')).toBeVisible();
  await expect(ann.page.getByTestId('live')).toHaveText(''); // history is not news
});

test('everything can be done with the keyboard alone', async ({ open, join }) => {
  const bob = await join('Bob');
  await bob.say('First');
  await bob.say('Second');
  await bob.sent('Second');
  const ann = await open();
  const keys = ann.page.keyboard;
  await keys.type('Ann');
  await keys.press('Enter');
  await expect(ann.composer).toBeFocused();
  await expect(ann.message('Second')).toBeVisible();

  await keys.press('Shift+Tab');
  await expect(ann.message('Second')).toBeFocused();
  await keys.press('ArrowUp');
  await expect(ann.message('First')).toBeFocused();
  await keys.press('r');
  await expect(ann.composer).toBeFocused();
  await keys.type('To the first');
  await keys.press('Enter');
  await expect(bob.message('To the first').getByRole('button', { name: /In answer to Bob/ })).toBeVisible();

  await ann.sent('To the first');
  await keys.press('ArrowUp'); // edits it
  await keys.press('End');
  await keys.type(', edited');
  await keys.press('Enter');
  await expect(bob.message('To the first, edited')).toBeVisible();
  await expect(ann.composer).toBeFocused();

  await keys.press('Shift+Tab');
  await keys.press('Home');
  await expect(ann.message('First').first()).toBeFocused();
  await keys.press('+');
  await expect(ann.page.getByRole('searchbox', { name: 'Search emoji' })).toBeFocused();
  await keys.type('rocket');
  await expect(ann.page.getByRole('button', { name: 'rocket', exact: true })).toBeVisible();
  await keys.press('Enter');
  await expect(bob.page.getByRole('button', { name: '🚀 from Ann' })).toBeVisible();
  await expect(ann.message('First').first()).toBeFocused();
  await keys.press('Tab'); // into the tools of the message, past its time
  await expect(ann.page.locator('article:focus-within')).toContainText('First');

  await keys.press('Escape');
  await expect(ann.composer).toBeFocused();
  await keys.press('Shift+Tab');
  await keys.press('End');
  await keys.press('Delete');
  await expect(ann.page.getByRole('dialog', { name: 'Delete this message?' })).toBeVisible();
  await keys.press('Enter');
  await expect(bob.page.locator('article').last()).toContainText('Message deleted');

  await keys.press('Control+k');
  await keys.type('second-room');
  await keys.press('Enter');
  await expect(ann.page.getByRole('heading', { level: 1, name: 'second-room' })).toBeVisible();
  await expect(ann.composer).toBeFocused();
  await keys.press('Alt+ArrowUp');
  await expect(ann.page.getByRole('heading', { level: 1, name: 'lobby' })).toBeVisible();
  await keys.press('Shift+Tab');
  await keys.press('?');
  await expect(ann.page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toBeVisible();
  await keys.press('Escape');
  await expect(ann.page.getByRole('dialog')).toHaveCount(0);
});

test('an input method has Enter, arrows and Escape to itself', async ({ join }) => {
  const ann = await join('Ann');
  await ann.say('before');
  await ann.sent('before');
  await ann.composer.focus();
  const cdp = await ann.context.newCDPSession(ann.page);
  const press = async (key: string, windowsVirtualKeyCode: number) => {
    await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key, code: key, windowsVirtualKeyCode });
    await cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key, windowsVirtualKeyCode });
  };
  await press('ArrowUp', 229); // reported as the input method reports keys that it takes
  await expect(ann.page.getByRole('textbox', { name: 'Edit your message' })).toHaveCount(0);

  await cdp.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 });
  await press('Enter', 13);
  await press('Enter', 229);
  await press('Escape', 27);
  await expect(ann.composer).toHaveValue('にほん');
  await expect(ann.page.locator('article')).toHaveCount(1);
  await cdp.send('Input.insertText', { text: '日本' });
  await expect(ann.composer).toHaveValue('日本');
  await ann.composer.press('Enter');
  await ann.sent('日本');
  await expect(ann.page.locator('article')).toHaveCount(2);
});
