import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { kept } from '../support/kept.ts';
import { expect, test } from '../support/test.ts';

test('two people write at once, and see one another', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await ann.openNotes();
  await bob.openNotes();
  await ann.page.keyboard.type('# Plan\n\n');
  await expect.poll(() => bob.text()).toBe('# Plan\n\n');

  await expect(bob.page.locator('.hub-flag')).toHaveText('Ann');
  await expect(bob.page.getByTestId('editors')).toContainText('Ann');
  const here = bob.page.getByRole('complementary', { name: 'Who is here' });
  await expect(here.getByRole('listitem').filter({ hasText: 'Ann' })).toContainText('in the notes');
  await bob.notes.press('Control+End');
  await Promise.all([
    ann.page.keyboard.type('written by ann', { delay: 5 }),
    bob.page.keyboard.type('WRITTEN BY BOB', { delay: 5 }),
  ]);
  await expect(ann.page.locator('.hub-flag')).toHaveText('Bob');
  await expect(ann.docState).toHaveText('Saved');
  await expect(bob.docState).toHaveText('Saved');
  await expect.poll(async () => (await ann.text()) === (await bob.text())).toBe(true);
  const text = await ann.text();
  expect(text.replace(/[^a-z ]/g, '').replace(/ /g, '')).toContain('writtenbyann');
  expect(text.replace(/[^A-Z]/g, '')).toBe('PWRITTENBYBOB');

  // Each takes back what is their own.
  await ann.notes.press('Control+z');
  await expect.poll(() => bob.text()).not.toMatch(/[a-z]{6}/);
  expect((await bob.text()).replace(/[^A-Z]/g, '')).toContain('WRITTENBYBOB');

  await bob.turnTo('Chat');
  await expect(ann.page.locator('.hub-flag')).toHaveCount(0);
  await expect(ann.page.getByTestId('editors')).toHaveCount(0);
});

test('what is called saved is there after the hub was killed', async ({ join, hub }) => {
  const ann = await join('Ann');
  await ann.openNotes();
  await ann.page.keyboard.type('Not to be lost');
  await expect(ann.docState).toHaveText('Saved');
  await expect.poll(() => ann.text()).toBe('Not to be lost');
  await hub.kill();
  await expect(ann.docState).toHaveText('Offline, kept on this device');
  await ann.page.keyboard.type(', nor this');
  await settled(ann.page);
  await ann.page.close(); // what was written meanwhile is in this browser alone
  await hub.start();

  const bob = await join('Bob');
  await bob.openNotes();
  await expect.poll(() => bob.text()).toBe('Not to be lost');
  const again = await ann.context.newPage();
  await again.goto(`${hub.url}/r/lobby?tab=notes`);
  await expect.poll(() => bob.text()).toBe('Not to be lost, nor this');
});

/** Waits until the browser has written down what the page gave it to keep. */
async function settled(page: Page): Promise<void> {
  let before = -1;
  await expect
    .poll(async () => {
      const now = await kept(page, 'hubbub-docs', 'updates');
      const same = now === before;
      before = now;
      return same;
    })
    .toBe(true);
}

test('the address keeps the tab, and the chat its unread messages', async ({ join, hub }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await ann.page.getByRole('tab', { name: 'Chat' }).focus();
  await ann.page.keyboard.press('ArrowRight');
  await expect(ann.page).toHaveURL(`${hub.url}/r/lobby?tab=notes`);
  await expect(ann.page.getByRole('tab', { name: 'Notes' })).toBeFocused();
  await ann.page.reload();
  await expect(ann.notes).toBeVisible();
  await bob.turnTo('Notes');
  const here = bob.page.getByRole('complementary', { name: 'Who is here' });
  await expect(here.getByRole('listitem').filter({ hasText: 'Ann' })).toContainText('in the notes');
  await bob.turnTo('Chat');

  await bob.say('Are you there?');
  await expect(ann.page.getByRole('tab', { name: 'Chat 1 unread' })).toBeVisible();
  await ann.page.goBack();
  await expect(ann.message('Are you there?')).toBeVisible();
  await expect(ann.page.getByRole('tab', { name: 'Chat', exact: true })).toBeVisible();
});

