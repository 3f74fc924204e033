import { backoff } from './backoff.js';

/** How soon the next address is tried, at the latest, in milliseconds. */
const NEXT = 100;

/**
 * Where the instances of a hub are reached. The client alone decides which is tried when: no instance has
 * to be asked where the others are.
 */
export class Addresses {
  readonly #all: { base: string; rest: number }[];
  readonly #random: () => number;
  #at = 0;

  /** They are kept in any order, so that many clients with one list are spread over all. */
  constructor(bases: readonly string[], random: () => number = Math.random) {
    this.#random = random;
    this.#all = bases.map((base) => ({ base, rest: 0, place: random() })).sort((a, b) => a.place - b.place);
  }

  /** The one to try, over HTTP and without a slash at its end. */
  get base(): string {
    return this.#all[this.#at]?.base ?? '';
  }

  /** When that one wants to be asked, at the earliest. */
  get notBefore(): number {
    return this.#all[this.#at]?.rest ?? 0;
  }

  /**
   * Goes on to the next one and gives how long to wait before it is tried. `n` is how many tries have failed
   * in a row before. The others are tried at once; once all have failed there is a wait.
   */
  failed(n: number, retryAfter = 0): number {
    const all = this.#all;
    const now = Date.now();
    const here = all[this.#at];
    if (here && retryAfter > 0) here.rest = now + retryAfter;
    const whole = (n + 1) % all.length === 0;
    const wait = whole ? backoff(Math.floor(n / all.length), 0, this.#random) : this.#random() * NEXT;
    const turn = all.map((_, i) => (this.#at + 1 + i) % all.length);
    const rest = (i: number) => all[i]?.rest ?? 0;
    const free = turn.find((i) => rest(i) <= now + wait);
    this.#at = free ?? turn.reduce((a, b) => (rest(b) < rest(a) ? b : a));
    return Math.max(wait, rest(this.#at) - now);
  }

  /** The hub let the client in, so it wants nobody to wait. */
  succeeded(): void {
    const here = this.#all[this.#at];
    if (here) here.rest = 0;
  }
}
