import { HubbubError } from './errors.js';
import type { Identity } from './identity.js';
import type { Frame } from './wire.js';

/** How long before its end a token is replaced: a fifth of its time, at most so many milliseconds. */
const LEAD_MAX = 60_000;
/** How long to wait after a failure. */
const AGAIN = 5000;
/** A timer cannot wait for longer than 2^31 ms. */
const TIMER_MAX = 2 ** 31 - 1;

/** Replaces the token of a live connection before it runs out; a guest's is replaced by connecting anew. */
export class Refresher {
  readonly #identity: Identity;
  readonly #send: (token: string) => Promise<Frame>;
  readonly #fault: (error: HubbubError) => void;
  readonly #reconnect: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armed = 0;

  constructor(
    identity: Identity,
    send: (token: string) => Promise<Frame>,
    fault: (error: HubbubError) => void,
    reconnect: () => void,
  ) {
    this.#identity = identity;
    this.#send = send;
    this.#fault = fault;
    this.#reconnect = reconnect;
  }

  /** The connection's token ends at that time, in milliseconds since 1970. */
  arm(expiresAt: number | undefined): void {
    this.disarm();
    if (expiresAt === undefined) return;
    const left = expiresAt - Date.now();
    // A token that is over before it began means that the clocks differ: then the hub's word decides.
    this.#wait(left > 0 ? left - Math.min(left / 5, LEAD_MAX) : LEAD_MAX);
  }

  disarm(): void {
    clearTimeout(this.#timer);
    this.#armed++;
  }

  /** Replaces the token now. */
  now(): void {
    this.disarm();
    void this.#refresh(this.#armed);
  }

  #wait(ms: number): void {
    const armed = this.#armed;
    this.#timer = setTimeout(
      () => {
        if (ms > TIMER_MAX) this.#wait(ms - TIMER_MAX);
        else void this.#refresh(armed);
      },
      Math.min(ms, TIMER_MAX),
    );
  }

  async #refresh(armed: number): Promise<void> {
    if (!this.#identity.renewable) {
      this.#reconnect();
      return;
    }
    try {
      const token = await this.#identity.fresh('expiring');
      if (armed !== this.#armed || !token) return;
      const frame = await this.#send(token);
      if (armed === this.#armed && frame.type === 'refreshed') this.arm(frame.expires_at);
    } catch (cause) {
      if (armed !== this.#armed) return;
      this.#fault(tokenError(cause));
      this.#wait(AGAIN);
    }
  }
}

/** What the application is told when its `getToken` fails. */
export function tokenError(cause: unknown): HubbubError {
  if (cause instanceof HubbubError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HubbubError('no_token', `getToken failed: ${why}`, { cause });
}
