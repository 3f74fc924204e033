import { type BrowserContextOptions, test as base, expect } from '@playwright/test';
import { Hub } from './hub.ts';
import { type Misdeeds, Person, watch } from './person.ts';

interface Visit extends BrowserContextOptions {
  room?: string;
  /** What follows the room in the address, as `#m=12`. */
  hash?: string;
}

interface Fixtures {
  hub: Hub;
  /** Lets somebody come with a new browser, give a name and join a room. */
  join: (name: string, visit?: Visit) => Promise<Person>;
  /** Opens the page in a new browser, and does nothing there. */
  open: (visit?: Visit) => Promise<Person>;
}

/** A test with a hub of its own. After it no page may have done what pages may not. */
export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern to see that nothing is needed.
  hub: async ({}, use) => {
    const hub = await Hub.start();
    await use(hub);
    await hub.remove();
  },

  open: async ({ browser, hub }, use) => {
    const watched: Misdeeds[] = [];
    const contexts: (() => Promise<void>)[] = [];
    await use(async ({ room = 'lobby', hash = '', ...options } = {}) => {
      const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      contexts.push(() => context.close());
      watched.push(await watch(context, hub.url));
      const page = await context.newPage();
      await page.goto(`${hub.url}/r/${encodeURIComponent(room)}${hash}`);
      return new Person(context, page);
    });
    for (const close of contexts) await close();
    expect(watched.flatMap((misdeeds) => misdeeds.list)).toEqual([]);
  },

  join: async ({ open }, use) => {
    await use(async (name, visit) => {
      const person = await open(visit);
      await person.page.getByRole('textbox', { name: 'What should others call you?' }).fill(name);
      await person.page.getByRole('button', { name: 'Join the conversation' }).click();
      await expect(person.composer).toBeVisible();
      return person;
    });
  },
});

export { expect };
