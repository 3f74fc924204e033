import { change, changes, post, posts } from './fold.js';
import type { Message, RoomEvent, StoredEvent } from './types.js';

/** How many messages a window holds; beyond it the far end is dropped, a part at a time. */
export const MAX_ROWS = 2000;
const DROP = 200;

interface Row {
  message: Message;
  /** The highest sequence of what changed it, so that nothing older is applied on top. */
  changed: number;
}

/** A page of events, as joins and history bring it. */
export interface Page {
  events: readonly StoredEvent[];
  changes?: readonly StoredEvent[] | undefined;
  hasOlder: boolean;
  hasNewer: boolean;
}

/**
 * A connected stretch of a room, folded into messages. Events may come to it from pages and from the
 * live order, overlapping in any way: each has its effect once, in the room's order.
 */
export class Window {
  hasOlder: boolean;
  hasNewer: boolean;
  /** It reaches the room's end, and the events that come next belong to it. */
  live = false;
  /** The lowest and highest event that was read for it: where the next page begins. */
  oldest = Number.POSITIVE_INFINITY;
  newest = 0;
  readonly #me: () => string | undefined;
  #rows: Row[] = [];
  #keys = new Set<string>();

  /** Whether a message with that key stands in the window. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  constructor(page: Page, me: () => string | undefined) {
    this.#me = me;
    this.hasOlder = page.hasOlder;
    this.hasNewer = page.hasNewer;
    this.#take(page);
  }

  get length(): number {
    return this.#rows.length;
  }

  /** Adds the messages, in order, to `out`. */
  collect(out: Message[]): void {
    for (const row of this.#rows) out.push(row.message);
  }

  get(seq: number): Message | undefined {
    const row = this.#rows[this.#find(seq)];
    return row?.message.seq === seq ? row.message : undefined;
  }

  /** Takes the room's next event. Gives the message that it posted or changed. */
  apply(seq: number, event: RoomEvent): Message | undefined {
    if (changes(event)) return this.#change(seq, event);
    if (!posts(event) || !this.live) return undefined;
    this.oldest = Math.min(this.oldest, seq);
    const message = this.#post(seq, event);
    if (this.#rows.length > MAX_ROWS) this.dropOldest(MAX_ROWS - DROP);
    return message;
  }

  /** Puts an older page before it. What no longer fits is cut off at the end and given back. */
  prepend(page: Page): Window | undefined {
    this.hasOlder = page.hasOlder;
    this.#take(page);
    return this.#rows.length > MAX_ROWS ? this.#splitNewest() : undefined;
  }

  /** Puts a newer page behind it, and drops at the beginning what no longer fits. */
  append(page: Page): void {
    this.hasNewer = page.hasNewer;
    this.#take(page);
    if (this.#rows.length > MAX_ROWS) this.dropOldest(MAX_ROWS - DROP);
  }

  /** Keeps the newest `keep` messages. */
  dropOldest(keep: number): void {
    const cut = this.#rows.length - keep;
    if (cut <= 0) return;
    for (const row of this.#rows.splice(0, cut)) this.#keys.delete(row.message.key);
    this.hasOlder = true;
    this.oldest = this.#rows[0]?.message.seq ?? Number.POSITIVE_INFINITY;
  }

  /** Another user is connected now: other messages are one's own. */
  judgeOwn(): void {
    const me = this.#me();
    for (const row of this.#rows) {
      const own = row.message.user === me;
      if (own !== row.message.own) row.message = { ...row.message, own };
    }
  }

  #splitNewest(): Window | undefined {
    const rows = this.#rows.splice(MAX_ROWS - DROP);
    for (const row of rows) this.#keys.delete(row.message.key);
    const { live } = this;
    this.live = false;
    this.hasNewer = true;
    this.newest = this.#rows[this.#rows.length - 1]?.message.seq ?? 0;
    if (!live) return undefined;
    const tail = new Window({ events: [], hasOlder: true, hasNewer: false }, this.#me);
    tail.live = true;
    tail.#rows = rows;
    tail.oldest = rows[0]?.message.seq ?? 0;
    for (const row of rows) tail.#keys.add(row.message.key);
    return tail;
  }

  #take(page: Page): void {
    const { events } = page;
    const first = events[0];
    if (first) {
      this.oldest = Math.min(this.oldest, first.seq);
      this.newest = Math.max(this.newest, events[events.length - 1]?.seq ?? 0);
    }
    for (const { seq, event } of events) {
      if (posts(event)) this.#post(seq, event);
      else if (changes(event)) this.#change(seq, event);
    }
    for (const { seq, event } of page.changes ?? []) {
      if (changes(event)) this.#change(seq, event);
    }
  }

  #post(seq: number, event: RoomEvent): Message | undefined {
    const at = this.#find(seq);
    if (this.#rows[at]?.message.seq === seq) return undefined;
    const me = this.#me();
    const own = event.user === me && event.id !== undefined && !this.#keys.has(event.id);
    const key = own && event.id !== undefined ? event.id : `#${seq}`;
    const message = post(seq, event, key, me);
    const row = { message, changed: seq };
    if (at === this.#rows.length) this.#rows.push(row);
    else this.#rows.splice(at, 0, row);
    this.#keys.add(key);
    return message;
  }

  #change(seq: number, event: RoomEvent & { target: number }): Message | undefined {
    const row = this.#rows[this.#find(event.target)];
    if (row?.message.seq !== event.target || seq <= row.changed) return undefined;
    row.changed = seq;
    const message = change(row.message, event);
    if (message === row.message) return undefined;
    row.message = message;
    return message;
  }

  /** The place of the first row at or behind seq. */
  #find(seq: number): number {
    let low = 0;
    let high = this.#rows.length;
    // The room's end is where nearly everything happens.
    if (high > 0 && seq > (this.#rows[high - 1]?.message.seq ?? 0)) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle]?.message.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
