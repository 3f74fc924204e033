import { report } from './emitter.js';
import type { Store } from './types.js';

/** A store whose owner sets the value. Listeners are told at once. */
export class Value<T> implements Store<T> {
  readonly #listeners = new Set<{ fn: (value: T) => void }>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  getSnapshot = (): T => this.#value;

  subscribe = (fn: (value: T) => void): (() => void) => {
    const listener = { fn };
    this.#listeners.add(listener);
    tell(listener.fn, this.#value);
    return () => this.#listeners.delete(listener);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) tell(listener.fn, value);
  }
}

/** How often listeners of a `Derived` are told, at most: once a frame of a 60 Hz screen. */
const FRAME = 16;

/**
 * A store whose value is built from its owner's state when somebody looks. However many changes there
 * are in a frame, listeners are told once; `getSnapshot` never gives a value that is behind the state.
 */
export class Derived<T> implements Store<T> {
  readonly #listeners = new Set<{ fn: (value: T) => void }>();
  readonly #build: () => T;
  #value: T | undefined;
  #dirty = true;
  #scheduled = false;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(build: () => T) {
    this.#build = build;
  }

  getSnapshot = (): T => {
    if (this.#dirty) {
      this.#value = this.#build();
      this.#dirty = false;
    }
    return this.#value as T;
  };

  subscribe = (fn: (value: T) => void): (() => void) => {
    const listener = { fn };
    this.#listeners.add(listener);
    tell(listener.fn, this.getSnapshot());
    return () => this.#listeners.delete(listener);
  };

  /** The state behind the value has changed. */
  invalidate(): void {
    this.#dirty = true;
    if (this.#scheduled || this.#listeners.size === 0) return;
    this.#scheduled = true;
    const wait = this.#toldAt + FRAME - Date.now();
    if (wait > 0 && wait <= FRAME) setTimeout(this.#tell, wait);
    else queueMicrotask(this.#tell);
  }

  #tell = (): void => {
    this.#scheduled = false;
    this.#toldAt = Date.now();
    const value = this.getSnapshot();
    for (const listener of [...this.#listeners]) tell(listener.fn, value);
  };
}

function tell<T>(fn: (value: T) => void, value: T): void {
  try {
    fn(value);
  } catch (error) {
    report(error);
  }
}
