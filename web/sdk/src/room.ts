import { Emitter } from './emitter.js';
import type { Entry } from './entry.js';
import { HubbubError } from './errors.js';
import { posts } from './fold.js';
import { pageOf } from './history.js';
import { check } from './limits.js';
import type { Reply } from './link.js';
import { Membership } from './membership.js';
import type { Outbox } from './outbox.js';
import { Roster, userOf } from './presence.js';
import { Derived } from './store.js';
import { Timeline } from './timeline.js';
import type {
  HistoryPage,
  HistoryQuery,
  JoinOptions,
  Json,
  Message,
  MessageContent,
  Off,
  OutboxItem,
  Position,
  Presence,
  Receipt,
  Room,
  RoomEvents,
  Store,
  StoredEvent,
  Typing,
  User,
} from './types.js';
import { TypingState } from './typing.js';
import type { Command, Frame, HistoryFrame, JoinedFrame, PublishEvent, RoomPush } from './wire.js';

/** What a room needs of the client. */
export interface RoomHost {
  me(): User | null;
  call(command: Command, reply: Reply): void;
  request(command: Command): Promise<Frame>;
  notify(command: Command): void;
  /** The set of rooms that are wanted has changed. */
  wishChanged(): void;
  readonly outbox: Outbox;
}

/** One room: its membership, its message list, and what is sent to it. */
export class RoomClient implements Room {
  readonly id: string;
  readonly membership: Membership;
  readonly outbox: Derived<readonly OutboxItem[]>;
  readonly #host: RoomHost;
  readonly #emitter = new Emitter<RoomEvents>();
  readonly #timeline: Timeline;
  readonly #roster = new Roster();
  readonly #typing: TypingState;

