import type { DBSchema, IDBPDatabase } from 'idb';
import { applyUpdate, type Doc, encodeStateAsUpdate, mergeUpdates } from 'yjs';

interface Schema extends DBSchema {
  updates: { key: number; value: { copy: string; update: Uint8Array }; indexes: { copy: string } };
}

/** After how many stored updates they are made one. */
const COMPACT = 300;

/** A document's copy in IndexedDB, which outlives the page. Tabs share it. */
export class OfflineCopy {
  /** Resolves when the document holds what was kept, or nothing can be kept. */
  readonly loaded: Promise<void>;
  readonly #key: string;
  readonly #doc: Doc;
  readonly #fault: (cause: unknown) => void;
  readonly #db: Promise<IDBPDatabase<Schema>>;
  #queue: Uint8Array[] = [];
  #writing: Promise<void> = Promise.resolve();
  #stored = 0;
  #faulty = false;

  constructor(name: string, key: string, doc: Doc, fault: (cause: unknown) => void) {
    this.#key = key;
    this.#doc = doc;
    this.#fault = fault;
    this.#db = open(name);
    doc.on('update', this.#changed);
    this.loaded = this.#try(() => this.#load());
  }

  /** Forgets what is kept. The document itself stays as it is. */
  clear(): Promise<void> {
    this.#queue = [];
    this.#writing = this.#writing.then(() =>
      this.#try(async () => {
        const { store, done } = await this.#write();
        for (const key of await store.index('copy').getAllKeys(this.#key)) void store.delete(key);
        await done;
        this.#stored = 0;
      }),
    );
    return this.#writing;
  }

  /** Ends it once all is kept. */
  close(): void {
    this.#doc.off('update', this.#changed);
    void this.#writing.then(() => this.#try(async () => (await this.#db).close()));
  }

  #changed = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) return;
    this.#queue.push(update);
    if (this.#queue.length > 1) return; // the first one has seen to it
    const before = this.#writing;
    this.#writing = this.loaded.then(() => before).then(() => this.#try(() => this.#flush()));
  };

  async #load(): Promise<void> {
    const kept = await (await this.#db).getAllFromIndex('updates', 'copy', this.#key);
    this.#stored = kept.length;
    this.#take(kept);
  }

  #take(kept: { update: Uint8Array }[]): void {
    if (kept.length > 0) applyUpdate(this.#doc, mergeUpdates(kept.map((k) => k.update)), this);
  }

  async #flush(): Promise<void> {
    const queue = this.#queue.splice(0);
    if (queue.length === 0) return;
    const { store, done } = await this.#write();
    void store.add({ copy: this.#key, update: mergeUpdates(queue) });
    await done;
    if (++this.#stored >= COMPACT) await this.#compact();
  }

  /** Makes what is kept one update, with what other tabs have stored. */
  async #compact(): Promise<void> {
    const { store, done } = await this.#write();
    const index = store.index('copy');
    const [keys, kept] = await Promise.all([index.getAllKeys(this.#key), index.getAll(this.#key)]);
    this.#take(kept);
    for (const key of keys) void store.delete(key);
    void store.add({ copy: this.#key, update: encodeStateAsUpdate(this.#doc) });
    await done;
    this.#stored = 1;
  }

  async #write() {
    const tx = (await this.#db).transaction('updates', 'readwrite');
    return { store: tx.store, done: tx.done };
  }

  async #try(fn: () => Promise<void>): Promise<void> {
    try {
      await fn();
    } catch (cause) {
      if (!this.#faulty) this.#fault(cause);
      this.#faulty = true;
    }
  }
}

async function open(name: string): Promise<IDBPDatabase<Schema>> {
  const { openDB } = await import('idb');
  const db = await openDB<Schema>(name, 1, {
    upgrade(fresh) {
      fresh.createObjectStore('updates', { autoIncrement: true }).createIndex('copy', 'copy');
    },
    blocking: () => db.close(),
  });
  return db;
}
