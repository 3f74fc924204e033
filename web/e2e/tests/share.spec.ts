import type { BrowserContext, Page } from '@playwright/test';
import { Hub } from '../support/hub.ts';
import { Pages } from '../support/pages.ts';
import { test as base, expect } from '../support/test.ts';

/** What runs in the pages. The SDK is whatever was built. */
interface Lab {
  url: string;
  hub: {
    connect(): void;
    disconnect(): void;
    close(): void;
    status: { getSnapshot(): { state: string } };
    user: { getSnapshot(): { id: string } | null };
  };
  room: {
    send(message: { text: string }): Promise<{ seq: number }>;
    members(): Promise<{ count: number; members: { conns: number }[] }>;
    history(query: { limit: number }): Promise<{ events: { event: { text?: string } }[] }>;
    typing: { keystroke(): void; users: { getSnapshot(): { user: string }[] } };
    presence: { getSnapshot(): { count: number } };
  };
  /** The texts that came as new, in order, and what else was told. */
  heard: string[];
  breaks: string[];
  connections: number;
}
declare global {
  interface Window {
    Hubbub: new (options: object) => unknown;
    lab: Lab;
  }
}

const test = base.extend<{
  pages: Pages;
  hub: Hub;
  tab: (options?: object) => Promise<Page>;
  browsing: BrowserContext;
}>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern to see that nothing is needed.
  pages: async ({}, use) => {
    const pages = await Pages.start();
    await use(pages);
    pages.stop();
  },
  hub: async ({ pages }, use) => {
    const hub = await Hub.start('--origin', pages.url);
    await use(hub);
    await hub.remove();
  },
  browsing: async ({ browser }, use) => {
    const context = await browser.newContext();
    await use(context);
    await context.close();
  },
  tab: async ({ browsing, pages, hub }, use) => {
    await use(async (options = {}) => {
      const page = await browsing.newPage();
      await page.goto(pages.url);
      await page.waitForFunction(() => window.Hubbub);
      await page.evaluate(
        async ({ url, options }) => {
          // biome-ignore lint/suspicious/noExplicitAny: the class as it was built has no types here.
          const hub = new window.Hubbub({ url, shareTabs: true, ...options }) as any;
          const room = hub.room('lobby');
          window.lab = { url, hub, room, heard: [], breaks: [], connections: 0 };
          room.on('message', ({ text }: { text: string }) => window.lab.heard.push(text));
          for (const bad of ['gap', 'reset', 'left']) room.on(bad, () => window.lab.breaks.push(bad));
          hub.on('connected', () => window.lab.connections++);
          hub.connect();
          await room.join({ presence: true });
        },
        { url: hub.url, options },
      );
      return page;
    });
  },
});

const say = (page: Page, text: string) => page.evaluate((text) => window.lab.room.send({ text }), text);
const heard = (page: Page) => page.evaluate(() => window.lab.heard);
const members = (page: Page) =>
  page.evaluate(async () => {
    const { members } = await window.lab.room.members();
    return members.map((m) => m.conns);
  });

test('three tabs have one connection, and each all of the room', async ({ tab }) => {
  const tabs = [await tab(), await tab(), await tab()];
  expect(await members(tabs[2] as Page)).toEqual([1]);
  const ids = await Promise.all(tabs.map((t) => t.evaluate(() => window.lab.hub.user.getSnapshot()?.id)));
  expect(new Set(ids).size).toBe(1);
  for (const [i, t] of tabs.entries()) await say(t, `from ${i}`);
  for (const t of tabs) await expect.poll(() => heard(t)).toEqual(['from 0', 'from 1', 'from 2']);
  const last = tabs[1] as Page;
  const page = await last.evaluate(() => window.lab.room.history({ limit: 10 }));
  expect(page.events.map((e) => e.event.text)).toEqual(['from 0', 'from 1', 'from 2']);
});

for (const [how, end] of [
  ['closed', (page: Page) => page.close()],
  [
    'killed',
    async (page: Page) => {
      const session = await page.context().newCDPSession(page);
      void session.send('Page.crash').catch(() => undefined); // nobody is left to answer
      await page.waitForEvent('crash');
    },
  ],
  ['disconnected', (page: Page) => page.evaluate(() => window.lab.hub.disconnect())],
] as const) {
  test(`the next tab takes over from one that is ${how}, and nothing is lost or doubled`, async ({
    tab,
    hub,
  }) => {
    const holder = await tab();
    const others = [await tab(), await tab()] as const;
    const expected: string[] = [];
    for (let i = 0; i < 10; i++) {
      if (i === 5) await end(holder);
      for (const [n, page] of others.entries()) {
        expected.push(`${i}-${n}`);
        await say(page, `${i}-${n}`); // which waits for the ack
      }
    }
    for (const page of others) {
      await expect.poll(() => heard(page)).toEqual(expected);
      const lab = await page.evaluate(() => ({
        breaks: window.lab.breaks,
        connections: window.lab.connections,
      }));
      expect(lab).toEqual({ breaks: [], connections: 2 });
    }
    expect(await hub.tail('lobby', expected.length)).toEqual(expected);
    await expect.poll(() => members(others[1])).toEqual([1]);
  });
}

