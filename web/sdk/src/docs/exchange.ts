import { applyUpdate, type Doc, encodeStateAsUpdate, encodeStateVector, mergeUpdates } from 'yjs';
import { backoff } from '../backoff.js';
import type { DocLine } from '../doc-line.js';
import { HubbubError } from '../errors.js';
import type { DocOpenedFrame, DocPush } from '../wire.js';
import { fromBase64, join, toBase64 } from './base64.js';
import type { DocAccess, DocStatus } from './types.js';

/** How often edits are sent, at most, in milliseconds: the hub counts commands. */
const EVERY = 30;
/** What one frame holds of an update (PROTOCOL.md, section 10), in bytes. */
const PIECE = 128 * 1024;
/** So many bytes a millisecond the slowest network takes that an answer is waited for on. */
const SLOWEST = 8;

/** What an exchange tells the provider that owns it. */
export interface ExchangeEvents {
  status(status: DocStatus): void;
  access(access: DocAccess): void;
  /** Both copies were brought together, or are apart again. */
  synced(synced: boolean): void;
  /** Whether the hub has stored all that is written here. */
  saved(saved: boolean): void;
  opened(awareness: Uint8Array | undefined): void;
  closed(): void;
  fault(error: HubbubError): void;
}

/**
 * Keeps a document and the hub's copy of it in step. What is not sure to have arrived is never kept in
 * a list: opened anew with both state vectors, the copies say themselves what each lacks.
 */
export class Exchange {
  readonly #name: string;
  readonly #doc: Doc;
  readonly #line: DocLine;
  readonly #events: ExchangeEvents;

  #up = false;
  #denied = false;
  /** Counts openings, so that a late answer to an old one is not taken for the new one's. */
  #era = 0;
  #access: DocAccess | null = null;
  /** The diff is still coming, and what the hub has; else undefined. */
  #arriving: { pieces: Uint8Array[]; sv: Uint8Array; awareness: Uint8Array | undefined } | undefined;
  /** The hub's copy is here, and edits are sent as they are made. */
  #open = false;
  #unsent: Uint8Array[] = [];
  #flying = 0;
  /** Why local edits are not sent; with it what is written here cannot be saved. */
  #refused: HubbubError | undefined;
  #sentAt = 0;
  #sendTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(name: string, doc: Doc, line: DocLine, events: ExchangeEvents) {
    this.#name = name;
    this.#doc = doc;
    this.#line = line;
    this.#events = events;
    doc.on('update', this.#changed);
  }

