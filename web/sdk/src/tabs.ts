import { uuid } from './uuid.js';

/** The platform's locks, as far as they are used here. */
export type Locks = Pick<LockManager, 'request'>;

/**
 * Tells which tabs of this browser are alive, by a lock that each holds for as long as it lives. Without
 * Web Locks (they need a secure context) every other tab counts as gone: then two tabs may send the same
 * command, and the hub stores it once because it carries the same id.
 */
export class Tabs {
  readonly id: string = uuid();
  readonly #prefix: string;
  readonly #locks: Locks | undefined;
  readonly #gone: (tab: string) => Promise<void>;
  readonly #end = new AbortController();
  readonly #watched = new Set<string>();
  readonly #channel: BroadcastChannel | undefined;

  /** `gone` is called with a tab's id once it is gone; no other tab is told so until `gone` has ended. */
  constructor(
    name: string,
    gone: (tab: string) => Promise<void>,
    locks: Locks | undefined = globalThis.navigator?.locks,
  ) {
    this.#prefix = `${name}:tab:`;
    this.#locks = locks;
    this.#gone = gone;
    this.#watched.add(this.id);
    if (!locks) return;
    const { signal } = this.#end;
    // The lock is held until the tab dies or the client is closed.
    const held = () => new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    locks.request(this.#prefix + this.id, { signal }, held).catch(() => {}); // closed before it was granted
    if (typeof BroadcastChannel === 'undefined') return;
    this.#channel = new BroadcastChannel(this.#prefix);
    this.#channel.onmessage = ({ data }) => this.watch(String(data));
  }

  /** This tab has something that another must take over if it dies. Tabs that opened since must hear it too. */
  announce(): void {
    this.#channel?.postMessage(this.id);
  }

  /** Whether the tab is this one, or one whose end is waited for. */
  watches(tab: string): boolean {
    return this.#watched.has(tab);
  }

  /** Has `gone` called now for those that are gone, and later for the others. Resolves when now is over. */
  async claim(tabs: Iterable<string>): Promise<void> {
    const claims = [...new Set(tabs)].map((tab) => {
      if (this.watches(tab)) return undefined;
      if (!this.#locks) return this.#gone(tab);
      return this.#locks.request(this.#prefix + tab, { ifAvailable: true }, (lock) =>
        lock ? this.#gone(tab) : this.watch(tab),
      );
    });
    await Promise.allSettled(claims);
  }

  /** Waits for the end of a tab that has entries. */
  watch(tab: string): void {
    if (this.watches(tab) || this.#end.signal.aborted) return;
    this.#watched.add(tab);
    const { signal } = this.#end;
    const gone = this.#locks
      ? this.#locks.request(this.#prefix + tab, { signal }, () => this.#gone(tab))
      : this.#gone(tab);
    gone.catch(() => {}).finally(() => this.#watched.delete(tab)); // it fails when the client is closed
  }

  close(): void {
    this.#end.abort();
    this.#channel?.close();
  }
}
