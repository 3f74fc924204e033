import { HubbubError } from './errors.js';
import { Calls, type CloseInfo, type Link, type LinkEvents, PATIENCE, type Reply } from './link.js';
import type { Answer, Request, Unsigned } from './share.js';
import type { Command, ConnectedFrame } from './wire.js';

/** A command that another tab is to send. */
export interface Errand {
  to?: string;
  id: number;
  command: Command;
  longer?: number;
}

/** What the link needs of those who share the connection. */
export interface TabLinkHost {
  say(word: Unsigned<Request>): void;
  /** The link is over. */
  ended(): void;
  /** The connection is that of the same user. */
  fits(frame: ConnectedFrame): boolean;
  /** It is not. */
  foreign(): void;
  /** The tab that holds the connection does not answer. */
  stuck(): void;
}

/** How long the other tab may be silent before it is asked whether it lives, in milliseconds. */
const SILENCE = 15_000;

/** A link by way of the tab that holds the connection. */
export class TabLink implements Link {
  readonly kind = 'websocket';
  readonly #events: LinkEvents;
  readonly #host: TabLinkHost;
  readonly #calls = new Calls();
  /** The tab that holds the connection, once it has let this one in. */
  #holder: string | undefined;
  #heardAt = Date.now();
  #over = false;
  #timer: ReturnType<typeof setTimeout>;

  constructor(events: LinkEvents, host: TabLinkHost) {
    this.#events = events;
    this.#host = host;
    this.#timer = setTimeout(() => this.#stuck(), PATIENCE.connect);
    host.say({ kind: 'open' });
  }

  call(command: Command, reply: Reply, longer = 0): void {
    if (this.#over) {
      reply(new HubbubError('disconnected', 'the connection is closed'), null);
      return;
    }
    const id = this.#calls.add(reply, PATIENCE.reply + longer);
    this.#host.say({ kind: 'call', id, command, longer, ...this.#whom() });
  }

  notify(command: Command): void {
    if (!this.#over) this.#host.say({ kind: 'notify', id: 0, command, ...this.#whom() });
  }

  probe(): void {
    if (this.#over || !this.#holder) return;
    const asked = Date.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#heardAt < asked) this.#stuck();
      else this.#watch();
    }, PATIENCE.probe);
    this.#host.say({ kind: 'probe' });
  }

  roomsChanged(): void {}

  close(): void {
    if (this.#finish()) this.#host.say({ kind: 'gone' });
  }

  /** Takes what the holder says. */
  hear(word: Answer): void {
    if (this.#over) return;
    if (word.kind === 'here') {
      this.#found(word);
      return;
    }
    if (word.kind === 'connected' && !this.#holder) {
      this.#begin(word.from, word.frame);
      return;
    }
    if (word.from !== this.#holder) return;
    this.#heardAt = Date.now();
    switch (word.kind) {
      case 'connected': // anew, and the word of the end was missed
        this.#end({ reason: 'the connection was lost', opened: true });
        return;
      case 'reply': {
        const { code = '', message = '', retryAfter } = word.error ?? {};
        const error = word.error ? new HubbubError(code, message, { retryAfter }) : null;
        this.#calls.settle(word.id, error, word.frame ?? null);
        return;
      }
      case 'push':
        this.#events.push(word.frame);
        return;
      case 'over':
        this.#end(word.info);
    }
  }

  /** A tab holds the connection, or will as soon as there is one. */
  #found(word: Answer): void {
    if (this.#holder && this.#holder !== word.from) {
      this.#end({ reason: 'the connection was handed over', opened: true });
    } else if (!this.#holder) {
      clearTimeout(this.#timer); // it may have to wait before it tries again
      this.#timer = setTimeout(() => this.#ask(), SILENCE);
      if (word.to === undefined) this.#host.say({ kind: 'open' });
    }
  }

  #ask(): void {
    this.#timer = setTimeout(() => this.#stuck(), PATIENCE.connect);
    this.#host.say({ kind: 'open' });
  }

  #begin(holder: string, frame: ConnectedFrame): void {
    if (!this.#host.fits(frame)) {
      this.#host.foreign();
      return;
    }
    this.#holder = holder;
    this.#heardAt = Date.now();
    this.#watch();
    this.#events.connected(frame);
  }

  #watch(): void {
    clearTimeout(this.#timer);
    const left = this.#heardAt + SILENCE - Date.now();
    this.#timer = setTimeout(() => (left > 0 ? this.#watch() : this.#inquire()), Math.max(0, left));
  }

  #inquire(): void {
    const asked = Date.now();
    this.#host.say({ kind: 'probe' });
    this.#timer = setTimeout(() => {
      if (this.#heardAt < asked) this.#stuck();
      else this.#watch();
    }, PATIENCE.silence);
  }

  #stuck(): void {
    this.#host.stuck();
    this.#end({ code: 'timeout', reason: 'the tab with the connection does not answer' });
  }

  #whom(): { to?: string } {
    return this.#holder ? { to: this.#holder } : {};
  }

  #end(info: Partial<CloseInfo> & { reason: string }): void {
    if (!this.#finish()) return;
    this.#host.ended();
    this.#events.closed({ opened: true, ...info });
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#calls.fail('the connection was lost');
    return true;
  }
}
