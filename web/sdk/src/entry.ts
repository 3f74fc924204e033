import { HubbubError } from './errors.js';
import type { Message, OutboxItem, Position, Receipt } from './types.js';
import type { PublishEvent } from './wire.js';

/** A command as it is kept through a page reload. */
export interface StoredEntry {
  /** The command's id, which the hub knows repeats by. */
  key: string;
  room: string;
  /** Who it was written by; null until that is known. */
  user: string | null;
  event: PublishEvent;
  /** When it was handed over, in milliseconds since 1970. */
  at: number;
  /** Ascending in the order of the calls, from page to page: milliseconds since 1970, and parts of them. */
  order: number;
  /** It was handed to the hub at least once. */
  sent: boolean;
  /** Where the room stood when it was first sent: what is stored of it lies behind that. */
  position: Position | null;
  failed?: { code: string; message: string } | undefined;
}

/** A command on its way: what is stored of it, and what is known in this page alone. */
export class Entry {
  readonly stored: StoredEntry;
  state: OutboxItem['state'] = 'pending';
  error: HubbubError | undefined;
  /** It was sent, and what became of it is not known. */
  doubt: boolean;
  /** Where it was seen in the room's order, or acknowledged; with the epoch, if the hub named it. */
  seq: number | undefined;
  epoch: string | undefined;
  readonly #settle: { resolve: (receipt: Receipt) => void; reject: (error: HubbubError) => void }[] = [];
  #row: Message | undefined;
  #item: OutboxItem | undefined;

  constructor(stored: StoredEntry) {
    this.stored = stored;
    this.doubt = stored.sent;
    if (stored.failed) {
      this.state = 'failed';
      this.error = new HubbubError(stored.failed.code, stored.failed.message);
    }
  }

  get key(): string {
    return this.stored.key;
  }

  get isMessage(): boolean {
    return (this.stored.event.kind ?? 'message') === 'message';
  }

  /** Resolves on the ack. */
  settled(): Promise<Receipt> {
    return new Promise((resolve, reject) => this.#settle.push({ resolve, reject }));
  }

  become(state: OutboxItem['state'], error?: HubbubError): void {
    this.state = state;
    this.error = error;
    this.stored.failed = error && { code: error.code, message: error.message };
    this.#row = this.#item = undefined;
    if (error) this.abandon(error);
  }

  /** Nobody here learns any more what becomes of it. What is stored of it stays as it is. */
  abandon(error: HubbubError): void {
    for (const { reject } of this.#settle.splice(0)) reject(error);
  }

  /** The hub has it. */
  arrived(receipt: Receipt, epoch: string | undefined): void {
    this.seq = receipt.seq;
    this.epoch = epoch;
    this.#row = undefined;
    for (const { resolve } of this.#settle.splice(0)) resolve(receipt);
  }

  /** The message as a list shows it before the room's order brings it. */
  row(me: { id: string; name: string } | null): Message {
    const { event, user, at } = this.stored;
    const own = me && (user === null || user === me.id) ? me : undefined;
    const id = own?.id ?? user ?? '';
    if (this.#row?.user === id && this.#row.seq === this.seq) return this.#row;
    this.#row = {
      key: this.key,
      id: this.key,
      ...(this.seq === undefined ? {} : { seq: this.seq }),
      user: id,
      name: own?.name ?? id,
      text: event.text ?? '',
      ...(event.data === undefined ? {} : { data: event.data }),
      ...(event.reply_to === undefined ? {} : { replyTo: event.reply_to }),
      at,
      reactions: [],
      state: this.seq === undefined ? this.state : 'sent',
      ...(this.error ? { error: this.error } : {}),
      own: true,
    };
    return this.#row;
  }

  /** The command as the outbox shows it. */
  item(): OutboxItem {
    const { event, at } = this.stored;
    const { kind = 'message', target, text, data, emoji, type } = event;
    this.#item ??= {
      key: this.key,
      kind,
      ...(target === undefined ? {} : { target }),
      ...(text === undefined ? {} : { text }),
      ...(data === undefined ? {} : { data }),
      ...(emoji === undefined ? {} : { emoji }),
      ...(type === undefined ? {} : { type }),
      at,
      state: this.state,
      ...(this.error ? { error: this.error } : {}),
    };
    return this.#item;
  }
}