  constructor(id: string, host: RoomHost) {
    this.id = id;
    this.#host = host;
    this.#typing = new TypingState((typing) => {
      if (this.membership.status === 'joined') host.notify({ type: 'typing', room: id, typing });
    });
    this.#timeline = new Timeline({
      read: (query) => this.#read(query),
      me: () => host.me()?.id,
      position: () => this.membership.position,
      waiting: () => host.outbox.waiting(id),
      membership: () => this.membership,
    });
    this.outbox = new Derived<readonly OutboxItem[]>(() => host.outbox.items(id));
    this.membership = new Membership(id, {
      call: (command, reply) => host.call(command, reply),
      broken: (kind, at) => this.#emitter.emit(kind, at),
      begin: (frame, at) => this.#begin(frame, at),
      event: (stored) => this.#event(stored),
      members: (members, count) => this.#members(members, count),
      changed: () => this.#timeline.store.invalidate(),
      ended: (error) => this.#ended(error),
    });
  }

  get messages(): Timeline['store'] {
    return this.#timeline.store;
  }

  get presence(): Store<Presence> {
    return this.#roster.store;
  }

  get typing(): Typing {
    return this.#typing;
  }

  get position(): Position | null {
    return this.membership.position;
  }

  on<K extends keyof RoomEvents>(event: K, fn: (value: RoomEvents[K]) => void): Off {
    return this.#emitter.on(event, fn);
  }

  join(options: JoinOptions = {}): Promise<void> {
    const joined = tolerant(this.membership.join(options));
    this.#host.wishChanged();
    return joined;
  }

  async leave(): Promise<void> {
    this.membership.leave();
    this.#host.wishChanged();
  }

  send(message: MessageContent & { replyTo?: number }): Promise<Message> {
    const { text, data, replyTo } = message;
    const entry = this.#publish({ kind: 'message', text, data, reply_to: replyTo });
    if (entry instanceof HubbubError) return tolerant(Promise.reject(entry));
    this.#typing.rest();
    return tolerant(entry.settled().then(() => entry.row(this.#host.me())));
  }

  edit(seq: number, { text, data }: MessageContent): Promise<Receipt> {
    return this.#command({ kind: 'edit', target: seq, text, data });
  }

  delete(seq: number): Promise<Receipt> {
    return this.#command({ kind: 'delete', target: seq });
  }

  react(seq: number, emoji: string): Promise<Receipt> {
    return this.#command({ kind: 'react', target: seq, emoji });
  }

  unreact(seq: number, emoji: string): Promise<Receipt> {
    return this.#command({ kind: 'unreact', target: seq, emoji });
  }

  custom(type: string, data?: Json, options: { replyTo?: number } = {}): Promise<Receipt> {
    return this.#command({ kind: 'custom', type, data, reply_to: options.replyTo });
  }

  retry(key: string): void {
    this.#host.outbox.lane(this.id).retry(key);
  }

  discard(key: string): boolean {
    return this.#host.outbox.lane(this.id).discard(key);
  }

  async broadcast(data: Json): Promise<void> {
    await this.#host.request({ type: 'broadcast', room: this.id, data });
  }

  async history(query: HistoryQuery = {}): Promise<HistoryPage> {
    return pageOf(await this.#read(query), this.#host.me()?.id);
  }

  loadOlder(n?: number): Promise<void> {
    return tolerant(this.#timeline.loadOlder(n));
  }

  loadNewer(n?: number): Promise<void> {
    return tolerant(this.#timeline.loadNewer(n));
  }

  jumpTo(seq: number): Promise<Message | undefined> {
    return tolerant(this.#timeline.jumpTo(seq));
  }

  backToLive(): Promise<void> {
    return tolerant(this.#timeline.backToLive());
  }

  async members(): Promise<Presence> {
    const frame = await this.#host.request({ type: 'presence', room: this.id });
    if (frame.type === 'members') this.#roster.set(frame.members, frame.count);
    return this.#roster.store.getSnapshot();
  }

  /** Takes a push for this room. */
  push(frame: RoomPush): void {
    switch (frame.type) {
      case 'event':
        this.membership.event(frame);
        return;
      case 'reset':
        this.membership.reset(frame);
        return;
      case 'left':
        this.membership.expelled(new HubbubError(frame.code, frame.message));
        return;
      case 'presence':
        this.#emitter.emit('presence', this.#roster.push(frame));
        return;
      case 'typing':
        this.#typed(frame);
        return;
      case 'broadcast':
        this.#emitter.emit('broadcast', { ...userOf(frame), data: frame.data });
    }
  }

  /** What waits in the outbox for this room has changed. */
  outboxChanged(): void {
    this.outbox.invalidate();
    this.#timeline.store.invalidate();
  }

  /** Another user is connected than before. */
  userChanged(): void {
    this.#timeline.judgeOwn();
  }

  close(): void {
    this.membership.disconnected();
    this.#typing.clear();
    this.#emitter.clear();
  }

  #begin(frame: Pick<JoinedFrame, 'events' | 'more'>, at: Position): void {
    const lane = this.#host.outbox.lane(this.id);
    lane.begunAt(at);
    for (const stored of frame.events) this.#sight(stored);
    this.#timeline.start({ events: frame.events, hasOlder: frame.more === true, hasNewer: false }, at);
  }

  #event(stored: StoredEvent): void {
    this.#sight(stored);
    const message = this.#timeline.ingest(stored);
    if (posts(stored.event)) this.#typing.push(userOf(stored.event), false);
    this.#emitter.emit('event', { seq: stored.seq, event: stored.event });
    if (message) this.#emitter.emit('message', message);
  }

  #sight(stored: StoredEvent): void {
    if (stored.event.user === this.#host.me()?.id) this.#host.outbox.sighted(this.id, stored);
  }

  #typed(frame: RoomPush & { type: 'typing' }): void {
    if (frame.user === this.#host.me()?.id) return;
    const user = userOf(frame);
    this.#typing.push(user, frame.typing);
    this.#emitter.emit('typing', { ...user, typing: frame.typing });
  }

  #members(members: JoinedFrame['members'] & object, count: number): void {
    const change = this.#roster.set(members, count);
    if (change.joined.length + change.left.length > 0) this.#emitter.emit('presence', change);
  }

  #ended(error: HubbubError | undefined): void {
    this.#timeline.freeze();
    this.#typing.clear();
    this.#roster.set([]);
    this.#host.outbox.lane(this.id).leave();
    this.#host.wishChanged();
    if (error) this.#emitter.emit('left', { code: error.code, message: error.message });
  }

  async #read(query: HistoryQuery): Promise<HistoryFrame> {
    const frame = await this.#host.request({ type: 'history', room: this.id, ...query });
    if (frame.type !== 'history')
      throw new HubbubError('internal', 'the hub answered history with something else');
    return frame;
  }

  #command(event: PublishEvent): Promise<Receipt> {
    const entry = this.#publish(event);
    return tolerant(entry instanceof HubbubError ? Promise.reject(entry) : entry.settled());
  }

  /** Puts a command into the outbox, or says why it cannot be right. */
  #publish(event: PublishEvent): Entry | HubbubError {
    const given = Object.entries(event).filter(([, value]) => value !== undefined);
    const command: PublishEvent = Object.fromEntries(given);
    try {
      check(command);
      return this.#host.outbox.add(this.id, command);
    } catch (error) {
      if (error instanceof HubbubError) return error;
      throw error;
    }
  }
}

/** A promise whose failure does not count as unhandled: it also stands in the room's stores. */
function tolerant<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}
