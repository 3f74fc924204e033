/**
 * Small things kept in this browser. A browser that keeps nothing (private mode,
 * a full disk, storage switched off) costs the memory, never the page.
 */
export class Shelf {
  readonly #area: () => Storage;
  readonly #memory = new Map<string, string>();

  constructor(area: () => Storage) {
    this.#area = area;
  }

  /** The value under key, if there is one and it has the shape that fits says. */
  read<T>(key: string, fits: (value: unknown) => value is T): T | undefined {
    const text = this.#text(key);
    if (text === null) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      return fits(value) ? value : undefined;
    } catch {
      return undefined;
    }
  }

  write(key: string, value: unknown): void {
    const text = JSON.stringify(value);
    this.#memory.set(key, text);
    try {
      this.#area().setItem(prefix + key, text);
    } catch {
      // Kept in memory for as long as the page lives.
    }
  }

  remove(key: string): void {
    this.#memory.delete(key);
    try {
      this.#area().removeItem(prefix + key);
    } catch {
      // It was not there to begin with.
    }
  }

  #text(key: string): string | null {
    try {
      return this.#area().getItem(prefix + key) ?? this.#memory.get(key) ?? null;
    } catch {
      return this.#memory.get(key) ?? null;
    }
  }
}

/** What our keys begin with; the SDK keeps its own things elsewhere. */
export const prefix = 'hubbub.app.';

/** Outlives the browser. */
export const local = new Shelf(() => localStorage);

/** Ends with the tab. */
export const session = new Shelf(() => sessionStorage);

export const isString = (value: unknown): value is string => typeof value === 'string';
export const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
