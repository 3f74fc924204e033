import type { DBSchema, IDBPDatabase } from 'idb';
import type { StoredEntry } from './entry.js';
import type { Guest, GuestStore } from './identity.js';

/** An entry beside whom it belongs to, and the tab that sends it. */
interface Kept extends StoredEntry {
  owner: string;
  tab: string;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: Kept; indexes: { owner: string } };
  guests: { key: string; value: Guest };
}

/** Entries of a user who has not been back for so long are dropped, in milliseconds. */
const FOREIGN_KEPT = 30 * 24 * 3600_000;

/**
 * What outlives the page, in IndexedDB, one part for each hub. Where that cannot be had (a private
 * window, a full disk) the client goes on without it, and says so once.
 */
export class Persistence implements GuestStore {
  readonly #hub: string;
  readonly #fault: (cause: unknown) => void;
  readonly #db: Promise<IDBPDatabase<Schema> | undefined>;
  #faulty = false;

  constructor(name: string, hub: string, fault: (cause: unknown) => void) {
    this.#hub = hub;
    this.#fault = fault;
    this.#db = this.#try(async () => {
      const { openDB } = await import('idb');
      const db = await openDB<Schema>(name, 1, {
        upgrade(fresh) {
          fresh.createObjectStore('outbox', { keyPath: 'key' }).createIndex('owner', 'owner');
          fresh.createObjectStore('guests');
        },
        blocking: () => db.close(),
      });
      return db;
    });
  }

  /** The entries of a user, in order, each with its tab. */
  async entries(user: string): Promise<Kept[]> {
    const kept = await this.#with((db) => db.getAllFromIndex('outbox', 'owner', this.#owner(user)));
    return (kept ?? []).sort((a, b) => a.order - b.order);
  }

  async put(entry: StoredEntry, user: string, tab: string): Promise<void> {
    const now = { ...entry, owner: this.#owner(user), tab }; // it may have changed when its turn comes
    await this.#with((db) => db.put('outbox', now));
  }

  remove(key: string): void {
    void this.#with((db) => db.delete('outbox', key));
  }

  /** Makes the entries of a tab that is gone those of another, and gives them. Nobody else gets them. */
  async adopt(user: string, from: string, to: string): Promise<Kept[]> {
    const adopted = await this.#with(async (db) => {
      const store = db.transaction('outbox', 'readwrite').store;
      const kept = await store.index('owner').getAll(this.#owner(user));
      const orphans = kept.filter((k) => k.tab === from).map((k) => ({ ...k, tab: to }));
      await Promise.all([...orphans.map((k) => store.put(k)), store.transaction.done]);
      return orphans;
    });
    return (adopted ?? []).sort((a, b) => a.order - b.order);
  }

  /** Drops what users left behind who have not been back for long. */
  async sweep(user: string): Promise<void> {
    const before = Date.now() - FOREIGN_KEPT;
    await this.#with(async (db) => {
      const store = db.transaction('outbox', 'readwrite').store;
      for (const kept of await store.getAll()) {
        if (kept.owner !== this.#owner(user) && kept.at < before) await store.delete(kept.key);
      }
    });
  }

  load(): Promise<Guest | undefined> {
    return this.#with((db) => db.get('guests', this.#hub));
  }

  save(guest: Guest | undefined): void {
    void this.#with(async (db) => {
      if (guest) await db.put('guests', guest, this.#hub);
      else await db.delete('guests', this.#hub);
    });
  }

  async close(): Promise<void> {
    (await this.#db)?.close();
  }

  #owner(user: string): string {
    return `${this.#hub}\n${user}`;
  }

  async #with<T>(fn: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T | undefined> {
    const db = await this.#db;
    return db && this.#try(() => fn(db));
  }

  async #try<T>(fn: () => Promise<T>): Promise<T | undefined> {
    try {
      return await fn();
    } catch (cause) {
      if (!this.#faulty) this.#fault(cause);
      this.#faulty = true;
      return undefined;
    }
  }
}
