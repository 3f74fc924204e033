import type { HistoryQuery, StoredEvent } from '../src/index.js';
import type { HistoryFrame } from '../src/wire.js';

/** A room's log in memory, with history as PROTOCOL.md describes it. */
export class RoomLog {
  readonly events: StoredEvent[] = [];
  epoch = 'e1';

  get tail(): number {
    return this.events.at(-1)?.seq ?? 0;
  }

  append(event: StoredEvent): StoredEvent {
    if (event.seq <= this.tail) throw new Error(`${event.seq} is not behind ${this.tail}`);
    this.events.push(event);
    return event;
  }

  history({ before, after, around, limit = 50, changes = false }: HistoryQuery): HistoryFrame {
    const all = this.events;
    const place = (seq: number) => {
      const at = all.findIndex((e) => e.seq >= seq);
      return at < 0 ? all.length : at;
    };
    let from: number;
    let to: number;
    if (around !== undefined) {
      from = Math.max(0, place(around) - Math.floor((limit - 1) / 2));
      to = Math.min(all.length, from + limit);
    } else if (after !== undefined) {
      from = place(after + 1);
      to = Math.min(all.length, from + limit);
    } else {
      to = before === undefined ? all.length : place(before);
      from = Math.max(0, to - limit);
    }
    const events = all.slice(from, to);
    const seqs = new Set(events.map((e) => e.seq));
    return {
      type: 'history',
      room: 'r',
      epoch: this.epoch,
      events,
      more_before: from > 0,
      more_after: to < all.length,
      ...(changes ? { changes: all.slice(to).filter((e) => seqs.has(e.event.target ?? -1)) } : {}),
    };
  }
}
