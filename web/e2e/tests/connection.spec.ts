import AxeBuilder from '@axe-core/playwright';
import { expect, test } from '../support/test.ts';

test('the banner says when the next try is, and can be hurried', async ({ join, hub }) => {
  const ann = await join('Ann');
  const banner = ann.page.getByTestId('connection');
  await expect(banner).toHaveCount(0);
  await hub.kill();
  await expect(banner).toContainText(/Connection lost\..*Next try in \d+ s\./);
  await ann.say('while it was down');
  await expect(banner).toContainText('1 message is waiting to be sent.');
  await expect(ann.message('while it was down')).toHaveAttribute('data-state', 'pending');
  // Wait for a long pause between tries, so that only the button can explain a quick return.
  await expect
    .poll(async () => Number(/in (\d+) s/.exec((await banner.textContent()) ?? '')?.[1] ?? 0), {
      timeout: 80_000,
    })
    .toBeGreaterThan(4);
  await hub.start();
  await banner.getByRole('button', { name: 'Try now' }).click();
  await expect(banner).toHaveCount(0, { timeout: 3_000 });
  await ann.sent('while it was down');
});

test('without a network it says so, keeps what is written and comes back by itself', async ({
  join,
  hub,
}) => {
  const ann = await join('Ann');
  await ann.context.setOffline(true);
  await hub.kill();
  const banner = ann.page.getByTestId('connection');
  await expect(banner).toContainText('You are offline.');
  await ann.say('written offline');
  await expect(banner).toContainText('1 message is waiting to be sent.');
  await hub.start();
  await ann.context.setOffline(false);
  await expect(banner).toHaveCount(0);
  await ann.sent('written offline');
});

test('a refused message says why, and can be sent again or dropped', async ({ open, hub }) => {
  const token = await hub.token('eve', 'Eve', 'lobby=join,history,presence,typing');
  const eve = await open();
  await eve.page.getByRole('button', { name: 'Sign in with it' }).click();
  await eve.page.getByRole('textbox', { name: 'Token' }).fill('not a token');
  await eve.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(eve.page.getByRole('alert')).toContainText('three parts');
  await eve.page.getByRole('textbox', { name: 'Token' }).fill(token);
  await eve.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await expect(eve.page.getByRole('button', { name: /Eve.*settings/ })).toBeVisible();

  await eve.say('I may not');
  const row = eve.message('I may not');
  await expect(row).toHaveAttribute('data-state', 'failed');
  await expect(row).toContainText(/Not sent\..*publish/);
  await row.getByRole('button', { name: 'Try again' }).click();
  await expect(row).toHaveAttribute('data-state', 'failed');
  await row.getByRole('button', { name: 'Discard' }).click();
  await expect(row).toHaveCount(0);

  await eve.page.goto(`${hub.url}/r/elsewhere`);
  await expect(eve.page.getByRole('heading', { name: 'You are not in #elsewhere' })).toBeVisible();
  await expect(eve.composer).toHaveCount(0);
});

test('a token that does not verify leads to the way out', async ({ open, hub }) => {
  const eve = await open();
  await eve.page.evaluate(() => sessionStorage.setItem('hubbub.app.token', '"e30.e30.e30"'));
  await eve.page.goto(`${hub.url}/r/lobby?again`);
  const banner = eve.page.getByTestId('connection');
  await expect(banner).toContainText('Not signed in.');
  await banner.getByRole('button', { name: 'Use a token' }).click();
  await expect(eve.page.getByRole('dialog', { name: 'Sign in with a token' })).toBeVisible();
});

test('a hub that lost its log is not hidden from those who had read it', async ({ join, hub }) => {
  const ann = await join('Ann');
  await ann.say('what will be lost');
  await ann.sent('what will be lost');
  await hub.kill();
  await hub.lose();
  await hub.start();
  const bob = await join('Bob');
  await bob.say('after the loss');
  await expect(ann.message('after the loss')).toBeVisible();
  const notice = ann.page.getByRole('article', { name: 'Notice about this room' });
  await expect(notice).toContainText('started afresh');
  await expect(ann.message('what will be lost')).toHaveCount(0);
  const { violations } = await new AxeBuilder({ page: ann.page }).setLegacyMode(true).analyze();
  expect(violations.map(({ id }) => id)).toEqual([]);
  await notice.getByRole('button', { name: 'Dismiss this notice' }).click();
  await expect(notice).toHaveCount(0);
});

test('who may write but neither read back nor see others is let in all the same', async ({
  join,
  open,
  hub,
}) => {
  const ann = await join('Ann');
  const token = await hub.token('box', 'Suggestion box', 'lobby=join,publish');
  const box = await open();
  await box.page.evaluate((kept) => sessionStorage.setItem('hubbub.app.token', JSON.stringify(kept)), token);
  await box.page.reload();
  await box.say('let there be cake');
  await expect(ann.message('let there be cake').locator('.name')).toHaveText('Suggestion box');
  await box.sent('let there be cake');
});
