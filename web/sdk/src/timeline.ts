import type { HubbubError } from './errors.js';
import { posts } from './fold.js';
import { Derived } from './store.js';
import type { HistoryQuery, Message, MessageList, Position, StoredEvent } from './types.js';
import { type Page, Window } from './window.js';
import type { HistoryFrame } from './wire.js';

/** What a timeline needs of its room. */
export interface TimelineHost {
  read(query: HistoryQuery): Promise<HistoryFrame>;
  me(): string | undefined;
  /** Where the live order stands; null while the room was never joined. */
  position(): Position | null;
  /** The rows that wait for their ack. */
  waiting(): readonly Message[];
  membership(): { status: MessageList['status']; error?: HubbubError | undefined };
}

/** A page that is being read, and what the live order brought meanwhile. */
interface Reading {
  /** The window that it extends; undefined for one that replaces the view. */
  window: Window | undefined;
  move: number;
  meanwhile: StoredEvent[];
}

const PAGE = 50;
/** How much of the room's end is kept at hand while the list shows another part. */
const TAIL = 200;

/** A room's message list: a window on the room, which follows its end or was moved into the past. */
export class Timeline {
  readonly store: Derived<MessageList>;
  readonly #host: TimelineHost;
  #view: Window;
  /** The room's end, while the view is elsewhere. */
  #tail: Window | undefined;
  #loading: { older?: Promise<void> | undefined; newer?: Promise<void> | undefined } = {};
  readonly #readings = new Set<Reading>();
  /** Counts whatever puts another window into view, or will. */
  #moves = 0;

