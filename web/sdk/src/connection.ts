import type { Addresses } from './addresses.js';
import { isExpired, isFinal, isMoved, isRefused, meaningOf } from './close.js';
import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import type { CloseInfo, Link, LinkEvents, Reply } from './link.js';
import { Refresher, tokenError } from './refresher.js';
import { Value } from './store.js';
import type { Status } from './types.js';
import { online } from './wake.js';
import type { Command, ConnectedFrame, DocPush, Frame, RoomPush } from './wire.js';

/** What a connection tells the client that owns it. */
export interface ConnectionEvents {
  connecting(attempt: number): void;
  /** It is known, or as good as known, who will be connected. */
  identified(): void;
  connected(frame: ConnectedFrame, transport: Link['kind']): void;
  disconnected(status: Status): void;
  push(frame: RoomPush | DocPush): void;
  /** The token of the live connection was replaced. */
  refreshed(): void;
  rejoin(): void;
  fault(error: HubbubError): void;
}

/** Opens a link; it may take its time to choose one. */
export type Dial = (
  credentials: { token?: string; name?: string },
  events: LinkEvents,
) => Promise<Link> | Link;

/** A connection that held for so long begins its tries anew, in milliseconds. */
const HELD = 5000;

/** Keeps one link to the hub open for as long as it is wanted, and says truly how that stands. */
export class Connection {
  readonly status: Value<Status>;
  readonly #identity: Identity;
  readonly #addresses: Addresses;
  readonly #dial: Dial;
  readonly #events: ConnectionEvents;
  readonly #refresher: Refresher;

  #wanted = false;
  /** Counts links, so that a late word of an old one is not taken for the new one's. */
  #era = 0;
  #link: Link | undefined;
  #connectedAt = 0;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(identity: Identity, addresses: Addresses, dial: Dial, events: ConnectionEvents) {
    this.#identity = identity;
    this.#addresses = addresses;
    this.#dial = dial;
    this.#events = events;
    this.#refresher = new Refresher(
      identity,
      async (token) => {
        const frame = await this.request({ type: 'refresh', token });
        if (frame.type === 'refreshed') identity.renewed(token, frame.expires_at);
        events.refreshed();
        return frame;
      },
      events.fault,
      () => this.restart(),
    );
    this.status = new Value<Status>({
      state: 'disconnected',
      since: Date.now(),
      reason: 'connect was not called yet',
      attempt: 0,
      online: online(),
    });
  }

  /** It is to be connected. */
  get wanted(): boolean {
    return this.#wanted;
  }

  get connected(): boolean {
    return this.#connectedAt > 0;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#attempt = 0;
    this.#identity.forgive();
    this.#open();
  }

  stop(reason: string): void {
    const idle = !this.#wanted;
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#drop();
    if (!idle) this.#rest({ reason, attempt: 0 });
  }

  /** Opens the link anew, without a wait. */
  restart(): void {
    if (!this.#wanted) return;
    clearTimeout(this.#timer);
    this.#drop();
    this.#rest({ reason: 'the connection is opened anew', attempt: this.#attempt }); // memberships end with it
    this.#open();
  }

  /** The page woke up, or the network is back: no waiting, and no believing that all is well. */
  wake(): void {
    this.#noteOnline();
    if (this.#link) this.#link.probe();
    else if (this.#wanted && this.status.getSnapshot().state === 'disconnected') {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#open(), Math.max(0, this.#addresses.notBefore - Date.now()));
    }
  }

  offline(): void {
    this.#noteOnline();
    this.#link?.probe();
  }

  roomsChanged(): void {
    this.#link?.roomsChanged();
  }

  /** The hub says that the token is past its time although the link is up. */
  renew(): void {
    if (this.connected && this.#identity.renewable) this.#refresher.now();
  }

  /** Sends a command; the reply is handed over before any later frame. */
  call(command: Command, reply: Reply, longer?: number): void {
    if (this.#link && this.connected) this.#link.call(command, reply, longer);
    else reply(new HubbubError('disconnected', 'there is no connection to the hub'), null);
  }

  request(command: Command): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.call(command, (error, frame) => {
        if (frame) resolve(frame);
        else reject(error);
      });
    });
  }

  notify(command: Command): void {
    if (this.connected) this.#link?.notify(command);
  }

  #open(): void {
    const era = ++this.#era;
    this.status.set({ state: 'connecting', since: Date.now(), attempt: this.#attempt, online: online() });
    this.#events.connecting(this.#attempt);
    this.#reach(era).catch((cause) => {
      if (era !== this.#era) return;
      const error =
        cause instanceof HubbubError ? cause : new HubbubError('disconnected', String(cause), { cause });
      this.#events.fault(error);
      this.#closed({ code: error.code, reason: error.message, opened: false });
    });
  }

  async #reach(era: number): Promise<void> {
    const credentials = await this.#identity.credentials().catch((cause) => {
      throw tokenError(cause);
    });
    if (era !== this.#era) return;
    this.#events.identified();
    const link = await this.#dial(credentials, this.#eventsOf(era));
    if (era === this.#era) this.#link = link;
    else link.close();
  }

  /** A link's events, deaf once the link is not the current one. */
  #eventsOf(era: number): LinkEvents {
    const now = (fn: () => void) => {
      if (era === this.#era) fn();
    };
    return {
      connected: (frame) => now(() => this.#connected(frame)),
      push: (frame) => now(() => this.#events.push(frame)),
      rejoin: () => now(() => this.#events.rejoin()),
      fault: (error) => now(() => this.#events.fault(error)),
      closed: (info) => now(() => this.#closed(info)),
    };
  }

  #connected(frame: ConnectedFrame): void {
    const transport = this.#link?.kind ?? 'websocket';
    this.#connectedAt = Date.now();
    this.#addresses.succeeded();
    this.#refresher.arm(frame.expires_at);
    this.status.set({ state: 'connected', since: Date.now(), attempt: 0, online: online(), transport });
    this.#events.connected(frame, transport);
  }

  #closed(info: CloseInfo): void {
    const held = this.#connectedAt > 0 && Date.now() - this.#connectedAt >= HELD;
    const moved = isMoved(info.code);
    if (moved) this.#identity.moved();
    if (held || moved) this.#attempt = 0;
    this.#drop();
    const reason = meaningOf(info);
    const code = info.code === undefined ? {} : { code: info.code };
    if (!this.#mayReturn(info.code)) {
      this.#wanted = false;
      this.#rest({ reason, ...code, attempt: this.#attempt });
      return;
    }
    const wait = this.#addresses.failed(this.#attempt, info.retryAfter);
    this.#attempt++;
    this.#timer = setTimeout(() => this.#open(), wait);
    this.#rest({ reason, ...code, retryAt: Date.now() + wait, attempt: this.#attempt });
  }

  #mayReturn(code: CloseInfo['code']): boolean {
    if (isExpired(code)) return this.#identity.refused(true);
    if (isRefused(code)) return this.#identity.refused(false);
    return !isFinal(code);
  }

  /** Lets go of the link; its calls fail. */
  #drop(): void {
    const link = this.#link;
    this.#era++;
    this.#link = undefined;
    this.#connectedAt = 0;
    this.#refresher.disarm();
    link?.close();
  }

  #rest(status: Omit<Status, 'state' | 'since' | 'online'>): void {
    this.status.set({ state: 'disconnected', since: Date.now(), online: online(), ...status });
    this.#events.disconnected(this.status.getSnapshot());
  }

  #noteOnline(): void {
    const status = this.status.getSnapshot();
    if (status.online !== online()) this.status.set({ ...status, online: online() });
  }
}
