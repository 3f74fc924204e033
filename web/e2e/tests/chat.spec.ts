import { expect, test } from '../support/test.ts';

test('what one person writes the other sees, and the other way round', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await ann.say('Hello **Bob**');
  await expect(bob.message('Hello Bob').locator('strong')).toHaveText('Bob');
  await expect(bob.message('Hello Bob').locator('.name')).toHaveText('Ann');
  await bob.say('Hi Ann');
  await expect(ann.message('Hi Ann')).toBeVisible();
  expect(await ann.texts()).toEqual(await bob.texts());
});

test('a reload keeps who one is, what was said and what was begun', async ({ join }) => {
  const ann = await join('Ann');
  await ann.say('Before the reload');
  await ann.sent('Before the reload');
  await ann.composer.fill('half a thou');
  await ann.page.reload();
  await expect(ann.message('Before the reload').getByText('you', { exact: true })).toBeVisible();
  await expect(ann.composer).toHaveValue('half a thou');
  await ann.use('Edit', 'Before the reload'); // only its author may
  await ann.page.keyboard.press('Escape');
  await expect(ann.page.getByRole('button', { name: /Ann.*settings/ })).toBeVisible();
});

test('edit, react, reply and delete are seen by others', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await ann.say('Teh first');
  await ann.sent('Teh first');

  await ann.composer.press('ArrowUp');
  const editor = ann.page.getByRole('textbox', { name: 'Edit your message' });
  await expect(editor).toHaveValue('Teh first');
  await editor.fill('The first');
  await editor.press('Enter');
  await expect(bob.message('The first')).toContainText('(edited)');

  await bob.use('React with 👍', 'The first');
  const reaction = ann.message('The first').getByRole('button', { name: '👍 from Bob' });
  await expect(reaction).toContainText('1');
  await reaction.click();
  await expect(bob.message('The first').getByRole('button', { name: '👍 from You and Ann' })).toContainText(
    '2',
  );
  await bob
    .message('The first')
    .getByRole('button', { name: /^👍 from/ })
    .click();
  await expect(ann.message('The first').getByRole('button', { name: '👍 from You' })).toContainText('1');

  await bob.use('Reply', 'The first');
  await bob.say('An answer');
  await expect(ann.message('An answer').getByRole('button', { name: /In answer to Ann/ })).toContainText(
    'The first',
  );

  await ann.use('Delete', 'The first');
  await ann.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(bob.page.locator('article').first()).toContainText('Message deleted');
  await expect(bob.message('An answer')).toContainText('Message deleted'); // the quote says so too
  await ann.page.reload();
  await expect(ann.page.locator('article').first()).toContainText('Message deleted');
  await expect(ann.page.getByText('The first')).toHaveCount(0);
});

test('others see who is typing and who is here', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  const here = ann.page.getByRole('complementary', { name: 'Who is here' });
  await expect(here.getByRole('listitem')).toHaveText([/Ann/, /Bob/]);
  await bob.composer.pressSequentially('I am thinking');
  await expect(ann.page.getByTestId('typing')).toHaveText('Bob is typing…');
  await bob.composer.fill('');
  await expect(ann.page.getByTestId('typing')).toHaveText('');
  await bob.context.close();
  await expect(here.getByRole('listitem')).toHaveText([/Ann/], { timeout: 2_500 });
});

test('a guest can take another name', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await ann.say('as Ann');
  await ann.page.getByRole('button', { name: /settings/ }).click();
  const dialog = ann.page.getByRole('dialog');
  await dialog.getByRole('textbox', { name: 'Your name' }).fill('Anna');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await expect(ann.page.getByRole('button', { name: /Anna.*settings/ })).toBeVisible();
  await expect(bob.page.getByRole('complementary').getByText('Anna')).toBeVisible();
  await ann.say('as Anna');
  await expect(bob.message('as Anna').locator('.name')).toHaveText('Anna');
  await expect(ann.message('as Ann').first().getByText('you', { exact: true })).toBeVisible();
});

