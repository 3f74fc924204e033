import type { Off } from './types.js';

/** Typed events. A listener that throws harms neither the others nor the client. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<{ fn: (value: never) => void }>>();

  on<K extends keyof Events>(event: K, fn: (value: Events[K]) => void): Off {
    let set = this.#listeners.get(event);
    if (!set) {
      set = new Set();
      this.#listeners.set(event, set);
    }
    const listener = { fn };
    set.add(listener);
    return () => set.delete(listener);
  }

  emit<K extends keyof Events>(event: K, value: Events[K]): void {
    const set = this.#listeners.get(event);
    if (!set) return;
    for (const { fn } of [...set]) {
      try {
        (fn as (value: Events[K]) => void)(value);
      } catch (error) {
        report(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** Makes an application's fault visible the platform's way, outside of the client's own flow. */
export function report(error: unknown): void {
  if (typeof globalThis.reportError === 'function') {
    globalThis.reportError(error);
    return;
  }
  queueMicrotask(() => {
    throw error;
  });
}
