import { isRecord, isString, type Shelf } from './storage';

/** How far somebody has read in a room. Sequences of another epoch say nothing. */
export interface ReadMark {
  epoch: string;
  seq: number;
}

/** Read marks, one a room. They only move forward, whichever tab writes them. */
export class ReadMarks {
  readonly #shelf: Shelf;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  read(room: string): ReadMark | undefined {
    const kept = this.#shelf.read(key(room), isRecord);
    if (!kept || !isString(kept.epoch) || !Number.isSafeInteger(kept.seq)) return undefined;
    return { epoch: kept.epoch, seq: Number(kept.seq) };
  }

  /** Moves the mark and gives where it stands now, which another tab may have put further on. */
  advance(room: string, mark: ReadMark): ReadMark {
    const kept = this.read(room);
    if (kept && kept.epoch === mark.epoch && kept.seq >= mark.seq) return kept;
    this.#shelf.write(key(room), mark);
    return mark;
  }

  remove(room: string): void {
    this.#shelf.remove(key(room));
  }
}

/** The room whose mark is stored under a storage key, or undefined. */
export function roomOfKey(storageKey: string, prefix: string): string | undefined {
  const start = `${prefix}read:`;
  return storageKey.startsWith(start) ? storageKey.slice(start.length) : undefined;
}

function key(room: string): string {
  return `read:${room}`;
}
