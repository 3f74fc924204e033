/** One thing for a screen reader to say. */
export interface Utterance {
  who: string;
  text: string;
}

/**
 * Speaks new messages through a live region at a pace that can be listened to:
 * one utterance an interval, and when more than a few wait, their number instead.
 */
export class Announcer {
  readonly #say: (text: string) => void;
  readonly #interval: number;
  #waiting: Utterance[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(say: (text: string) => void, interval = 1_500) {
    this.#say = say;
    this.#interval = interval;
  }

  message(utterance: Utterance): void {
    this.#waiting.push(utterance);
    if (this.#timer === undefined) this.#next();
  }

  /** Says nothing more of what waits; the next message starts afresh. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting = [];
  }

  #next(): void {
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    if (this.#waiting.length > 3) {
      this.#say(`${this.#waiting.length} new messages`);
      this.#waiting = [];
    } else {
      const { who, text } = this.#waiting.shift() as Utterance;
      this.#say(`${who}: ${text}`);
    }
    this.#timer = setTimeout(() => this.#next(), this.#interval);
  }
}