test('keys that are shortcuts elsewhere are text in the notes', async ({ join }) => {
  const ann = await join('Ann');
  await ann.openNotes();
  await ann.page.keyboard.type('Why?');
  await expect.poll(() => ann.text()).toBe('Why?');
  await expect(ann.page.getByRole('dialog')).toHaveCount(0);
});

test('a version is named, shows what has changed since, and is restored', async ({ join }) => {
  const ann = await join('Ann');
  await ann.openNotes();
  await ann.page.keyboard.type('The first plan');
  await expect(ann.docState).toHaveText('Saved');
  await ann.page.getByRole('button', { name: 'Versions' }).click();
  await ann.page.getByRole('textbox', { name: 'Name for this version' }).fill('Before lunch');
  await ann.page.getByRole('button', { name: 'Keep' }).click();
  const version = ann.page
    .getByRole('complementary', { name: 'Versions' })
    .getByRole('button', { name: /Before lunch/ });
  await expect(version).toContainText('Ann');

  const bob = await join('Bob');
  await bob.openNotes();
  await bob.select('first');
  await bob.page.keyboard.type('second');
  await expect(bob.docState).toHaveText('Saved');
  await expect.poll(() => ann.text()).toBe('The second plan');

  await version.click();
  const differences = ann.page.getByRole('region', { name: 'Differences' });
  await expect(differences.locator('ins')).toHaveText('second');
  await expect(differences.locator('del')).toHaveText('first');
  await ann.page.getByRole('button', { name: 'Restore' }).click();
  const dialog = ann.page.getByRole('dialog', { name: 'Restore this version?' });
  await expect(dialog).toContainText('nothing that others are typing at this moment is lost');
  await bob.notes.press('Control+End');
  await bob.page.keyboard.type(' and more');
  await expect(bob.docState).toHaveText('Saved');
  await dialog.getByRole('button', { name: 'Restore' }).click();
  await expect(ann.notes).toBeVisible();
  await expect.poll(() => ann.text()).toContain('The first plan');
  await expect.poll(async () => (await ann.text()) === (await bob.text())).toBe(true);
});

test('a comment stays on its words, is a thread in the chat, and is resolved', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await ann.openNotes();
  await ann.page.keyboard.type('One two three');
  await ann.select('two');
  await ann.page.keyboard.press('Control+Alt+m');
  await expect(ann.page.getByRole('textbox', { name: 'Comment on the selected words' })).toBeFocused();
  await ann.page.keyboard.type('Why **two**?');
  await ann.page.keyboard.press('Enter');
  const mark = ann.page.locator('.hub-comment');
  await expect(mark).toHaveText('two');

  await bob.openNotes();
  await expect(bob.page.locator('.hub-comment')).toHaveText('two');
  await bob.notes.press('Control+Home');
  await bob.page.keyboard.type('Zero ');
  await expect.poll(() => ann.text()).toBe('Zero One two three');
  await expect(mark).toHaveText('two');

  await bob.page.locator('.hub-comment').click();
  const comment = bob.page.getByRole('complementary', { name: 'Comments' }).getByRole('listitem');
  await expect(comment).toContainText('Why two?');
  await comment.getByRole('button', { name: 'Open the thread in the chat' }).click();
  await expect(
    bob.message('Why two?').getByRole('link', { name: 'Comment in the notes on two' }),
  ).toBeVisible();
  await bob.use('Reply', 'Why two?');
  await bob.say('Because');
  await expect(ann.page.getByRole('tab', { name: /Chat 1 unread|Chat 2 unread/ })).toBeVisible();

  const own = ann.page.getByRole('complementary', { name: 'Comments' }).getByRole('listitem');
  await ann.select('two');
  await ann.page.keyboard.press('Backspace');
  await expect(own).toContainText('The text was removed: two');
  await expect(mark).toHaveCount(0);
  await ann.page.keyboard.press('Control+z');
  await own.getByRole('button', { name: 'Resolve' }).click();
  await expect(ann.page.getByRole('button', { name: 'Show 1 resolved' })).toBeVisible();
  await expect(mark).toHaveCount(0);
});

