import AxeBuilder from '@axe-core/playwright';
import {
  type BrowserContext,
  type BrowserContextOptions,
  test as base,
  expect,
  type Page,
} from '@playwright/test';
import { Hub } from '../support/hub.ts';
import { type Misdeeds, watch } from '../support/person.ts';
import { Reference, readingToken } from '../support/reference.ts';

/** Against what the pages are run: the hub, or the servers that the providers were written against. */
const reference = process.env.DOCS_SERVER === 'reference';

/** Each editor, the lines that it shows, and what it draws among them that is not text. */
const editors = [
  { name: 'codemirror', line: '.cm-line', drawn: '.cm-ySelectionCaret' },
  { name: 'monaco', line: '.view-line', drawn: '' },
  { name: 'quill', line: '.ql-editor p', drawn: '' },
  { name: 'prosemirror', line: '.ProseMirror p', drawn: '.ProseMirror-yjs-cursor' },
  { name: 'tiptap', line: '.tiptap p', drawn: '.collaboration-carets__caret' },
  { name: 'blocknote', line: '.bn-inline-content', drawn: '.bn-collaboration-cursor__base' },
  { name: 'lexical', line: '[contenteditable] p', drawn: '' },
];
type Editor = (typeof editors)[number];

class Writer {
  readonly page: Page;
  readonly #editor: Editor;

  constructor(page: Page, editor: Editor) {
    this.page = page;
    this.#editor = editor;
  }

  get document() {
    return this.page.getByRole('textbox', { name: 'Document' });
  }

  get people() {
    return this.page.getByRole('list', { name: 'Who is here' });
  }

  get state() {
    return this.page.locator('.bar').getByRole('status');
  }

  async type(text: string): Promise<void> {
    await this.page.keyboard.type(text);
  }

  /**
   * Puts the cursor to the end of the line that begins so. By the mouse, since editors move
   * the cursor to where they had it some time after they were given the focus.
   */
  async goTo(beginning: string): Promise<void> {
    await this.page.locator(this.#editor.line).filter({ hasText: beginning }).click();
    await this.page.keyboard.press('End');
  }

  /** What the page shows, line by line. */
  lines(): Promise<string[]> {
    return this.page.evaluate(({ line, drawn }) => {
      const shown = [...document.querySelectorAll<HTMLElement>(line)];
      // Monaco's lines stand in any order in the page.
      shown.sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top);
      const texts = shown.map((element) => {
        const copy = element.cloneNode(true) as HTMLElement;
        if (drawn) for (const extra of copy.querySelectorAll(drawn)) extra.remove();
        return (copy.textContent ?? '').replace(/[\u2060\ufeff\u200b]/g, '').replaceAll('\u00a0', ' ');
      });
      while (texts.at(-1) === '') texts.pop(); // the line after the last is some editors' own
      return texts;
    }, this.#editor);
  }

  async toggle(name: 'Connect' | 'Disconnect'): Promise<void> {
    await this.page.getByRole('button', { name, exact: true }).click();
  }
}

interface Fixtures {
  hub: Hub;
  /** The address of the pages and of the servers behind them. */
  origin: string;
  /** Opens a page, whether the server lets it in or not. */
  knock: (editor: Editor, user: string, token?: string, options?: BrowserContextOptions) => Promise<Writer>;
  /** Opens a page that is let in. */
  open: Fixtures['knock'];
}

const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern to see that nothing is needed.
  hub: async ({}, use) => {
    const hub = await Hub.start('--examples');
    await use(hub);
    await hub.remove();
  },

  origin: async ({ hub }, use) => {
    if (!reference) return use(hub.url);
    const servers = await Reference.start(hub);
    await use(servers.url);
    await servers.remove();
  },

  open: async ({ knock }, use) => {
    await use(async (editor, user, token = '', options = {}) => {
      const writer = await knock(editor, user, token, options);
      await expect(writer.state).toHaveText(/^(?:Connected|Saved)$/);
      return writer;
    });
  },