  constructor(host: TimelineHost) {
    this.#host = host;
    this.#view = this.#window({ events: [], hasOlder: false, hasNewer: false });
    this.store = new Derived(() => this.#snapshot());
  }

  /** Begins anew with the room's newest page; what comes next in the live order joins on to it. */
  start(page: Page, at: Position): void {
    this.#moves++;
    this.#view = this.#window(page);
    this.#view.live = true;
    if (page.events.length === 0) this.#view.oldest = at.seq + 1;
    this.#tail = undefined;
    this.#loading = {};
    this.store.invalidate();
  }

  /** The room was given up: the list keeps what it shows, and follows the room no longer. */
  freeze(): void {
    this.#view.live = false;
    this.#tail = undefined;
    this.store.invalidate();
  }

  /** Takes the next event of the live order. Gives the message that it posted. */
  ingest(stored: StoredEvent): Message | undefined {
    const { seq, event } = stored;
    const seen = this.#view.apply(seq, event);
    const behind = this.#tail?.apply(seq, event);
    for (const reading of this.#readings) reading.meanwhile.push(stored);
    if (seen) this.store.invalidate();
    if (!posts(event)) return undefined;
    return seen ?? behind ?? this.#alone(stored);
  }

  judgeOwn(): void {
    this.#view.judgeOwn();
    this.#tail?.judgeOwn();
    this.store.invalidate();
  }

  loadOlder(n = PAGE): Promise<void> {
    if (!this.#view.hasOlder) return Promise.resolve();
    this.#loading.older ??= this.#track('older', this.#loadOlder(n));
    return this.#loading.older;
  }

  loadNewer(n = PAGE): Promise<void> {
    if (this.#view.live || !this.#view.hasNewer) return Promise.resolve();
    this.#loading.newer ??= this.#track('newer', this.#loadNewer(n));
    return this.#loading.newer;
  }

  async jumpTo(seq: number): Promise<Message | undefined> {
    const shown = this.#view.get(seq) ?? this.#jumpToTail(seq);
    return shown ?? (await this.#move({ around: seq, limit: PAGE, changes: true }))?.get(seq);
  }

  async backToLive(): Promise<void> {
    if (this.#view.live) return;
    if (this.#tail) this.#follow(this.#tail);
    else await this.#move({ limit: PAGE, changes: true });
  }

  /** Shows another page of the room. Of several moves under way only the last one counts. */
  async #move(query: HistoryQuery): Promise<Window | undefined> {
    const at = this.#host.position();
    const reading = this.#begin(undefined);
    try {
      const frame = await this.#host.read(query);
      if (reading.move !== this.#moves) return undefined;
      const window = this.#window(pageOf(frame));
      catchUp(window, reading.meanwhile);
      this.#show(window, frame, at, reading.meanwhile);
      return window;
    } finally {
      this.#readings.delete(reading);
    }
  }

  /** Pages are of events: it goes on until a message is among them, or there is nothing older. */
  async #loadOlder(n: number): Promise<void> {
    const view = this.#view;
    const reading = this.#begin(view);
    try {
      const before = view.length;
      while (view.hasOlder && view.length === before) {
        const anchor = Number.isFinite(view.oldest) ? { before: view.oldest } : {};
        const frame = await this.#host.read({ ...anchor, limit: n, changes: true });
        if (this.#stale(reading, frame)) return;
        const cut = view.prepend({
          ...pageOf(frame),
          hasOlder: frame.more_before && frame.events.length > 0,
        });
        catchUp(view, reading.meanwhile);
        if (cut) this.#tail = cut;
        if (view.length > before || !view.hasOlder) this.store.invalidate();
        if (cut) return;
      }
    } finally {
      this.#readings.delete(reading);
    }
  }

  async #loadNewer(n: number): Promise<void> {
    const view = this.#view;
    const reading = this.#begin(view);
    const at = this.#host.position();
    try {
      let got = 0;
      while (view.hasNewer && !view.live && got === 0) {
        const frame = await this.#host.read({ after: view.newest, limit: n, changes: true });
        if (this.#stale(reading, frame)) return;
        got = frame.events.filter((e) => posts(e.event)).length;
        view.append(pageOf(frame));
        catchUp(view, reading.meanwhile);
        this.#joinLive(view, frame, at, reading.meanwhile);
        this.store.invalidate();
      }
    } finally {
      this.#readings.delete(reading);
    }
  }

  /** Shows another window, and keeps the room's end at hand if that was in view. */
  #show(window: Window, frame: HistoryFrame, at: Position | null, meanwhile: StoredEvent[]): void {
    if (this.#view.live) {
      this.#view.dropOldest(TAIL);
      this.#tail = this.#view;
    }
    this.#view = window;
    this.#loading = {};
    this.#joinLive(window, frame, at, meanwhile);
    this.store.invalidate();
  }

  /**
   * Makes the window follow the live order, if the page reached the room's end: it must hold all that
   * the live order had brought when the page was asked for, and then takes what has come since.
   */
  #joinLive(window: Window, frame: HistoryFrame, at: Position | null, meanwhile: StoredEvent[]): void {
    if (frame.more_after || !at || at.epoch !== frame.epoch) return;
    if (window.newest < at.seq && frame.events.length > 0) {
      window.hasNewer = true; // the page came from a log that was a moment behind
      return;
    }
    window.live = true;
    window.hasNewer = false;
    for (const { seq, event } of meanwhile) {
      if (seq > window.newest) window.apply(seq, event);
    }
    this.#tail = undefined;
  }

  #follow(window: Window): void {
    this.#moves++;
    this.#view = window;
    this.#tail = undefined;
    this.#loading = {};
    this.store.invalidate();
  }

  #jumpToTail(seq: number): Message | undefined {
    const message = this.#tail?.get(seq);
    if (message && this.#tail) this.#follow(this.#tail);
    return message;
  }

  #begin(window: Window | undefined): Reading {
    if (!window) this.#moves++;
    const reading = { window, move: this.#moves, meanwhile: [] };
    this.#readings.add(reading);
    return reading;
  }

  /** The list was moved while the page was under way, or the log was reset. */
  #stale(reading: Reading, frame: HistoryFrame): boolean {
    const at = this.#host.position();
    return reading.window !== this.#view || (at !== null && at.epoch !== frame.epoch);
  }

  #track(which: 'older' | 'newer', work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => {
      if (this.#loading[which] === tracked) this.#loading[which] = undefined;
      this.store.invalidate();
    });
    this.store.invalidate();
    return tracked;
  }

  #window(page: Page): Window {
    return new Window(page, this.#host.me);
  }

  /** The message of an event that no window shows. */
  #alone(stored: StoredEvent): Message | undefined {
    const list: Message[] = [];
    this.#window({ events: [stored], hasOlder: false, hasNewer: false }).collect(list);
    return list[0];
  }

  #snapshot(): MessageList {
    const messages: Message[] = [];
    this.#view.collect(messages);
    // What is in the room already waits only for the news of it, and has its row.
    for (const row of this.#host.waiting()) if (!this.#view.has(row.key)) messages.push(row);
    const { status, error } = this.#host.membership();
    return {
      messages,
      hasOlder: this.#view.hasOlder,
      hasNewer: this.#view.hasNewer,
      loadingOlder: this.#loading.older !== undefined,
      loadingNewer: this.#loading.newer !== undefined,
      live: this.#view.live,
      status,
      ...(error ? { error } : {}),
    };
  }
}

/** Applies to a page what the live order brought while it was being read. */
function catchUp(window: Window, meanwhile: StoredEvent[]): void {
  for (const { seq, event } of meanwhile) {
    if (!posts(event)) window.apply(seq, event);
  }
}

function pageOf(frame: HistoryFrame): Page {
  return {
    events: frame.events,
    changes: frame.changes,
    hasOlder: frame.more_before,
    hasNewer: frame.more_after,
  };
}