  /** There is a connection: the document is opened. Also to bring the copies together once more. */
  start(): void {
    const era = ++this.#era;
    if (!this.#open) this.#events.status({ state: 'connecting' });
    this.#up = true;
    this.#denied = this.#open = false;
    this.#flying = 0;
    this.#arriving = this.#refused = undefined;
    this.#cancel();
    const sv = toBase64(encodeStateVector(this.#doc));
    this.#line.call(
      { type: 'doc_open', doc: this.#name, sv },
      (error, frame) => {
        if (era !== this.#era) return;
        if (error) this.#failed(error);
        else if (frame?.type === 'doc_opened') this.#guard(() => this.#answered(frame));
      },
      PIECE / SLOWEST,
    );
  }

  /** The connection is gone. */
  stop(error?: HubbubError): void {
    this.#rest({ state: 'disconnected', ...(error ? { error } : {}) });
    this.#up = false;
  }

  /** The caller is another one, or may do something else than before. */
  regranted(): void {
    if (this.#up && this.#denied) this.start();
  }

  /** Sends what is written and closes the document on the hub. */
  destroy(): void {
    this.#doc.off('update', this.#changed);
    if (this.#open) this.#flush();
    if (this.#up) this.#line.notify({ type: 'doc_close', doc: this.#name });
    this.#rest({ state: 'disconnected' });
    this.#up = false;
  }

  push(frame: DocPush): void {
    if (!this.#up) return;
    this.#guard(() => {
      switch (frame.type) {
        case 'doc_diff':
          this.#arrived(fromBase64(frame.diff), frame.more === true);
          return;
        case 'doc_update':
          applyUpdate(this.#doc, fromBase64(frame.update), this);
          return;
        case 'doc_access':
          this.#granted(frame.access);
          if (frame.access === 'write' && this.#open) this.start(); // with what was not sent before
          return;
        case 'doc_lost':
          this.#failed(new HubbubError(frame.code, frame.message, { retryAfter: frame.retry_after_ms }));
      }
    });
  }

  #answered(frame: DocOpenedFrame): void {
    this.#granted(frame.access);
    const awareness = frame.awareness === undefined ? undefined : fromBase64(frame.awareness);
    this.#arriving = { pieces: [], sv: fromBase64(frame.sv), awareness };
    this.#arrived(fromBase64(frame.diff), frame.more === true);
  }

  #arrived(piece: Uint8Array, more: boolean): void {
    const arriving = this.#arriving;
    if (!arriving) return; // of an opening that was given up
    arriving.pieces.push(piece);
    if (more) return;
    this.#arriving = undefined;
    applyUpdate(this.#doc, join(arriving.pieces), this);
    this.#open = true;
    this.#unsent = [];
    this.#cancel();
    this.#events.status({ state: 'connected' });
    this.#events.opened(arriving.awareness);
    if (this.#open) this.#upload(arriving.sv);
  }

  /** Sends what the hub lacks. Its answer means that both copies are one, and stored. */
  #upload(sv: Uint8Array): void {
    const met = () => {
      this.#failures = 0;
      this.#events.synced(true);
    };
    const update = encodeStateAsUpdate(this.#doc, sv);
    if (this.#access !== 'write') met(); // it has all there is to read
    if (update.length > 2) this.#send(update, met);
    else {
      met();
      this.#settle();
    }
  }

  #changed = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return;
    this.#events.saved(false);
    if (!this.#open) return; // the next opening sends it
    if (this.#access !== 'write' && !this.#refused) {
      this.#refuse(new HubbubError('forbidden', 'this document may only be read: the edit is not saved'));
    }
    if (this.#refused) return;
    this.#unsent.push(update);
    const wait = this.#sentAt + EVERY - Date.now();
    this.#sendTimer ??= setTimeout(() => this.#flush(), Math.max(0, wait));
  };

  #flush(): void {
    clearTimeout(this.#sendTimer);
    this.#sendTimer = undefined;
    const updates = this.#unsent.splice(0);
    if (updates.length > 0) this.#send(mergeUpdates(updates), () => {});
  }

  #send(update: Uint8Array, stored: () => void): void {
    const era = this.#era;
    const { length } = update;
    this.#sentAt = Date.now();
    this.#flying++;
    let offset = 0;
    for (; length - offset > PIECE; offset += PIECE) {
      this.#line.notify({ ...this.#piece(update, offset), more: true });
    }
    this.#line.call(
      this.#piece(update, offset),
      (error) => {
        if (era !== this.#era) return;
        this.#flying--;
        if (error) this.#unsaved(error);
        else {
          stored();
          this.#settle();
        }
      },
      length / SLOWEST,
    );
  }

  #piece(update: Uint8Array, offset: number) {
    return {
      type: 'doc_update' as const,
      doc: this.#name,
      update: toBase64(update.subarray(offset, offset + PIECE)),
      ...(offset > 0 ? { offset } : {}),
    };
  }

  #settle(): void {
    const waiting = this.#flying > 0 || this.#unsent.length > 0 || this.#retryTimer !== undefined;
    if (this.#open && !waiting && !this.#refused) this.#events.saved(true);
  }

  /** An update was not stored, as far as is known. */
  #unsaved(error: HubbubError): void {
    if (error.code === 'disconnected') return; // the connection's own end says more
    if (error.retryable) this.#again(error);
    else if (['not_joined', 'conflict', 'token_expired'].includes(error.code)) this.#failed(error);
    else this.#refuse(error);
  }

  /** Brings the copies together once more, after a wait. */
  #again(error: HubbubError): void {
    this.#retryTimer ??= setTimeout(() => this.start(), backoff(this.#failures++, error.retryAfter));
  }

  /** Nothing more is sent: what follows would stand on what the hub does not have. */
  #refuse(error: HubbubError): void {
    this.#refused = error;
    this.#unsent = [];
    this.#events.saved(false);
    this.#events.status({ state: 'connected', error });
    this.#events.fault(error);
  }

  /** The document is not open any more: it is opened again later, or never as this caller. */
  #failed(error: HubbubError): void {
    if (error.code === 'disconnected') return; // the connection's own end says more
    const again = error.retryable || error.code === 'not_joined' || error.code === 'token_expired';
    this.#rest({ state: again ? 'connecting' : 'denied', error });
    if (again) this.#again(error);
    else {
      this.#denied = true;
      this.#events.fault(error);
    }
  }

  #rest(status: DocStatus): void {
    this.#era++;
    this.#open = false;
    this.#arriving = undefined;
    this.#unsent = [];
    this.#cancel();
    this.#events.closed();
    this.#events.synced(false);
    this.#events.status(status);
  }

  #granted(access: DocAccess): void {
    this.#access = access;
    this.#events.access(access);
  }

  /** What the hub sends and cannot be read leaves the copies apart, until they are brought together. */
  #guard(fn: () => void): void {
    try {
      fn();
    } catch (cause) {
      const message = 'the hub sent something about a document that cannot be read';
      this.#failed(new HubbubError('internal', message, { cause }));
    }
  }

  #cancel(): void {
    clearTimeout(this.#sendTimer);
    clearTimeout(this.#retryTimer);
    this.#sendTimer = this.#retryTimer = undefined;
  }
}
