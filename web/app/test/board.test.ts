import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { Board } from '../src/lib/docs/board';
import { rankBetween } from '../src/lib/docs/rank';

/** Two people with a copy each, who hear nothing of one another until `meet`. */
function pair() {
  const docs = [new Y.Doc(), new Y.Doc()] as const;
  const boards = [new Board(docs[0]), new Board(docs[1])] as const;
  const meet = () => {
    for (const [from, to] of [docs, [docs[1], docs[0]] as const]) {
      Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)));
    }
  };
  return { ann: boards[0], bob: boards[1], meet };
}

const shape = (board: Board) =>
  Object.fromEntries(board.read().map(({ id, cards }) => [id, cards.map((card) => card.title)]));

function filled(...titles: string[]) {
  const people = pair();
  people.ann.begin();
  const ids = titles.map((title) => people.ann.addCard('todo', title));
  people.meet();
  return { ...people, ids };
}

describe('a board', () => {
  it('that two begin at once has each column once', () => {
    const { ann, bob, meet } = pair();
    ann.begin();
    bob.begin();
    meet();
    expect(ann.read().map((column) => column.title)).toEqual(['To do', 'Doing', 'Done']);
    expect(bob.read()).toEqual(ann.read());
  });

  it('has a card once when two move it at once, and in the same place for both', () => {
    const { ann, bob, meet, ids } = filled('a', 'b', 'c');
    ann.moveCard(ids[0] ?? '', 'doing', 0);
    bob.moveCard(ids[0] ?? '', 'done', 0);
    meet();
    expect(bob.read()).toEqual(ann.read());
    expect(Object.values(shape(ann)).flat().sort()).toEqual(['a', 'b', 'c']);
    expect(shape(ann).todo).toEqual(['b', 'c']);
  });

  it('keeps a title and a tick that came while somebody else moved the card', () => {
    const { ann, bob, meet, ids } = filled('a', 'b');
    ann.moveCard(ids[1] ?? '', 'todo', 0);
    bob.editCard(ids[1] ?? '', { title: 'B', done: true });
    meet();
    expect(shape(ann).todo).toEqual(['B', 'a']);
    expect(bob.read()).toEqual(ann.read());
    expect(ann.read()[0]?.cards[0]?.done).toBe(true);
  });

  it('moves a card within its column and between columns to where it was put', () => {
    const { ann, ids } = filled('a', 'b', 'c', 'd');
    ann.moveCard(ids[3] ?? '', 'todo', 1);
    expect(shape(ann).todo).toEqual(['a', 'd', 'b', 'c']);
    ann.moveCard(ids[0] ?? '', 'todo', 3);
    expect(shape(ann).todo).toEqual(['d', 'b', 'c', 'a']);
    ann.moveCard(ids[2] ?? '', 'done', 0);
    ann.moveCard(ids[1] ?? '', 'done', 1);
    expect(shape(ann)).toEqual({ todo: ['d', 'a'], doing: [], done: ['c', 'b'] });
  });

  it('loses no card that was moved into a column which somebody else removed', () => {
    const { ann, bob, meet, ids } = filled('a', 'b');
    ann.moveCard(ids[0] ?? '', 'done', 0);
    bob.removeColumn('done');
    meet();
    expect(shape(ann).todo?.toSorted()).toEqual(['a', 'b']);
    expect(shape(ann).done).toBeUndefined();
    expect(bob.read()).toEqual(ann.read());
  });

  it('takes back what its reader did and nothing else', () => {
    const { ann, bob, meet, ids } = filled('a', 'b');
    ann.removeCard(ids[0] ?? '');
    bob.addCard('todo', 'c');
    meet();
    ann.undo.undo();
    meet();
    expect(shape(bob).todo).toEqual(['a', 'b', 'c']);
  });

  it('converges whatever two people do at once', () => {
    let seed = 7;
    const below = (n: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return seed % n;
    };
    const { ann, bob, meet } = filled('a', 'b', 'c', 'd', 'e');
    for (let round = 0; round < 60; round++) {
      for (const board of [ann, bob]) {
        const cards = board.read().flatMap((column) => column.cards);
        const card = cards[below(cards.length)]?.id ?? '';
        board.moveCard(card, ['todo', 'doing', 'done'][below(3)] ?? '', below(4));
      }
      meet();
      expect(bob.read()).toEqual(ann.read());
      expect(Object.values(shape(ann)).flat().sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    }
  });

  it('reads what another program wrote wrongly as nothing', () => {
    const doc = new Y.Doc();
    doc.getArray('columns').push([1, null, new Y.Map(Object.entries({ id: 'x', title: 5 }))]);
    doc
      .getArray('cards')
      .push(['?', new Y.Map(Object.entries({ id: 'c', title: 'C', at: { rank: '\u0000', column: 7 } }))]);
    expect(new Board(doc).read()).toEqual([
      { id: 'x', title: '', cards: [{ id: 'c', title: 'C', done: false, assignee: '' }] },
    ]);
  });
});

describe('ranks', () => {
  it.each(['first', 'last', 'random'])('leave room for another %s one, a thousand times', (where) => {
    const ranks: string[] = [];
    for (let n = 0; n < 1000; n++) {
      const at = { first: 0, last: n, random: (n * 7919) % (n + 1) }[where] ?? 0;
      const rank = rankBetween(ranks[at - 1] ?? '', ranks[at] ?? '');
      ranks.splice(at, 0, rank);
    }
    expect(ranks).toEqual([...ranks].sort());
    expect(new Set(ranks).size).toBe(1000);
    if (where === 'last') expect(ranks.at(-1)?.length).toBeLessThan(60);
  });

  it('of two people who choose the same place differ', () => {
    expect(rankBetween('A', 'B')).not.toBe(rankBetween('A', 'B'));
  });

  it('are not made between bounds that are the wrong way round', () => {
    expect(() => rankBetween('B', 'A')).toThrow('the first must be lower');
  });
});
