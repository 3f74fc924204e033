import { HubbubError } from './errors.js';
import { type CloseInfo, type Link, type LinkOptions, PATIENCE, type Reply } from './link.js';
import { resume } from './sse-resume.js';
import { httpError, readEvents } from './sse-stream.js';
import {
  type Command,
  decode,
  errorOf,
  type Frame,
  type HistoryCommand,
  type HistoryFrame,
  type JoinCommand,
  type JoinedFrame,
  type RoomPush,
} from './wire.js';

/** A room that the stream is to carry. */
export interface WantedRoom {
  room: string;
  history: number;
  presence: boolean;
}

/** How many rooms one stream carries (PROTOCOL.md, section 9). */
const MAX_ROOMS = 20;

/** A room of the stream. Until its `join` is answered in full, what the stream brings is kept here. */
interface Seat {
  joined?: JoinedFrame;
  held: RoomPush[];
  join?: { command: JoinCommand; reply: Reply } | undefined;
  live: boolean;
}

/**
 * A link over Server-Sent Events, with a request for each command. The stream's rooms are fixed when
 * it opens; another set of rooms opens another stream, and every room goes on where it stopped.
 */
export class SseLink implements Link {
  readonly kind = 'sse';
  readonly #options: LinkOptions;
  readonly #fetch: typeof fetch;
  readonly #wanted: () => WantedRoom[];
  #token: string | undefined;
  #connected = false;
  #over = false;
  #stream: AbortController | undefined;
  #seats = new Map<string, Seat>();
  #reopening: ReturnType<typeof setTimeout> | undefined;
  #refresh: Reply | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;
  #silence = PATIENCE.connect;
  #farewell: Partial<CloseInfo> = {};

  constructor(options: LinkOptions, fetcher: typeof fetch, wanted: () => WantedRoom[]) {
    this.#options = options;
    this.#fetch = (input, init) => fetcher(input, init); // the browser's must not be called as a method
    this.#wanted = wanted;
    this.#token = options.credentials.token;
    this.roomsChanged();
  }