  knock: async ({ browser, origin }, use, { testId }) => {
    const watched: Misdeeds[] = [];
    const contexts: BrowserContext[] = [];
    await use(async (editor, user, token = '', options = {}) => {
      const context = await browser.newContext(options);
      contexts.push(context);
      watched.push(await watch(context, origin));
      const page = await context.newPage();
      const query = new URLSearchParams({ doc: `test/${testId}`, user, ...(token ? { token } : {}) });
      await page.goto(`${origin}/examples/${editor.name}/?${query}`);
      const writer = new Writer(page, editor);
      await expect(writer.document).toBeVisible();
      return writer;
    });
    for (const context of contexts) await context.close();
    expect(watched.flatMap((misdeeds) => misdeeds.list)).toEqual([]);
  },
});

async function converge(writers: Writer[], lines: string[]): Promise<void> {
  for (const writer of writers) await expect.poll(() => writer.lines()).toEqual(lines);
}

for (const editor of editors) {
  test.describe(editor.name, () => {
    test('two write at once, and one of them also offline', async ({ open }) => {
      const ann = await open(editor, 'Ann');
      await ann.document.focus();
      await ann.page.keyboard.type('Ann:');
      await ann.page.keyboard.press('Enter');
      await ann.page.keyboard.type('Bob:');
      const bob = await open(editor, 'Bob');
      await converge([ann, bob], ['Ann:', 'Bob:']);

      await ann.goTo('Ann:');
      await bob.goTo('Bob:');
      await Promise.all([ann.type(' the quick brown fox jumps'), bob.type(' over the lazy dog, 0123456789')]);
      const first = ['Ann: the quick brown fox jumps', 'Bob: over the lazy dog, 0123456789'];
      await converge([ann, bob], first);

      await bob.toggle('Disconnect');
      await expect(bob.state).toHaveText(/^Offline/);
      await ann.goTo('Ann:');
      await bob.goTo('Bob:');
      await Promise.all([ann.type(' and rests'), bob.type(' and sleeps')]);
      await expect.poll(() => ann.lines()).toEqual([`${first[0]} and rests`, first[1]]);
      await expect.poll(() => bob.lines()).toEqual([first[0], `${first[1]} and sleeps`]);
      await bob.toggle('Connect');
      await converge([ann, bob], [`${first[0]} and rests`, `${first[1]} and sleeps`]);
      await expect(bob.state).toHaveText(/^(?:Connected|Saved)$/);

      const carol = await open(editor, 'Carol');
      await converge([carol], [`${first[0]} and rests`, `${first[1]} and sleeps`]);
    });

    test('who is here is seen, and is gone within 2 seconds', async ({ open }) => {
      const ann = await open(editor, 'Ann');
      const bob = await open(editor, 'Bob');
      await expect(ann.people).toHaveText('Ann (you)Bob');
      await expect(bob.people).toHaveText('Bob (you)Ann');
      await bob.page.close();
      await expect(ann.people).toHaveText('Ann (you)', { timeout: 2000 });
    });

    test('who may only read is told so, and cannot write', async ({ hub, open }) => {
      const ann = await open(editor, 'Ann');
      await ann.document.focus();
      await ann.type('Written by Ann');
      const token = reference
        ? readingToken
        : await hub.token('eve', 'Eve', JSON.stringify({ 'test/*': ['doc:read'] }));
      const eve = await open(editor, 'Eve', token);
      await expect(eve.page.locator('.notice')).toHaveText(/^You can read here, but not write: /);
      await converge([eve], ['Written by Ann']);
      await eve.page.locator(editor.line).first().click();
      await eve.type('and by Eve');
      await ann.goTo('Written');
      await ann.type(' alone');
      await converge([ann, eve], ['Written by Ann alone']);
    });

    test('who is not let in is told so', async ({ hub, knock }) => {
      test.skip(reference, 'the reference servers let everybody in');
      const token = await hub.token('eve', 'Eve', JSON.stringify({ 'elsewhere/*': ['doc:write'] }));
      const eve = await knock(editor, 'Eve', token);
      await expect(eve.page.locator('.notice')).toHaveText(
        /^The server .*the grants do not cover "doc:read" for this document$/,
      );
    });

    for (const colorScheme of ['light', 'dark'] as const) {
      test(`fits a narrow screen and is for everybody, ${colorScheme}`, async ({ open }) => {
        const ann = await open(editor, 'Ann', '', { colorScheme, viewport: { width: 360, height: 640 } });
        expect(await ann.page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
        expect((await new AxeBuilder({ page: ann.page }).analyze()).violations).toEqual([]);
      });
    }
  });
}
