import * as Y from 'yjs';
import { rankBetween } from './rank';

/** A card as it stands. */
export interface Card {
  readonly id: string;
  readonly title: string;
  readonly done: boolean;
  /** The id of the person who does it, or "". */
  readonly assignee: string;
}

/** A column with its cards, from the top. */
export interface Column {
  readonly id: string;
  readonly title: string;
  readonly cards: readonly Card[];
}

/** Where a card stands: one value, so that of two moves at once one wins as a whole. */
interface Place {
  column: string;
  rank: string;
}

type Entry = Y.Map<unknown>;

/** What a board begins with. The ids are fixed, so that two people who begin it at once begin the same one. */
const firstColumns = [
  ['todo', 'To do'],
  ['doing', 'Doing'],
  ['done', 'Done'],
] as const;

/**
 * A board in a shared document: an array of columns and an array of cards, each of them a map. A card is
 * moved by giving it another place; it is never taken out and put in again, which would double it when
 * two people do so at once.
 */
export class Board {
  readonly undo: Y.UndoManager;
  readonly #doc: Y.Doc;
  readonly #columns: Y.Array<Entry>;
  readonly #cards: Y.Array<Entry>;

  constructor(doc: Y.Doc) {
    this.#doc = doc;
    this.#columns = doc.getArray('columns');
    this.#cards = doc.getArray('cards');
    this.undo = new Y.UndoManager([this.#columns, this.#cards], {
      trackedOrigins: new Set([this]),
      captureTimeout: 0,
    });
  }

  /** Calls back after each change of the board. */
  observe(fn: () => void): () => void {
    this.#columns.observeDeep(fn);
    this.#cards.observeDeep(fn);
    return () => {
      this.#columns.unobserveDeep(fn);
      this.#cards.unobserveDeep(fn);
    };
  }

  dispose(): void {
    this.undo.destroy();
  }

  /** The board as it stands. Cards whose column was removed meanwhile are in the first one. */
  read(): Column[] {
    const columns = new Map<string, { id: string; title: string; placed: { card: Card; rank: string }[] }>();
    for (const entry of this.#columns) {
      const id = text(entry, 'id');
      if (id && !columns.has(id)) columns.set(id, { id, title: text(entry, 'title'), placed: [] });
    }
    const first = columns.values().next().value;
    const seen = new Set<string>();
    for (const entry of this.#cards) {
      const card = cardOf(entry);
      if (!card.id || seen.has(card.id)) continue;
      seen.add(card.id);
      const { column, rank } = placeOf(entry);
      (columns.get(column) ?? first)?.placed.push({ card, rank });
    }
    return [...columns.values()].map(({ id, title, placed }) => ({
      id,
      title,
      cards: placed.sort(inOrder).map(({ card }) => card),
    }));
  }

  /** Gives an empty board its first columns. */
  begin(): void {
    this.#change(() => {
      if (this.#columns.length > 0) return;
      for (const [id, title] of firstColumns) this.#columns.push([new Y.Map(Object.entries({ id, title }))]);
    });
  }

  addColumn(title: string): void {
    const id = crypto.randomUUID();
    this.#change(() => this.#columns.push([new Y.Map(Object.entries({ id, title }))]));
  }

  renameColumn(id: string, title: string): void {
    this.#change(() => {
      for (const entry of this.#columns) if (text(entry, 'id') === id) entry.set('title', title);
    });
  }

  /** Removes a column and the cards that stand in it here. */
  removeColumn(id: string): void {
    const cards = new Set(
      this.read()
        .find((column) => column.id === id)
        ?.cards.map((card) => card.id),
    );
    this.#change(() => {
      remove(this.#cards, (entry) => cards.has(text(entry, 'id')));
      remove(this.#columns, (entry) => text(entry, 'id') === id);
    });
  }

  /** Puts a new card at the foot of a column. Its id is given back. */
  addCard(column: string, title: string): string {
    const id = crypto.randomUUID();
    const at = this.#placeAt(column, Number.POSITIVE_INFINITY, id);
    this.#change(() =>
      this.#cards.push([new Y.Map<unknown>(Object.entries({ id, title, done: false, at }))]),
    );
    return id;
  }

  editCard(id: string, change: Partial<Omit<Card, 'id'>>): void {
    this.#change(() => {
      const entry = this.#card(id);
      for (const [key, value] of Object.entries(change)) entry?.set(key, value);
    });
  }

  /** Puts a card before the one that stands at that index in the column, not counting itself. */
  moveCard(id: string, column: string, index: number): void {
    const at = this.#placeAt(column, index, id);
    this.#change(() => this.#card(id)?.set('at', at));
  }

  removeCard(id: string): void {
    this.#change(() => remove(this.#cards, (entry) => text(entry, 'id') === id));
  }

  #placeAt(column: string, index: number, moving: string): Place {
    const cards = this.read().find((other) => other.id === column)?.cards ?? [];
    const ranks = cards.filter((card) => card.id !== moving).map((card) => this.#rank(card.id));
    const low = index > 0 ? (ranks[Math.min(index, ranks.length) - 1] ?? '') : '';
    // Should two cards have the same rank, nothing fits between them: it goes below both.
    const high = ranks.slice(Math.max(0, index)).find((rank) => rank > low) ?? '';
    return { column, rank: rankBetween(low, high) };
  }

  #rank(id: string): string {
    const entry = this.#card(id);
    return entry ? placeOf(entry).rank : '';
  }

  #card(id: string): Entry | undefined {
    for (const entry of this.#cards) if (text(entry, 'id') === id) return entry;
    return undefined;
  }

  #change(fn: () => void): void {
    this.#doc.transact(fn, this);
  }
}

function inOrder(a: { card: Card; rank: string }, b: { card: Card; rank: string }): number {
  if (a.rank !== b.rank) return a.rank < b.rank ? -1 : 1;
  return a.card.id < b.card.id ? -1 : 1;
}

function remove(list: Y.Array<Entry>, unwanted: (entry: Entry) => boolean): void {
  for (let i = list.length - 1; i >= 0; i--) {
    const entry = list.get(i);
    if (unwanted(entry)) list.delete(i);
  }
}

// Others may write into the document with other programs: what does not have our shape reads as empty.

function text(entry: unknown, key: string): string {
  const value = entry instanceof Y.Map ? entry.get(key) : undefined;
  return typeof value === 'string' ? value : '';
}

function cardOf(entry: unknown): Card {
  const done = entry instanceof Y.Map && entry.get('done') === true;
  return { id: text(entry, 'id'), title: text(entry, 'title'), done, assignee: text(entry, 'assignee') };
}

function placeOf(entry: unknown): Place {
  const at: unknown = entry instanceof Y.Map ? entry.get('at') : undefined;
  if (typeof at !== 'object' || at === null) return { column: '', rank: '' };
  const { column, rank } = at as Partial<Record<keyof Place, unknown>>;
  return {
    column: typeof column === 'string' ? column : '',
    rank: typeof rank === 'string' && /^[0-9A-Za-z]*$/.test(rank) ? rank : '',
  };
}
