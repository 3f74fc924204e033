import type { Page } from '@playwright/test';
import { expect, test } from '../support/test.ts';

const lines = (count: number) =>
  Array.from({ length: count }, (_, i) => `line ${i + 1}${' and some more words'.repeat((i * 7) % 11)}`);

/** Where the first message that is wholly on screen stands. */
async function anchor(page: Page): Promise<{ key: string; top: number }> {
  return page.evaluate(() => {
    const view = document.querySelector('[data-testid="scroller"]')?.getBoundingClientRect();
    for (const article of document.querySelectorAll<HTMLElement>('article')) {
      const { top } = article.getBoundingClientRect();
      if (view && top >= view.top) return { key: article.dataset.key ?? '', top };
    }
    throw new Error('no message is on screen');
  });
}

/**
 * Scrolls up until older messages are being fetched, then watches the first message on screen frame by
 * frame. `end` waits until they are there and tells how far that message ever was from where it stood.
 */
async function scrollUntilBusy() {
  const scroller = document.querySelector<HTMLElement>('[data-testid="scroller"]');
  const feed = document.querySelector<HTMLElement>('[role="feed"]');
  if (!scroller || !feed) throw new Error('there is no feed');
  const frame = () => new Promise(requestAnimationFrame);
  while (feed.ariaBusy !== 'true') {
    scroller.scrollTop -= 1_500;
    await frame();
  }
  for (let settle = 0; settle < 3; settle++) await frame();
  const { top } = scroller.getBoundingClientRect();
  const rows = () => [...document.querySelectorAll<HTMLElement>('article')];
  const first = rows().find((row) => row.getBoundingClientRect().top >= top);
  if (!first) throw new Error('no message is on screen');
  const { key } = first.dataset;
  const was = first.getBoundingClientRect().top;
  const distance = () => {
    const row = rows().find((other) => other.dataset.key === key);
    return row ? Math.abs(row.getBoundingClientRect().top - was) : Number.POSITIVE_INFINITY;
  };
  return {
    async end() {
      let worst = distance();
      for (let quiet = 0; quiet < 6; quiet = feed.ariaBusy === 'true' ? 0 : quiet + 1) {
        await frame();
        worst = Math.max(worst, distance());
      }
      return worst;
    },
  };
}

/** Scrolls up over that many messages as fast as a flick of the wheel, one step a frame. */
async function scrollBack(messages: number) {
  const scroller = document.querySelector<HTMLElement>('[data-testid="scroller"]');
  if (!scroller) throw new Error('there is no feed');
  const frame = () => new Promise<number>(requestAnimationFrame);
  const articles = () => [...document.querySelectorAll('article')];
  const sequence = (row: HTMLElement | undefined) => Number(row?.dataset.seq ?? 0);
  const newest = sequence(articles().at(-1));
  const times: number[] = [];
  let rows = 0;
  let last = await frame();
  while (newest - sequence(articles()[0]) < messages) {
    scroller.scrollBy(0, -240);
    const now = await frame();
    rows = Math.max(rows, articles().length);
    times.push(now - last);
    last = now;
  }
  times.sort((a, b) => a - b);
  return { rows, frames: times.length, median: Math.round(times[times.length >> 1] ?? 0) };
}

test('a room is opened at its end, and following it needs no scrolling', async ({ join, hub }) => {
  await hub.send('lobby', lines(300));
  const ann = await join('Ann');
  await expect(ann.message('line 300')).toBeInViewport();
  await hub.send('lobby', ['a new one']);
  await expect(ann.message('a new one')).toBeInViewport();

  await ann.scroller.hover();
  await ann.page.mouse.wheel(0, -3000);
  await expect(ann.page.getByRole('button', { name: 'Jump to latest' })).toBeVisible();
  const before = await anchor(ann.page);
  await hub.send('lobby', ['news', 'and more news']);
  const jump = ann.page.getByRole('button', { name: '2 new messages' });
  await expect(jump).toBeVisible();
  expect(await anchor(ann.page)).toEqual(before);
  await jump.click();
  await expect(ann.message('and more news')).toBeInViewport();
  await expect(ann.page.getByRole('button', { name: /Jump to latest|new message/ })).toHaveCount(0);
});

test('whoever is at the end stays there, whatever grows', async ({ join, hub }) => {
  await hub.send('lobby', lines(60));
  const ann = await join('Ann');
  const bob = await join('Bob');
  await bob.say('short');
  await bob.sent('short');
  await expect(ann.message('short')).toBeInViewport();
  const fromEnd = () =>
    ann.scroller.evaluate(({ scrollHeight, scrollTop, clientHeight }) =>
      Math.round(scrollHeight - scrollTop - clientHeight),
    );
  expect(await fromEnd()).toBe(0);
  await bob.use('React with 👍', 'short');
  await expect(ann.message('short').getByRole('button', { name: /👍 from/ })).toBeInViewport({ ratio: 1 });
  await bob.use('React with 👍', 'line 60');
  await expect(ann.message('line 60').getByRole('button', { name: /👍 from/ })).toBeVisible();
  await bob.composer.press('ArrowUp');
  await bob.page
    .getByRole('textbox', { name: 'Edit your message' })
    .fill('much\n\n\nlonger\n\n\nthan\n\n\nbefore');
  await bob.page.keyboard.press('Enter');
  await expect(ann.message('longer')).toBeInViewport({ ratio: 1 });
  await ann.composer.fill('a\nb\nc\nd\ne'); // a taller composer leaves less room
  await expect.poll(fromEnd).toBe(0);
});

