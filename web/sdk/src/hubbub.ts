import { Addresses } from './addresses.js';
import { Connection, type Dial } from './connection.js';
import { basesOf, dialer } from './dial.js';
import type { DocLine, DocListener } from './doc-line.js';
import { Emitter } from './emitter.js';
import { HubbubError } from './errors.js';
import { Identity } from './identity.js';
import { Outbox } from './outbox.js';
import { Persistence } from './persistence.js';
import { RoomClient } from './room.js';
import type { Sharing } from './share.js';
import type { WantedRoom } from './sse-link.js';
import { Value } from './store.js';
import type { HubbubEvents, HubbubOptions, Off, Position, Room, Status, Store, User } from './types.js';
import { listen } from './wake.js';
import type { ConnectedFrame, DocPush, RoomPush } from './wire.js';

/** How many rooms one `positions` may name. */
const MAX_POSITIONS = 1000;

/** A client of one hub, as one user. It holds one connection, whatever the number of rooms. */
export class Hubbub {
  readonly #emitter = new Emitter<HubbubEvents>();
  readonly #user = new Value<User | null>(null);
  readonly #base: string;
  readonly #rooms = new Map<string, RoomClient>();
  readonly #docs = new Map<string, DocListener>();
  readonly #identity: Identity;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #kept: Persistence | undefined;
  #sharing: Promise<Sharing> | undefined;
  #era = 0;
  #unlisten: (() => void) | undefined;
  #closed = false;

  constructor(options: HubbubOptions = {}) {
    const bases = basesOf(options.url);
    const addresses = new Addresses(bases);
    this.#base = bases[0]; // by which what is kept knows the hub
    const name = typeof options.persist === 'string' ? `hubbub-${options.persist}` : 'hubbub';
    const dial = dialer(
      options,
      addresses,
      () => this.#wanted(),
      () => this.#docs.size > 0 && this.#wanted().length === 0, // over SSE there are no documents
    );
    this.#kept = options.persist
      ? new Persistence(name, this.#base, (cause) => this.#unkept(cause))
      : undefined;
    this.#identity = new Identity(options, this.#kept);
    const shared = options.shareTabs && canShare() ? this.#share(dial, `${name}:share:${this.#base}`) : dial;
    this.#connection = new Connection(this.#identity, addresses, shared, {
      connecting: (attempt) => this.#emitter.emit('connecting', { attempt }),
      identified: () => void this.#outbox.load(),
      connected: (frame, transport) => this.#connected(frame, transport),
      disconnected: (status) => this.#disconnected(status),
      push: (frame) => this.#push(frame),
      refreshed: () => {
        for (const doc of [...this.#docs.values()]) doc.refreshed();
      },
      rejoin: () => this.#rejoin(),
      fault: (error) => this.#emitter.emit('error', error),
    });
    this.#outbox = new Outbox(
      {
        era: () => (this.#connection.connected ? this.#era : 0),
        me: () => this.#user.getSnapshot(),
        expected: () => this.#identity.expected,
        position: (room) => this.#rooms.get(room)?.position ?? null,
        request: (command) => this.#connection.request(command),
        renew: () => this.#connection.renew(),
        changed: (room) => this.#room(room).outboxChanged(),
      },
      this.#kept,
      name,
    );
  }

  /** How the client stands with the hub. */
  get status(): Store<Status> {
    return this.#connection.status;
  }

  /** Who the caller is; null before the first connection. */
  get user(): Store<User | null> {
    return this.#user;
  }

  /** Connects, and stays connected until `disconnect`. */
  connect(): void {
    if (this.#closed) throw new HubbubError('discarded', 'this client was closed; make another one');
    this.#unlisten ??= listen({
      wake: () => this.#connection.wake(),
      offline: () => this.#connection.offline(),
    });
    this.#connection.start();
  }

  /** Ends the connection. Rooms and the outbox stay; `connect` goes on from there. */
  disconnect(): void {
    this.#connection.stop('disconnect was called');
  }

  /** Ends the client for good and lets go of everything. What `persist` keeps, stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unlisten?.();
    this.#connection.stop('the client was closed');
    this.#outbox.close();
    for (const room of this.#rooms.values()) room.close();
    void this.#sharing?.then((s) => s.close());
    void this.#kept?.close();
    this.#emitter.clear();
  }

  /** The room of that id: always the same object. */
  room(id: string): Room {
    return this.#room(id);
  }