  call(command: Command, reply: Reply): void {
    switch (command.type) {
      case 'join':
        this.#join(command, reply);
        return;
      case 'leave':
        this.#seats.delete(command.room);
        this.#reopenSoon();
        reply(null, { type: 'left', room: command.room, code: '', message: '' });
        return;
      case 'refresh':
        this.#token = command.token;
        this.#refresh = reply;
        this.#open();
        return;
      default:
        this.#post(command).then(
          (frame) => reply(null, frame),
          (error) => reply(error, null),
        );
    }
  }

  notify(command: Command): void {
    this.#post(command).catch(() => {});
  }

  probe(): void {
    if (this.#connected && Date.now() - this.#heardAt > PATIENCE.probe) this.#open();
  }

  roomsChanged(): void {
    if (!this.#stream) this.#reopenSoon();
  }

  close(): void {
    this.#finish();
  }

  #join(command: JoinCommand, reply: Reply): void {
    const seat = this.#seats.get(command.room);
    if (seat && !seat.live) {
      seat.join = { command, reply };
      this.#answer(command.room, seat);
      return;
    }
    if (!seat && this.#seats.size >= MAX_ROOMS) {
      reply(
        new HubbubError('limit_reached', `without WebSockets at most ${MAX_ROOMS} rooms can be joined`),
        null,
      );
      return;
    }
    this.#seats.set(command.room, { held: [], live: false, join: { command, reply } });
    this.#reopenSoon();
  }

  /** Answers a join as soon as the stream has said where the room stands. */
  #answer(room: string, seat: Seat): void {
    const { joined, join } = seat;
    if (!joined || !join) return;
    seat.join = undefined;
    const read = (query: Omit<HistoryCommand, 'type' | 'room'>) =>
      this.#post({ type: 'history', room, ...query }) as Promise<HistoryFrame>;
    resume(join.command, joined, read, (error, frame) => {
      if (this.#over || this.#seats.get(room) !== seat) return;
      seat.live = frame?.live === true;
      join.reply(error, frame);
      if (!seat.live) return;
      for (const push of seat.held.splice(0)) this.#options.events.push(push);
    });
  }

  /** Gathers the joins and leaves of one moment. */
  #reopenSoon(): void {
    if (this.#over || this.#reopening !== undefined) return;
    this.#reopening = setTimeout(() => this.#open(), 0);
  }

  /** Opens the stream for the rooms that are wanted now. Without any there is none. */
  #open(): void {
    clearTimeout(this.#reopening);
    this.#reopening = undefined;
    this.#stream?.abort();
    this.#stream = undefined;
    const rooms = this.#wanted().slice(0, MAX_ROOMS);
    const joins = [...this.#seats].flatMap(([room, seat]) => (seat.join ? [[room, seat.join] as const] : []));
    const rejoin = [...this.#seats.values()].some((seat) => !seat.join);
    this.#seats = new Map(rooms.map(({ room }) => [room, { held: [], live: false }]));
    for (const [room, join] of joins) {
      const seat = this.#seats.get(room);
      if (seat) seat.join = join;
    }
    if (rooms.length === 0) return;
    if (rejoin) this.#options.events.rejoin();
    const stream = new AbortController();
    this.#stream = stream;
    this.#watch();
    this.#read(stream, rooms).then(
      () => this.#lost(stream, { reason: 'the connection was lost' }),
      (error) => this.#lost(stream, { ...infoOf(error) }),
    );
  }

  async #read(stream: AbortController, rooms: WantedRoom[]): Promise<void> {
    const query = new URLSearchParams(rooms.map(({ room }) => ['room', room]));
    query.set('history', String(Math.max(...rooms.map((r) => r.history))));
    if (rooms.some((r) => r.presence)) query.set('presence', '1');
    if (this.#options.credentials.name) query.set('name', this.#options.credentials.name);
    const response = await this.#fetch(`${this.#options.base}/sse?${query}`, {
      headers: { ...this.#authorization(), accept: 'text/event-stream' },
      cache: 'no-store',
      signal: stream.signal,
    });
    if (!response.ok || !response.body) throw await httpError(response);
    await readEvents(response.body, (data) => {
      if (stream === this.#stream) this.#receive(data);
    });
  }

  #receive(data: string): void {
    this.#heardAt = Date.now();
    const frame = decode(data);
    switch (frame?.type) {
      case 'connected':
        this.#greeted(frame);
        return;
      case 'joined':
        this.#seated(frame);
        return;
      case 'disconnect':
        this.#farewell = { code: frame.code, reason: frame.reason, retryAfter: frame.retry_after_ms };
        return;
      case 'error':
        throw errorOf(frame);
      case 'event':
      case 'presence':
      case 'typing':
      case 'broadcast':
      case 'reset':
      case 'left':
        this.#push(frame);
    }
  }

  #greeted(frame: Frame & { type: 'connected' }): void {
    if (frame.token) this.#token = frame.token;
    this.#silence = frame.ping_ms + PATIENCE.silence;
    const refresh = this.#refresh;
    this.#refresh = undefined;
    if (!this.#connected) {
      this.#connected = true;
      this.#options.events.connected(frame);
    }
    refresh?.(null, { type: 'refreshed', ...(frame.expires_at ? { expires_at: frame.expires_at } : {}) });
  }

  #seated(frame: JoinedFrame): void {
    const seat = this.#seats.get(frame.room);
    if (!seat) return;
    seat.joined = frame;
    this.#answer(frame.room, seat);
  }

  #push(frame: RoomPush): void {
    const seat = this.#seats.get(frame.room);
    if (seat?.live) this.#options.events.push(frame);
    else seat?.held.push(frame);
  }

  async #post(command: Command): Promise<Frame> {
    const signal = AbortSignal.timeout(PATIENCE.reply);
    const response = await this.#fetch(`${this.#options.base}/sse`, {
      method: 'POST',
      headers: { ...this.#authorization(), 'content-type': 'application/json' },
      body: JSON.stringify({ id: 1, ...command }),
      signal,
    }).catch((cause) => {
      const code = signal.aborted ? 'timeout' : 'disconnected';
      throw new HubbubError(code, 'the hub did not answer', { cause });
    });
    if (!response.ok) throw await httpError(response);
    const frame = decode(await response.text());
    if (!frame) throw new HubbubError('internal', 'the hub answered with something unknown');
    if (frame.type === 'error') throw errorOf(frame);
    return frame;
  }

  #authorization(): { authorization?: string } {
    return this.#token ? { authorization: `Bearer ${this.#token}` } : {};
  }

  #watch(): void {
    clearTimeout(this.#timer);
    this.#heardAt = Date.now();
    const look = () => {
      const left = this.#heardAt + this.#silence - Date.now();
      if (left <= 0) this.#end({ code: 'timeout', reason: 'nothing was heard from the hub' });
      else this.#timer = setTimeout(look, left);
    };
    this.#timer = setTimeout(look, this.#silence);
  }

  #lost(stream: AbortController, info: Omit<CloseInfo, 'opened'>): void {
    if (stream === this.#stream) this.#end({ ...info, ...this.#farewell });
  }

  #end(info: Omit<CloseInfo, 'opened'>): void {
    const opened = this.#connected;
    if (this.#finish()) this.#options.events.closed({ ...info, opened });
  }

  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#reopening);
    this.#stream?.abort();
    this.#stream = undefined;
    const error = new HubbubError('disconnected', 'the connection was lost');
    for (const seat of this.#seats.values()) seat.join?.reply(error, null);
    this.#refresh?.(error, null);
    return true;
  }
}

function infoOf(error: unknown): Omit<CloseInfo, 'opened'> {
  if (error instanceof HubbubError)
    return { code: error.code, reason: error.message, retryAfter: error.retryAfter };
  return { reason: 'the hub cannot be reached' };
}