test('what is under way when the tab with the connection dies arrives once', async ({ tab, hub }) => {
  const holder = await tab();
  const other = await tab();
  const all = other.evaluate(() =>
    Promise.all(Array.from({ length: 200 }, (_, i) => window.lab.room.send({ text: `message ${i}` }))).then(
      (sent) => sent.length,
    ),
  );
  await holder.close();
  expect(await all).toBe(200);
  const expected = Array.from({ length: 200 }, (_, i) => `message ${i}`);
  expect(await hub.tail('lobby', 200)).toEqual(expected);
  await expect.poll(() => heard(other)).toEqual(expected);
});

test('the hub restarts: all tabs come back by the one connection', async ({ tab, hub }) => {
  const tabs = [await tab(), await tab(), await tab()] as const;
  await say(tabs[1], 'before');
  await hub.kill();
  await expect
    .poll(() => tabs[2].evaluate(() => window.lab.hub.status.getSnapshot().state))
    .not.toBe('connected');
  const late = say(tabs[2], 'while it was down');
  await hub.start();
  await late;
  for (const t of tabs) await expect.poll(() => heard(t)).toEqual(['before', 'while it was down']);
  expect(await members(tabs[0])).toEqual([1]);
});

test('a room is left when its last tab is gone', async ({ tab }) => {
  const holder = await tab();
  const other = await tab();
  const watcher = await tab({ shareTabs: false });
  expect(await members(watcher)).toEqual([1, 1]);
  await holder.evaluate(() => (window.lab.room as unknown as { leave(): Promise<void> }).leave());
  await say(other, 'still here');
  await expect.poll(() => heard(other)).toEqual(['still here']);
  expect(await heard(holder)).toEqual([]);
  await other.close();
  await expect.poll(() => watcher.evaluate(() => window.lab.room.presence.getSnapshot().count)).toBe(1);
});

test('others see one who types in a tab without the connection', async ({ tab }) => {
  await tab();
  const other = await tab();
  const watcher = await tab({ shareTabs: false });
  await other.evaluate(() => window.lab.room.typing.keystroke());
  await expect.poll(() => watcher.evaluate(() => window.lab.room.typing.users.getSnapshot().length)).toBe(1);
});

test('another user has a connection of their own', async ({ tab, hub }) => {
  const [ann, bob] = [await hub.token('ann', 'Ann', '*=*'), await hub.token('bob', 'Bob', '*=*')];
  // Functions do not reach a page: the token is put into it first.
  const as = async (token: string) => {
    const page = await tab({ shareTabs: false });
    await page.evaluate(async (token) => {
      window.lab.hub.close();
      const { url } = window.lab;
      // biome-ignore lint/suspicious/noExplicitAny: the class as it was built has no types here.
      const hub = new window.Hubbub({ url, shareTabs: true, getToken: () => token }) as any;
      window.lab.hub = hub;
      window.lab.room = hub.room('lobby');
      hub.connect();
      await hub.room('lobby').join();
    }, token);
    return page;
  };
  const pages = [await as(ann), await as(ann), await as(bob)];
  const ids = await Promise.all(pages.map((p) => p.evaluate(() => window.lab.hub.user.getSnapshot()?.id)));
  expect(ids).toEqual(['ann', 'ann', 'bob']);
  await expect.poll(() => members(pages[0] as Page)).toEqual([1, 1]);
});

test('a tab that hangs loses the connection to one that does not', async ({ tab }) => {
  const holder = await tab();
  const other = await tab();
  const session = await holder.context().newCDPSession(holder);
  await session.send('Debugger.enable');
  await session.send('Debugger.pause'); // at the next word that it hears
  const late = say(other, 'while it hangs');
  await other.evaluate(() => dispatchEvent(new Event('online'))); // has the client look whether all is well
  await late;
  await expect.poll(() => heard(other)).toEqual(['while it hangs']);
  await session.send('Debugger.disable');
  await expect.poll(() => holder.evaluate(() => window.lab.connections)).toBe(2); // it did hang
  await expect.poll(() => heard(holder)).toEqual(['while it hangs']);
  await say(holder, 'awake');
  await expect.poll(() => heard(other)).toEqual(['while it hangs', 'awake']);
  await expect.poll(() => members(other)).toEqual([1]);
});

test('a tab with documents has a connection of its own', async ({ tab }) => {
  const holder = await tab();
  const other = await tab();
  await say(holder, 'before');
  await other.evaluate(() => {
    const listener = { push: () => undefined, refreshed: () => undefined };
    // biome-ignore lint/suspicious/noExplicitAny: what documents use is no part of the types.
    (window.lab.hub as any).line('lobby/notes', listener);
  });
  await expect.poll(() => members(holder)).toEqual([2]); // of one user
  await say(holder, 'after');
  await expect.poll(() => heard(other)).toEqual(['before', 'after']);
  expect(await other.evaluate(() => window.lab.breaks)).toEqual([]);
});