test('older messages come in above without moving what is read: 200 pages, 1 pixel at most', async ({
  join,
  hub,
}) => {
  test.setTimeout(600_000);
  await hub.send('deep', lines(21_000));
  // History is answered only when the test says so, so that the row can be looked at before and after.
  const ann = await join('Ann', { room: 'empty-one' });
  let release: (() => void) | undefined;
  await ann.page.routeWebSocket('**/ws', (socket) => {
    const server = socket.connectToServer();
    server.onMessage((message) => {
      if (!String(message).startsWith('{"type":"history"')) return socket.send(message);
      release = () => socket.send(message);
    });
  });
  await ann.page.goto(`${hub.url}/r/deep`);
  await expect(ann.message(/line 21000/)).toBeInViewport();

  let worst = 0;
  for (let page = 0; page < 200; page++) {
    const drift = await ann.page.evaluateHandle(scrollUntilBusy);
    await expect.poll(() => release !== undefined, { intervals: [5] }).toBe(true);
    release?.();
    release = undefined;
    worst = Math.max(worst, await drift.evaluate((watch) => watch.end()));
  }
  expect(worst).toBeLessThanOrEqual(1);
  console.log(`anchor row moved ${worst} px at most over 200 prepends`);
});

test('a room of 100,000 messages opens at once and scrolls smoothly', async ({ join, hub }) => {
  test.setTimeout(240_000);
  await hub.send('huge', lines(100_000));
  const ann = await join('Ann');
  await ann.page.goto(`${hub.url}/r/huge`);
  await expect(ann.message('line 100000')).toBeInViewport();

  // What a frame costs the page in CPU, since how long it takes depends on what else the machine does.
  const cdp = await ann.context.newCDPSession(ann.page);
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => {
    const { metrics } = await cdp.send('Performance.getMetrics');
    return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const before = await busy();
  const result = await ann.page.evaluate(scrollBack, 2_000);
  const cost = ((await busy()) - before) / result.frames;
  console.log(
    `scrolled back over 2,000 messages in ${result.frames} frames (median ${result.median} ms): ` +
      `${cost.toFixed(1)} ms of CPU a frame, ${result.rows} rows drawn at most`,
  );
  expect(result.rows).toBeLessThan(120);
  expect(cost).toBeLessThan(1_000 / 60);

  // To the far end of the room, and back.
  await ann.page.goto(`${hub.url}/r/huge#m=${await hub.seqOf('huge', 'line 56', 60)}`);
  await expect(ann.message('line 56')).toBeInViewport();
  await ann.page.getByRole('button', { name: 'Back to present' }).click();
  await expect(ann.message('line 100000')).toBeInViewport();
});

test('a link to a message works twice, and leads back to the present', async ({ join, hub }) => {
  await hub.send('lobby', lines(1_000));
  const ann = await join('Ann');
  await expect(ann.message('line 1000')).toBeInViewport();
  const old = await hub.seqOf('lobby', lines(300)[299] ?? '', 300);
  await ann.say(`look at ${hub.url}/r/lobby#m=${old}`);
  const link = ann.message('look at').getByRole('link', { name: /#m=/ });
  const target = ann.page.locator('article.flash');

  for (let time = 0; time < 2; time++) {
    await link.click();
    await expect(target).toBeInViewport();
    await expect(target).toHaveAttribute('data-seq', /^\d+$/);
    expect(new URL(ann.page.url()).hash).toBe(`#m=${old}`);
    await ann.page.getByRole('button', { name: 'Back to present' }).click();
    await expect(link).toBeInViewport();
    expect(new URL(ann.page.url()).hash).toBe('');
  }

  // The same address once more, typed in; then from outside, in a new tab.
  await ann.page.goto(`${hub.url}/r/lobby#m=${old}`);
  await expect(target).toBeInViewport();
  await ann.scroller.hover();
  await ann.page.mouse.wheel(0, 5_000);
  await expect(ann.page).toHaveURL(`${hub.url}/r/lobby`); // gone from the address as from the screen
  await ann.page.evaluate((hash) => location.assign(hash), `#m=${old}`);
  await expect(target).toBeInViewport();
  const tab = await ann.context.newPage();
  await tab.goto(`${hub.url}/r/lobby#m=${old}`);
  await expect(tab.locator(`article[data-seq="${old}"]`)).toBeInViewport({ timeout: 30_000 });
  await tab.goto(`${hub.url}/r/lobby#m=999999999`);
  await expect(tab.getByText('That message is not here any more.')).toBeVisible();
});

test('messages that come while nobody looks get the line above them', async ({ join, hub }) => {
  const ann = await join('Ann');
  await hub.send('lobby', ['seen']);
  await expect(ann.message('seen')).toBeVisible();
  const other = await ann.context.newPage(); // takes the focus
  await other.bringToFront();
  await ann.page.evaluate(() => {
    document.hasFocus = () => false;
    dispatchEvent(new Event('blur'));
  });
  await hub.send('lobby', ['unseen one', 'unseen two']);
  await expect(ann.page.locator('.row').filter({ hasText: 'unseen one' })).toContainText('New messages');
  await expect(ann.page).toHaveTitle('(2) #lobby · Hubbub');
  await ann.page.evaluate(() => {
    document.hasFocus = () => true;
    dispatchEvent(new Event('focus'));
  });
  await expect(ann.page).toHaveTitle('#lobby · Hubbub');
  await expect(ann.page.getByText('New messages')).toBeVisible();
  await ann.composer.press('Escape');
  await expect(ann.page.getByText('New messages')).toHaveCount(0);
});
