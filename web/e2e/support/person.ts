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
