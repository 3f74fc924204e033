import type { Person } from '../support/person.ts';
import { expect, test } from '../support/test.ts';

const column = (person: Person, name: string) => person.page.getByRole('region', { name, exact: true });
const card = (person: Person, title: string) => person.page.getByRole('article', { name: title });

async function add(person: Person, to: string, ...titles: string[]): Promise<void> {
  await person.page.getByRole('button', { name: `Add a card to ${to}` }).click();
  const field = person.page.getByRole('textbox', { name: 'Title of the new card' });
  for (const title of titles) {
    await field.fill(title);
    await field.press('Enter');
  }
  await field.press('Escape');
}

async function begin(person: Person): Promise<void> {
  await person.turnTo('Board');
  await person.page.getByRole('button', { name: /^Begin with/ }).click();
}

test('two people move the same card, and it is there once', async ({ join }) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await begin(ann);
  await add(ann, 'To do', 'Milk', 'Bread');
  await bob.turnTo('Board');
  await expect(card(bob, 'Bread')).toBeVisible();

  await card(ann, 'Milk').focus();
  await card(bob, 'Milk').focus();
  await Promise.all([
    ann.page.keyboard.press('Shift+ArrowRight'),
    bob.page.keyboard.press('Shift+ArrowDown'),
  ]);
  await expect(ann.docState).toHaveText('Saved');
  await expect(bob.docState).toHaveText('Saved');
  for (const person of [ann, bob]) {
    await expect(card(person, 'Milk')).toHaveCount(1);
    await expect(person.page.getByRole('article')).toHaveCount(2);
  }
  const where = (person: Person) => column(person, 'Doing').getByRole('article').count();
  await expect.poll(async () => (await where(ann)) === (await where(bob))).toBe(true);
});

test('cards are added, dragged, ticked, renamed, assigned and deleted, and that is undone', async ({
  join,
}) => {
  const ann = await join('Ann');
  const bob = await join('Bob');
  await bob.turnTo('Board');
  await begin(ann);
  await add(ann, 'To do', 'Milk', 'Bread');
  await card(ann, 'Bread').dragTo(column(ann, 'Done').getByRole('button', { name: 'Add a card' }));
  await expect(column(bob, 'Done').getByRole('article', { name: 'Bread' })).toBeVisible();
  await card(ann, 'Bread').dragTo(card(ann, 'Milk'), { targetPosition: { x: 60, y: 4 } });
  await expect(column(bob, 'To do').getByRole('article')).toHaveText([/Bread/, /Milk/]);

  await bob.page.getByRole('checkbox', { name: 'Done: Milk' }).click();
  await expect(ann.page.getByRole('checkbox', { name: 'Done: Milk' })).toBeChecked();
  await card(ann, 'Milk').focus();
  await ann.page.keyboard.press('Enter');
  await ann.page.keyboard.type('Oat milk');
  await ann.page.keyboard.press('Enter');
  await expect(card(bob, 'Oat milk')).toBeVisible();
  await ann.page.getByRole('button', { name: 'More about Oat milk' }).click();
  await ann.page.getByRole('menuitem', { name: 'Assign to Bob' }).click();
  await expect(card(bob, 'Oat milk')).toContainText('Assigned to Bob');

  await card(ann, 'Oat milk').focus();
  await ann.page.keyboard.press('Delete');
  await expect(card(bob, 'Oat milk')).toHaveCount(0);
  await ann.page.getByRole('button', { name: 'Undo' }).click();
  await expect(card(bob, 'Oat milk')).toBeVisible();

  await ann.page.getByRole('button', { name: 'Add a column' }).click();
  await ann.page.keyboard.type('Later');
  await ann.page.keyboard.press('Enter');
  await expect(column(bob, 'Later')).toBeVisible();
});

test('a board is there after the hub was killed', async ({ join, hub }) => {
  const ann = await join('Ann');
  await begin(ann);
  await add(ann, 'Doing', 'Water the plants');
  await expect(ann.docState).toHaveText('Saved');
  await hub.kill();
  await hub.start();
  const bob = await join('Bob');
  await bob.turnTo('Board');
  await expect(column(bob, 'Doing').getByRole('article', { name: 'Water the plants' })).toBeVisible();
});
