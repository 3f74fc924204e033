import { Value } from './store.js';
import type { Store, Typing, TypingUser } from './types.js';

/** How long a sign of typing holds, and how often one is sent, in milliseconds (PROTOCOL.md, section 4). */
const HOLDS = 6000;
const EVERY = 3000;

/** Who types in a room, and telling that one does so oneself. */
export class TypingState implements Typing {
  readonly #tell: (typing: boolean) => void;
  readonly #users = new Value<readonly TypingUser[]>([]);
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(tell: (typing: boolean) => void) {
    this.#tell = tell;
  }

  get users(): Store<readonly TypingUser[]> {
    return this.#users;
  }

  keystroke(): void {
    if (Date.now() - this.#toldAt < EVERY) return;
    this.#toldAt = Date.now();
    this.#tell(true);
  }

  stop(): void {
    const shown = Date.now() - this.#toldAt < HOLDS;
    this.rest();
    if (shown) this.#tell(false);
  }

  /** One's message is on its way: it ends the sign at the others without a word of its own. */
  rest(): void {
    this.#toldAt = Number.NEGATIVE_INFINITY;
  }

  /** Somebody else has begun or stopped. */
  push(user: TypingUser, typing: boolean): void {
    clearTimeout(this.#timers.get(user.user));
    this.#timers.delete(user.user);
    const shown = this.#users.getSnapshot();
    if (!typing) {
      if (shown.some((u) => u.user === user.user)) this.#users.set(shown.filter((u) => u.user !== user.user));
      return;
    }
    this.#timers.set(
      user.user,
      setTimeout(() => this.push(user, false), HOLDS),
    );
    if (!shown.some((u) => u.user === user.user)) this.#users.set([...shown, user]);
  }

  /** Forgets everybody: nothing is heard of the room any more. */
  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.rest();
    if (this.#users.getSnapshot().length > 0) this.#users.set([]);
  }
}
