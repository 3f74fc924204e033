import { type BrowserContext, expect, type Locator, type Page } from '@playwright/test';

/** What a page did that no page of ours may do. */
export interface Misdeeds {
  list: string[];
}

/** Somebody with a browser of their own, in front of the page. */
export class Person {
  readonly context: BrowserContext;
  readonly page: Page;

  constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: /^Message #/ });
  }

  get feed(): Locator {
    return this.page.getByRole('feed');
  }

  get scroller(): Locator {
    return this.page.getByTestId('scroller');
  }

  /** The field that the notes are written in. */
  get notes(): Locator {
    return this.page.getByRole('textbox', { name: /^Notes of / });
  }

  /** What the page says of the document in front of it. */
  get docState(): Locator {
    return this.page.getByTestId('doc-state');
  }

  /** Goes to another part of the room. */
  async turnTo(tab: 'Chat' | 'Notes' | 'Board'): Promise<void> {
    await this.page.getByRole('tab', { name: tab }).click();
    await expect(this.page.getByRole('tab', { name: tab })).toHaveAttribute('aria-selected', 'true');
    if (tab !== 'Chat') await expect(this.docState).not.toContainText('Opening');
  }

  /** Opens a room's notes and waits until one may write there. */
  async openNotes(): Promise<void> {
    await this.turnTo('Notes');
    await expect(this.docState).toHaveText(/Saved/);
    await this.notes.click();
  }

  /** Selects words that stand in the notes once. */
  async select(words: string): Promise<void> {
    const from = (await this.text()).indexOf(words);
    expect(from, `${words} is in the notes`).toBeGreaterThanOrEqual(0);
    await this.notes.press('Control+Home');
    for (let i = 0; i < from; i++) await this.page.keyboard.press('ArrowRight');
    for (let i = 0; i < words.length; i++) await this.page.keyboard.press('Shift+ArrowRight');
  }

  /** The notes as they stand on the page, without the names on the cursors. */
  async text(): Promise<string> {
    return this.notes.evaluate((field) => {
      const lines = [...field.querySelectorAll('.cm-line')].map((line) => {
        const copy = line.cloneNode(true) as HTMLElement;
        for (const extra of copy.querySelectorAll('.hub-caret, .cm-placeholder')) extra.remove();
        return copy.textContent ?? '';
      });
      return lines.join('\n');
    });
  }

  /** The message that says so; what it quotes does not count. */
  message(text: string | RegExp): Locator {
    return this.page.locator('article').filter({ has: this.page.locator('.body', { hasText: text }) });
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Waits until a message of one's own is stored. */
  async sent(text: string): Promise<Locator> {
    const message = this.message(text);
    await expect(message).toHaveAttribute('data-state', 'sent');
    return message;
  }

  /** The texts that are drawn, from the top. */
  async texts(): Promise<string[]> {
    return this.page.locator('article .md').allInnerTexts();
  }

  /** Opens the tools of a message and uses one. */
  async use(tool: string, text: string | RegExp): Promise<void> {
    const message = this.message(text);
    await message.hover();
    await message.getByRole('button', { name: tool, exact: true }).click();
  }
}

/** Notes everything that a page may not do: violations of its policy, errors that nobody caught, requests elsewhere. */
export async function watch(context: BrowserContext, origin: string): Promise<Misdeeds> {
  const misdeeds: Misdeeds = { list: [] };
  await context.exposeBinding('reportMisdeed', (_source, what: string) => {
    misdeeds.list.push(what);
  });
  await context.addInitScript(() => {
    const report = (what: string) =>
      (window as unknown as { reportMisdeed(what: string): void }).reportMisdeed(what);
    document.addEventListener('securitypolicyviolation', (event) => {
      report(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
    });
    for (const name of ['alert', 'confirm', 'prompt'] as const) {
      window[name] = () => {
        report(`script ran: ${name}`);
        return undefined as never;
      };
    }
  });
  context.on('weberror', (error) => misdeeds.list.push(`error: ${error.error().stack}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol !== 'blob:' && url.host !== new URL(origin).host)
      misdeeds.list.push(`request: ${request.url()}`);
  });
  return misdeeds;
}
