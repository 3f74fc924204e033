import { HubbubError } from './errors.js';
import { Calls, type CloseInfo, type Link, type LinkOptions, PATIENCE, type Reply } from './link.js';
import type { WebSocketClass, WebSocketLike } from './types.js';
import {
  type Command,
  type DocPush,
  decode,
  encode,
  errorOf,
  type Frame,
  type RoomPush,
  SUBPROTOCOL,
} from './wire.js';

/** A link over a WebSocket. */
export class WsLink implements Link {
  readonly kind = 'websocket';
  readonly #options: LinkOptions;
  readonly #socket: WebSocketLike;
  readonly #calls = new Calls();
  #opened = false;
  #over = false;
  #timer: ReturnType<typeof setTimeout>;
  #heardAt = 0;
  #silence = 0;
  /** What the hub said before it closes. */
  #farewell: Partial<CloseInfo> = {};

  constructor(options: LinkOptions, WebSocket: WebSocketClass) {
    this.#options = options;
    this.#timer = setTimeout(() => {
      this.#end({ code: 'timeout', reason: 'the hub did not answer in time' });
    }, PATIENCE.connect);
    this.#socket = new WebSocket(`${options.base.replace(/^http/, 'ws')}/ws`, [SUBPROTOCOL]);
    this.#socket.onopen = () => this.#greet();
    this.#socket.onmessage = (event: { data: unknown }) => this.#receive(event.data);
    this.#socket.onclose = (event: { code: number; reason: string }) => this.#closed(event);
    this.#socket.onerror = () => {}; // a close follows, and says more
  }

  call(command: Command, reply: Reply, longer = 0): void {
    if (this.#over) {
      reply(new HubbubError('disconnected', 'the connection is closed'), null);
      return;
    }
    this.#socket.send(encode(command, this.#calls.add(reply, PATIENCE.reply + longer)));
  }

  notify(command: Command): void {
    if (!this.#over) this.#socket.send(encode(command, 0));
  }

  probe(): void {
    if (this.#over || this.#silence === 0) return;
    const id = this.#calls.add((error) => {
      if (error) this.#end({ code: 'timeout', reason: 'the connection was lost' });
    }, PATIENCE.probe);
    this.#socket.send(encode({ type: 'ping' }, id));
  }

  roomsChanged(): void {}

  close(): void {
    this.#finish();
  }

  #greet(): void {
    this.#opened = true;
    const { credentials, client } = this.#options;
    const id = this.#calls.add((error, frame) => {
      if (error) this.#end({ code: error.code, reason: error.message, retryAfter: error.retryAfter });
      else if (frame?.type === 'connected')
        this.#begin(frame.ping_ms, () => this.#options.events.connected(frame));
      else this.#end({ code: 3501, reason: 'the hub answered connect with something else' });
    }, PATIENCE.connect);
    this.#socket.send(encode({ type: 'connect', ...credentials, client }, id));
  }

  #begin(pingMs: number, then: () => void): void {
    this.#silence = pingMs + PATIENCE.silence;
    this.#heardAt = Date.now();
    this.#watch();
    then();
  }

  /** Ends the link when nothing has been heard for too long. Frames only note the time. */
  #watch(): void {
    clearTimeout(this.#timer);
    const left = this.#heardAt + this.#silence - Date.now();
    if (left <= 0) this.#end({ code: 'timeout', reason: 'nothing was heard from the hub' });
    else this.#timer = setTimeout(() => this.#watch(), left);
  }

  #receive(data: unknown): void {
    if (this.#over) return;
    this.#heardAt = Date.now();
    let frame: Frame | null;
    try {
      if (typeof data !== 'string') throw new HubbubError('bad_frame', 'the hub sent a binary frame');
      frame = decode(data);
    } catch (error) {
      const { code, message } = error as HubbubError;
      this.#end({ code, reason: message });
      return;
    }
    if (frame) this.#dispatch(frame);
  }

  #dispatch(frame: Frame): void {
    if (frame.id !== undefined) {
      const error = frame.type === 'error' ? errorOf(frame) : null;
      this.#calls.settle(frame.id, error, error ? null : frame);
      return;
    }
    switch (frame.type) {
      case 'ping':
        this.notify({ type: 'pong' });
        return;
      case 'disconnect':
        this.#farewell = { code: frame.code, reason: frame.reason, retryAfter: frame.retry_after_ms };
        return;
      case 'error':
        this.#options.events.fault(errorOf(frame));
        return;
      default:
        this.#options.events.push(frame as RoomPush | DocPush);
    }
  }

  #closed(event: { code: number; reason: string }): void {
    const reason = this.#opened ? event.reason || 'the connection was lost' : 'the hub cannot be reached';
    this.#end({ code: event.code, reason, ...this.#farewell });
  }

  #end(info: Omit<CloseInfo, 'opened'>): void {
    if (this.#finish()) this.#options.events.closed({ ...info, opened: this.#opened });
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
    this.#calls.fail('the connection was lost');
    return true;
  }
}
