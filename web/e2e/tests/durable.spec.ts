import { Hub } from '../support/hub.ts';
import { kept } from '../support/kept.ts';
import { expect, test } from '../support/test.ts';

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => `message ${from + i}`);

test('the hub is killed while somebody types: each message arrives once, in order', async ({ join, hub }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  for (const text of numbered(1, 6)) await ann.say(text);
  await hub.kill(); // with some of them under way
  for (const text of numbered(7, 12)) await ann.say(text);
  await expect(ann.message('message 12')).toHaveAttribute('data-state', 'pending');
  await expect(ann.page.getByTestId('connection')).toContainText('waiting to be sent');
  await hub.start();
  for (const text of numbered(13, 15)) await ann.say(text);
  await ann.sent('message 15');
  await ann.say('the end');
  await ann.sent('the end');

  const expected = [...numbered(1, 15), 'the end'];
  expect(await hub.tail('lobby', expected.length)).toEqual(expected);
  await expect.poll(() => bob.texts()).toEqual(expected);
  expect(await ann.texts()).toEqual(expected);
  await expect(ann.page.getByTestId('connection')).toHaveCount(0);
});

test('a tab closed with unsent messages sends them when it is opened again', async ({ join, hub }) => {
  const ann = await join('Ann');
  await ann.say('before');
  await ann.sent('before');
  await hub.kill();
  for (const text of numbered(1, 3)) await ann.say(text);
  await expect(ann.message('message 3')).toHaveAttribute('data-state', 'pending');
  await ann.page.close();
  await hub.start();

  const again = await ann.context.newPage();
  await again.goto(`${hub.url}/r/lobby`);
  await expect(again.locator('article').filter({ hasText: 'message 3' })).toHaveAttribute(
    'data-state',
    'sent',
  );
  const expected = ['before', ...numbered(1, 3)];
  expect(await again.locator('article .md').allInnerTexts()).toEqual(expected);
  await hub.send('lobby', ['the end']);
  expect(await hub.tail('lobby', expected.length + 1)).toEqual([...expected, 'the end']);
});

test.describe('past the dedup window', () => {
  const window = 1_000;

  test.use({
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the pattern to see that nothing is needed.
    hub: async ({}, use) => {
      const hub = await Hub.start('--dedup-window', `${window}ms`);
      await use(hub);
      await hub.remove();
    },
  });

  test('what was stored without its sender being told is not stored twice', async ({ open, hub }) => {
    const ann = await open();
    // From the first publish on nothing comes back: stored, and the news of it lost.
    let published = 0;
    await ann.page.routeWebSocket('**/ws', (socket) => {
      const server = socket.connectToServer();
      socket.onMessage((message) => {
        if (String(message).includes('"publish"')) published++;
        server.send(message);
      });
      server.onMessage((message) => {
        if (published === 0) socket.send(message);
      });
    });
    await ann.page.reload();
    await ann.page.getByRole('textbox', { name: 'What should others call you?' }).fill('Ann');
    await ann.page.keyboard.press('Enter');
    await ann.say('stored, but not told');
    await expect(ann.message('stored, but not told')).toHaveAttribute('data-state', 'sending');
    expect(await hub.tail('lobby', 1)).toEqual(['stored, but not told']);
    const stored = Date.now();
    await ann.say('never left');
    await expect.poll(() => kept(ann.page, 'hubbub', 'outbox')).toBe(2);
    await ann.page.close();
    await expect.poll(() => Date.now() - stored, { timeout: 10 * window }).toBeGreaterThan(3 * window);

    const again = await ann.context.newPage();
    await again.goto(`${hub.url}/r/lobby`);
    await expect(again.locator('article').filter({ hasText: 'never left' })).toHaveAttribute(
      'data-state',
      'sent',
    );
    expect(await again.locator('article .md').allInnerTexts()).toEqual([
      'stored, but not told',
      'never left',
    ]);
    await hub.send('lobby', ['the end']);
    expect(await hub.tail('lobby', 3)).toEqual(['stored, but not told', 'never left', 'the end']);
    expect(published).toBe(1);
  });
});