test('rooms are joined by name and by address, and marked while they are unread', async ({ join, hub }) => {
  const ann = await join('Ann');
  await ann.page.keyboard.press('Control+k');
  await ann.page.getByRole('combobox').fill('team/ops');
  await ann.page.keyboard.press('Enter');
  await expect(ann.page.getByRole('heading', { level: 1, name: 'team/ops' })).toBeVisible();
  expect(new URL(ann.page.url()).pathname).toBe('/r/team%2Fops');

  const rooms = ann.page.getByRole('navigation', { name: 'Rooms' });
  await expect(rooms.getByRole('link')).toHaveText([/lobby/, /team\/ops/]);
  const bob = await join('Bob');
  await bob.say('one');
  await bob.say('two');
  await bob.sent('two');
  await expect(rooms.getByRole('link', { name: 'lobby 2 unread' })).toBeVisible();
  await expect(ann.page).toHaveTitle('(2) #team/ops · Hubbub');
  await bob.use('React with 👍', 'two'); // no message, so no mark
  await expect(bob.message('two').getByRole('button', { name: /👍 from/ })).toBeVisible();
  await ann.page.reload();
  await expect(rooms.getByRole('link', { name: 'lobby 2 unread' })).toBeVisible();

  await rooms.getByRole('link', { name: /lobby/ }).click();
  await expect(ann.page.locator('.row').filter({ hasText: 'one' })).toContainText('New messages');
  await expect(rooms.getByRole('link', { name: 'lobby', exact: true })).toBeVisible();
  await bob.say('three');
  await expect(ann.message('three')).toBeVisible();
  await expect(ann.page.getByText('New messages')).toHaveCount(1); // where it stood when the room was opened
  await expect(ann.page).toHaveTitle('#lobby · Hubbub');

  await ann.page.goto(`${hub.url}/r/by-address`);
  await expect(ann.page.getByText('Nobody has said anything in #by-address yet')).toBeVisible();
  await expect(rooms.getByRole('link')).toHaveText([/by-address/, /lobby/, /team\/ops/]);
});

test('each room keeps its own draft', async ({ join }) => {
  const ann = await join('Ann');
  await ann.composer.fill('for the lobby');
  await ann.page.keyboard.press('Control+k');
  await ann.page.getByRole('combobox').fill('other');
  await ann.page.keyboard.press('Enter');
  await expect(ann.composer).toHaveValue('');
  await ann.composer.fill('for the other');
  const rooms = ann.page.getByRole('navigation', { name: 'Rooms' });
  await rooms.getByRole('link', { name: 'lobby , has a draft' }).click();
  await expect(ann.composer).toHaveValue('for the lobby');
  await rooms.getByRole('link', { name: /other/ }).click();
  await expect(ann.composer).toHaveValue('for the other');
});

test('two tabs of one person keep one list of rooms and one name', async ({ join }) => {
  const ann = await join('Ann');
  const tab = await ann.context.newPage();
  await tab.goto(ann.page.url());
  await expect(tab.getByRole('textbox', { name: /^Message #/ })).toBeVisible();
  for (const [page, room] of [
    [ann.page, 'one'],
    [tab, 'two'],
  ] as const) {
    await page.keyboard.press('Control+k');
    await page.getByRole('combobox').fill(room);
    await page.keyboard.press('Enter');
    await expect(page.getByRole('heading', { level: 1, name: room })).toBeVisible();
  }
  for (const page of [ann.page, tab]) {
    await expect(page.getByRole('navigation', { name: 'Rooms' }).getByRole('link')).toHaveText([
      /lobby/,
      /one/,
      /two/,
    ]);
  }
  await tab.getByRole('button', { name: /settings/ }).click();
  await tab.getByRole('textbox', { name: 'Your name' }).fill('Anna');
  await tab.keyboard.press('Enter');
  await expect(ann.page.getByRole('button', { name: /Anna.*settings/ })).toBeVisible();
});
