import { Entry, type StoredEntry } from './entry.js';
import { HubbubError } from './errors.js';
import { Lane, type LaneHost } from './lane.js';
import type { Persistence } from './persistence.js';
import { Tabs } from './tabs.js';
import type { Message, OutboxItem, StoredEvent } from './types.js';
import { uuid } from './uuid.js';
import type { PublishEvent } from './wire.js';

/** How many commands may wait in all. */
const MAX_WAITING = 1000;
/** What sets commands of one moment apart: so little that a burst does not run ahead of the clock. */
const TICK = 1 / 1024;
/** How long what is sent now waits for what is kept to be read, in milliseconds. */
const LOAD_PATIENCE = 5000;
/** How often what is kept is read again for what a dying tab has just taken over. */
const MAX_ROUNDS = 5;

export type OutboxHost = Omit<LaneHost, 'save' | 'forget'> & {
  /** Who the user is, or will be as far as is known. */
  expected(): string | undefined;
};

/** All commands that the hub has not acknowledged, kept until it has. */
export class Outbox {
  readonly #host: OutboxHost;
  readonly #kept: Persistence | undefined;
  readonly #tabs: Tabs | undefined;
  readonly #lanes = new Map<string, Lane>();
  #order = 0;
  /** Whose kept entries were read, or are being read. Until they are there, nothing may overtake them. */
  #loaded: string | undefined;
  #ready = true;
  #closed = false;

  constructor(host: OutboxHost, kept: Persistence | undefined, name: string) {
    this.#host = host;
    this.#kept = kept;
    this.#tabs = kept && new Tabs(name, (tab) => this.#adopt(tab));
  }

  /** Takes a command in; it is sent as soon as its turn comes. */
  add(room: string, event: PublishEvent): Entry {
    if (this.#size() >= MAX_WAITING) {
      throw new HubbubError('limit_reached', `${MAX_WAITING} commands wait to be sent; more are not kept`);
    }
    this.#order = Math.max(this.#order + TICK, performance.timeOrigin + performance.now());
    const user = this.#host.expected() ?? null;
    const key = uuid();
    const entry = new Entry({
      key,
      room,
      user,
      event,
      at: Date.now(),
      order: this.#order,
      sent: false,
      position: null,
    });
    void this.#save(entry);
    this.lane(room).add(entry);
    this.#host.changed(room);
    return entry;
  }

  lane(room: string): Lane {
    let lane = this.#lanes.get(room);
    if (!lane) {
      const save = (entry: Entry) => this.#save(entry);
      const forget = (entry: Entry) => this.#kept?.remove(entry.key);
      const era = () => (this.#ready ? this.#host.era() : 0);
      lane = new Lane(room, { ...this.#host, era, save, forget });
      this.#lanes.set(room, lane);
    }
    return lane;
  }

  /** The messages of a room that its order has not brought yet. */
  waiting(room: string): Message[] {
    const lane = this.#lanes.get(room);
    if (!lane) return [];
    const me = this.#host.me();
    const unseen = lane.queue.filter((e) => e.isMessage && e.seq === undefined);
    return [...lane.acked, ...unseen].map((e) => e.row(me));
  }

  items(room: string): OutboxItem[] {
    return this.#lanes.get(room)?.queue.map((e) => e.item()) ?? [];
  }

  /** An event of the current user was met. */
  sighted(room: string, stored: StoredEvent): void {
    this.#lanes.get(room)?.sighted(stored);
  }

  connected(): void {
    void this.load(); // the hub may know the caller as somebody else than was expected
    this.#run();
  }

  disconnected(): void {
    for (const lane of this.#lanes.values()) lane.disconnected();
  }

  close(): void {
    this.#closed = true;
    this.#tabs?.close();
    for (const lane of this.#lanes.values()) lane.close();
  }

  /** Reads what is kept of the user, once it is known who that is. */
  async load(): Promise<void> {
    const user = this.#host.expected();
    if (!this.#kept || !this.#tabs || !user || this.#loaded === user) return;
    this.#loaded = user;
    this.#ready = false;
    for (const lane of this.#lanes.values()) for (const entry of lane.queue) void this.#save(entry);
    const read = this.#read(user, this.#kept, this.#tabs);
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, LOAD_PATIENCE);
      void read.finally(() => {
        clearTimeout(late);
        resolve();
      });
    });
    if (this.#loaded !== user) return; // another one is being read by now
    this.#ready = true;
    this.#run();
  }

  async #read(user: string, kept: Persistence, tabs: Tabs): Promise<void> {
    await kept.sweep(user);
    // Once more after each round: a tab may have died while it took over what another one had left.
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const others = (await kept.entries(user)).map((e) => e.tab).filter((tab) => !tabs.watches(tab));
      if (others.length === 0) return;
      await tabs.claim(others);
    }
  }

  #run(): void {
    for (const lane of this.#lanes.values()) lane.run();
  }

  /** Takes over what a tab has left that is gone. */
  async #adopt(tab: string): Promise<void> {
    const user = this.#host.expected();
    if (!this.#kept || !this.#tabs || !user || this.#closed) return;
    for (const { owner: _, tab: __, ...stored } of await this.#kept.adopt(user, tab, this.#tabs.id)) {
      this.#restore(stored);
    }
  }

  #restore(stored: StoredEntry): void {
    const lane = this.lane(stored.room);
    if (lane.find(stored.key)) return;
    this.#order = Math.max(this.#order, stored.order);
    lane.add(new Entry(stored));
    this.#host.changed(stored.room);
  }

  /** Keeps an entry, if it is known whose it is. */
  async #save(entry: Entry): Promise<void> {
    const user = entry.stored.user ?? this.#host.expected();
    if (!this.#kept || !this.#tabs || !user) return;
    this.#tabs.announce();
    entry.stored.user = user;
    await this.#kept.put(entry.stored, user, this.#tabs.id);
  }

  #size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) size += lane.queue.length;
    return size;
  }
}
