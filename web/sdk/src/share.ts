import { isExpired, isRefused } from './close.js';
import type { Dial } from './connection.js';
import { subjectOf } from './identity.js';
import type { CloseInfo, Link, LinkEvents } from './link.js';
import { type Errand, TabLink } from './tab-link.js';
import { Tabs } from './tabs.js';
import { Trunk } from './trunk.js';
import type { ConnectedFrame, Frame, RoomPush } from './wire.js';

/** What a tab without the connection says. */
export type Request = { from: string } & (
  | { kind: 'open' | 'gone' | 'probe' }
  | ({ kind: 'call' | 'notify' } & Errand)
);

/** What the tab that holds the connection says; without `to`, to all. */
export type Answer = { from: string; to?: string } & (
  | { kind: 'here' | 'alive' | 'apart' }
  | { kind: 'connected'; frame: ConnectedFrame }
  | {
      kind: 'reply';
      id: number;
      frame?: Frame;
      error?: { code: string; message: string; retryAfter?: number };
    }
  | { kind: 'push'; frame: RoomPush }
  | { kind: 'over'; info: CloseInfo }
);

/** A word without its sender. */
export type Unsigned<T> = T extends unknown ? Omit<T, 'from'> : never;

/** What sharing needs of the client. */
export interface SharingHost {
  /** Opens a connection of the tab's own. */
  dial: Dial;
  /** The tab needs a connection of its own, as for documents. */
  alone(): boolean;
  /** The caller is a guest. */
  guest(): boolean;
  /** Opens the link anew. */
  restart(): void;
  /** There is a connection again: no more waiting. */
  wake(): void;
}

/**
 * One connection for all tabs of an origin. A lock says which tab holds it: the first one, and when that is
 * gone the next in turn. The others reach the hub by way of that tab. Each keeps its own memberships,
 * positions and outbox, so that handing over is a resume as after any other lost connection.
 */
export class Sharing {
  readonly #name: string;
  readonly #host: SharingHost;
  readonly #tabs: Tabs;
  readonly #channel: BroadcastChannel;
  readonly #locks = navigator.locks;
  #turn: AbortController | undefined;
  /** Whether that was granted when it was asked for. */
  #first: Promise<boolean> | undefined;
  /** Gives the connection up; undefined while another tab holds it. */
  #release: (() => void) | undefined;
  /** The holder is somebody else, or cannot share. */
  #apart = false;
  #trunk: Trunk | undefined;
  /** One, but for moments. */
  readonly #links = new Set<TabLink>();

  constructor(name: string, host: SharingHost) {
    this.#name = name;
    this.#host = host;
    this.#tabs = new Tabs(`${name}:user`, async (tab) => this.#trunk?.gone(tab));
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  readonly dial: Dial = async (credentials, events) => {
    if (!this.#release && (this.#apart || this.#host.alone())) {
      this.#leaveTurn();
      return this.#host.dial(credentials, events);
    }
    if (await this.#holds()) return this.#hold(credentials, events);
    const mine = credentials.token && subjectOf(credentials.token);
    const link: TabLink = new TabLink(events, {
      say: (word) => {
        if (word.kind === 'gone') this.#links.delete(link);
        if (word.kind === 'gone' && this.#links.size > 0) return;
        this.#channel.postMessage({ ...word, from: this.#tabs.id } satisfies Request);
      },
      ended: () => void this.#links.delete(link),
      // Somebody else's connection must not carry what this user says.
      fits: (frame) => (mine ? mine === frame.user : frame.token !== undefined),
      stuck: () => this.#takeOver(),
      foreign: () => {
        this.#apart = true;
        this.#host.restart();
      },
    });
    this.#links.add(link);
    return link;
  };

  /** A document was opened: only a connection of this tab's own carries it. */
  documents(): void {
    if (this.#links.size > 0) this.#host.restart();
  }

  /** Gives up what is held: the client is not to be connected. */
  stop(): void {
    this.#leaveTurn();
    this.#apart = false;
  }

  close(): void {
    this.stop();
    this.#tabs.close();
    this.#channel.close();
  }

  /** Whether this tab holds the connection, or holds it from now on. If not, it waits for its turn. */
  #holds(): Promise<boolean> {
    if (this.#release) return Promise.resolve(true);
    this.#first ??= this.#queue();
    return this.#first;
  }

  #queue(): Promise<boolean> {
    const turn = new AbortController();
    this.#turn = turn;
    return new Promise((resolve) => {
      const { signal } = turn;
      const keep = () => this.#keep(turn);
      const now = (lock: Lock | null) => {
        resolve(lock !== null);
        if (lock) return keep();
        this.#locks.request(this.#name, { signal }, () => this.#inherit(turn)).catch(() => this.#lost(turn));
        return undefined;
      };
      this.#locks.request(this.#name, { ifAvailable: true }, now).catch(() => this.#lost(turn));
    });
  }

  /** Holds the lock until it is released or taken away. */
  #keep(turn: AbortController): Promise<void> {
    if (turn.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#release = resolve;
      this.#say({ kind: 'here' });
    });
  }

  /** The tab that held the connection is gone, or is stuck. */
  #inherit(turn: AbortController): Promise<void> {
    const kept = this.#keep(turn);
    if (turn === this.#turn) this.#host.restart();
    return kept;
  }

  #takeOver(): void {
    this.#leaveTurn();
    const turn = new AbortController();
    this.#turn = turn;
    this.#first = Promise.resolve(false);
    this.#locks.request(this.#name, { steal: true }, () => this.#inherit(turn)).catch(() => this.#lost(turn));
  }

  /** The lock was taken away: this tab had not answered for long. */
  #lost(turn: AbortController): void {
    if (turn !== this.#turn) return;
    this.#turn = this.#first = this.#release = undefined;
    this.#host.restart();
  }

  #leaveTurn(): void {
    const turn = this.#turn;
    this.#turn = this.#first = undefined;
    this.#release?.();
    this.#release = undefined;
    turn?.abort();
  }

  async #hold(credentials: Parameters<Dial>[0], events: LinkEvents): Promise<Link> {
    const trunk = new Trunk(events, {
      say: (word) => {
        if (this.#trunk === trunk) this.#say(word);
      },
      told: (frame) => {
        const { expires_at: _, ...told } = frame; // this tab sees to the token
        const token = this.#host.guest() ? (frame.token ?? credentials.token) : undefined;
        return { ...told, ...(token ? { token } : {}) };
      },
      toldEnd: (info) => (isExpired(info.code) || isRefused(info.code) ? { ...info, code: undefined } : info),
    });
    this.#trunk = trunk;
    await trunk.open(this.#host.dial, credentials);
    return trunk;
  }

  #say(word: Unsigned<Answer>): void {
    this.#channel.postMessage({ ...word, from: this.#tabs.id } as Answer);
  }

  #hear(word: Request | Answer): void {
    if ('to' in word && word.to !== undefined && word.to !== this.#tabs.id) return;
    switch (word.kind) {
      case 'open':
      case 'gone':
      case 'probe':
      case 'call':
      case 'notify':
        if (this.#release) this.#serve(word);
        return;
      case 'here':
        this.#apart = false;
        break;
      case 'apart':
        if (this.#links.size === 0) return;
        this.#apart = true;
        this.#host.restart();
        return;
      case 'connected':
        if (this.#links.size === 0) this.#host.wake();
    }
    for (const link of [...this.#links]) link.hear(word);
  }

  #serve(word: Request): void {
    if (word.kind === 'open') {
      this.#tabs.watch(word.from);
      this.#say({ kind: 'here', to: word.from });
    }
    this.#trunk?.serve(word);
  }
}