  /** Gives a guest another name; a connection that stands is opened anew for it. */
  setName(name: string): void {
    this.#identity.name = name;
    if (this.#user.getSnapshot()?.guest) this.#connection.restart();
  }

  /** What the caller is known by, for requests to the hub's HTTP API; undefined for whoever has nothing yet. */
  async token(): Promise<string | undefined> {
    return (await this.#identity.credentials()).token;
  }

  /** Where rooms stand; those that may not be seen are left out. */
  async positions(rooms: string[]): Promise<Record<string, Position>> {
    const all: Record<string, Position> = {};
    for (let at = 0; at < rooms.length; at += MAX_POSITIONS) {
      const frame = await this.#connection.request({
        type: 'positions',
        rooms: rooms.slice(at, at + MAX_POSITIONS),
      });
      if (frame.type === 'positions') Object.assign(all, frame.positions);
    }
    return all;
  }

  on<K extends keyof HubbubEvents>(event: K, fn: (value: HubbubEvents[K]) => void): Off {
    return this.#emitter.on(event, fn);
  }

  /** @internal Lets a document use the connection, as `docs` does. */
  line(doc: string, listener: DocListener): DocLine {
    if (this.#closed) throw new HubbubError('discarded', 'this client was closed; make another one');
    if (this.#docs.has(doc)) {
      throw new HubbubError(
        'conflict',
        `this client has "${doc}" open; use that provider, or destroy it first`,
      );
    }
    this.#docs.set(doc, listener);
    void this.#sharing?.then((s) => s.documents());
    return {
      base: this.#base,
      status: this.#connection.status,
      call: (command, reply, longer) => this.#connection.call(command, reply, longer),
      notify: (command) => this.#connection.notify(command),
      end: () => this.#docs.get(doc) === listener && this.#docs.delete(doc),
    };
  }

  #room(id: string): RoomClient {
    let room = this.#rooms.get(id);
    if (!room) {
      room = new RoomClient(id, {
        me: () => this.#user.getSnapshot(),
        call: (command, reply) => this.#connection.call(command, reply),
        request: (command) => this.#connection.request(command),
        notify: (command) => this.#connection.notify(command),
        wishChanged: () => this.#connection.roomsChanged(),
        outbox: this.#outbox,
      });
      this.#rooms.set(id, room);
      if (this.#connection.connected) room.membership.connected();
    }
    return room;
  }

  #connected(frame: ConnectedFrame, transport: 'websocket' | 'sse'): void {
    this.#era++;
    const user = this.#identity.accept(frame);
    const before = this.#user.getSnapshot();
    if (before?.id !== user.id || before.name !== user.name || before.guest !== user.guest)
      this.#user.set(user);
    if (before?.id !== user.id) for (const room of this.#rooms.values()) room.userChanged();
    this.#emitter.emit('connected', { user, conn: frame.conn, transport });
    for (const room of this.#rooms.values()) room.membership.connected();
    this.#outbox.connected();
  }

  #disconnected(status: Status): void {
    for (const room of this.#rooms.values()) room.membership.disconnected();
    this.#outbox.disconnected();
    if (!this.#connection.wanted) void this.#sharing?.then((s) => s.stop());
    const { reason = '', code, retryAt } = status;
    this.#emitter.emit('disconnected', {
      reason,
      ...(code === undefined ? {} : { code }),
      ...(retryAt === undefined ? {} : { retryAt }),
    });
  }

  #push(frame: RoomPush | DocPush): void {
    if ('doc' in frame) this.#docs.get(frame.doc)?.push(frame);
    else this.#rooms.get(frame.room)?.push(frame);
  }

  /** The link opens anew for other rooms: each membership goes on from where it stopped. */
  #rejoin(): void {
    for (const room of this.#rooms.values()) {
      room.membership.disconnected();
      room.membership.connected();
    }
  }

  #wanted(): WantedRoom[] {
    return [...this.#rooms.values()].flatMap(({ id, membership: { wish } }) =>
      wish ? [{ room: id, history: wish.history, presence: wish.presence }] : [],
    );
  }

  /** Dials by way of the tab that holds the connection for all. */
  #share(dial: Dial, name: string): Dial {
    const host = {
      dial,
      alone: () => this.#docs.size > 0,
      guest: () => !this.#identity.renewable,
      restart: () => this.#connection.restart(),
      wake: () => this.#connection.wake(),
    };
    // Most never need it, so it is a file of its own.
    return async (credentials, events) => {
      this.#sharing ??= import('./share.js').then((m) => new m.Sharing(name, host));
      return (await this.#sharing).dial(credentials, events);
    };
  }

  #unkept(cause: unknown): void {
    const message = 'nothing can be kept through a page reload: the browser refuses its storage';
    this.#emitter.emit('error', new HubbubError('no_storage', message, { cause }));
  }
}

/** Whether this platform lets tabs find one another. */
function canShare(): boolean {
  return typeof BroadcastChannel !== 'undefined' && globalThis.navigator?.locks !== undefined;
}
