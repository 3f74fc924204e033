import { isRecord, isString, type Shelf } from './storage';

/** What somebody began to write in a room: the text, and what it answers. */
export interface Draft {
  text: string;
  replyTo?: number;
}

/** Drafts, one a room, so that neither a room switch nor a closed tab loses a word. */
export class Drafts {
  readonly #shelf: Shelf;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  read(room: string): Draft {
    const kept = this.#shelf.read(key(room), isRecord);
    if (!kept || !isString(kept.text)) return { text: '' };
    const replyTo = kept.replyTo;
    return typeof replyTo === 'number' && Number.isSafeInteger(replyTo) && replyTo > 0
      ? { text: kept.text, replyTo }
      : { text: kept.text };
  }

  write(room: string, draft: Draft): void {
    if (draft.text.trim() === '' && draft.replyTo === undefined) this.#shelf.remove(key(room));
    else this.#shelf.write(key(room), draft);
  }
}

function key(room: string): string {
  return `draft:${room}`;
}