test('a document that was deleted does not come back out of a browser', async ({ join, hub }) => {
  const ann = await join('Ann');
  await ann.openNotes();
  await ann.page.keyboard.type('Of the first document');
  await expect(ann.docState).toHaveText('Saved');
  await settled(ann.page);
  const bob = await join('Bob');
  await bob.openNotes();
  await hub.delete('lobby/notes');
  await expect(bob.page.getByText('This document was deleted')).toBeVisible();
  await bob.turnTo('Chat'); // he comes back later
  await ann.page.getByRole('button', { name: 'Begin a new one' }).click();
  await expect(ann.docState).toHaveText('Saved');
  expect(await ann.text()).toBe('');
  await ann.notes.click();
  await ann.page.keyboard.type('Of the second');
  await expect(ann.docState).toHaveText('Saved');

  await bob.page.goto(`${hub.url}/r/lobby?tab=notes`);
  await bob.page.getByRole('button', { name: 'Open the new one' }).click();
  await expect(bob.docState).toHaveText('Saved');
  await expect.poll(() => bob.text()).toBe('Of the second');
});

test('whoever may only read is told so, and why', async ({ open, join, hub }) => {
  const ann = await join('Ann');
  await ann.openNotes();
  await ann.page.keyboard.type('For all to read');
  await expect(ann.docState).toHaveText('Saved');

  const reader = await open();
  const caps = '{"lobby":["join","history","presence","doc:read"]}';
  await reader.page.evaluate(
    (token) => sessionStorage.setItem('hubbub.app.token', JSON.stringify(token)),
    await hub.token('rita', 'Rita', caps),
  );
  await reader.page.goto(`${hub.url}/r/lobby?tab=notes`);
  await expect(reader.docState).toContainText('Read only');
  await expect(reader.docState).toContainText('neither write nor comment');
  await expect.poll(() => reader.text()).toBe('For all to read');
  await reader.notes.click();
  await reader.page.keyboard.type('!');
  expect(await reader.text()).toBe('For all to read');

  const stranger = await open();
  await stranger.page.evaluate(
    (token) => sessionStorage.setItem('hubbub.app.token', JSON.stringify(token)),
    await hub.token('sid', 'Sid', '{"lobby":["join","history","presence"]}'),
  );
  await stranger.page.goto(`${hub.url}/r/lobby?tab=notes`);
  await expect(stranger.page.getByRole('alert')).toContainText('This document is not open to you');
});

test('notes are exported as they are on the disk', async ({ join }) => {
  const ann = await join('Ann');
  await ann.openNotes();
  await ann.page.keyboard.type('# Plan\n\nSome **bold** words');
  await expect(ann.docState).toHaveText('Saved');
  for (const [form, ending, content] of [
    ['Markdown', 'md', '# Plan\n\nSome **bold** words'],
    ['HTML', 'html', '<h2>Plan</h2>\n<p>Some <strong>bold</strong> words</p>'],
    ['Plain text', 'txt', 'Plan\n\nSome bold words\n'],
  ] as const) {
    await ann.page.getByRole('button', { name: 'Export' }).click();
    const coming = ann.page.waitForEvent('download');
    await ann.page.getByRole('menuitem', { name: form }).click();
    const file = await coming;
    expect(file.suggestedFilename()).toBe(`lobby-notes.${ending}`);
    expect(await readFile(await file.path(), 'utf8')).toContain(content);
  }

  await ann.page.getByRole('button', { name: 'Preview' }).click();
  await expect(ann.page.getByRole('heading', { name: 'Plan' })).toBeVisible();
});
