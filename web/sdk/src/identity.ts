import type { HubbubOptions, TokenReason, User } from './types.js';
import type { ConnectedFrame } from './wire.js';

/** What is kept of a guest, to come back as the same one. */
export interface Guest {
  token: string;
  user: string;
}

/** Where a guest is kept through a page reload. */
export interface GuestStore {
  load(): Promise<Guest | undefined>;
  save(guest: Guest | undefined): void;
}

/** How long `getToken` may take, in milliseconds. */
const TOKEN_PATIENCE = 30_000;

/** How long a token must hold to be brought to another instance, in milliseconds. */
const HOLDS_ON = 60_000;

/** Who the caller is: gets tokens, and remembers a guest's. */
export class Identity {
  readonly #getToken: HubbubOptions['getToken'];
  readonly #store: GuestStore | undefined;
  #name: string | undefined;
  #guest: Guest | undefined;
  #loaded = false;
  #last: 'token' | 'guest' | 'none' = 'none';
  #reason: TokenReason = 'connect';
  #claimed: string | undefined;
  /** The application's token that the hub has taken last, and when it ends. */
  #taken: { token: string; ends: number } | undefined;
  #moved = false;

  constructor(options: HubbubOptions, store: GuestStore | undefined) {
    this.#getToken = options.getToken;
    this.#name = options.guestName;
    this.#store = store;
  }

  /** Tokens come from the application, so that one that runs out can be replaced. */
  get renewable(): boolean {
    return this.#last === 'token';
  }

  /** The user that the hub will most likely see, as far as that is known before it has said so. */
  get expected(): string | undefined {
    return this.#claimed;
  }

  set name(name: string) {
    this.#name = name;
  }

  /** What to connect with. */
  async credentials(): Promise<{ token?: string; name?: string }> {
    const token = this.#unended() ?? (await this.fresh(this.#reason));
    if (token) {
      this.#last = 'token';
      this.#claimed = subjectOf(token);
      this.#taken = { token, ends: 0 };
      return { token };
    }
    if (!this.#loaded) {
      this.#loaded = true;
      this.#guest ??= await this.#store?.load();
    }
    this.#last = this.#guest ? 'guest' : 'none';
    this.#claimed = this.#guest?.user;
    return {
      ...(this.#guest ? { token: this.#guest.token } : {}),
      ...(this.#name ? { name: this.#name } : {}),
    };
  }

  /** Asks the application for a token; undefined if it has none to give. */
  async fresh(reason: TokenReason): Promise<string | undefined> {
    if (!this.#getToken) return undefined;
    const got = await within(TOKEN_PATIENCE, Promise.resolve(this.#getToken({ reason })));
    return got || undefined;
  }

  /** The hub has let the caller in. */
  accept(frame: ConnectedFrame): User {
    this.#reason = 'connect';
    this.#moved = false;
    if (this.#taken) this.#taken.ends = frame.expires_at ?? 0;
    this.#claimed = frame.user;
    if (frame.token && this.#last !== 'token') {
      this.#guest = { token: frame.token, user: frame.user };
      this.#store?.save(this.#guest);
    }
    return { id: frame.user, name: frame.name ?? frame.user, guest: this.#last !== 'token' };
  }

  /** The token was not taken. Says whether coming back with another one may help. */
  refused(expired: boolean): boolean {
    this.#moved = false;
    if (this.#last === 'guest') {
      this.#guest = undefined;
      this.#store?.save(undefined);
      return true;
    }
    if (this.#last === 'none') return false;
    const again = expired || this.#reason !== 'refused';
    this.#reason = expired ? 'expired' : 'refused';
    return again;
  }

  /** The hub has taken a new token. */
  renewed(token: string, ends = 0): void {
    this.#taken = { token, ends };
  }

  /** One instance has sent the caller to another: the application need not be asked for what still holds. */
  moved(): void {
    this.#moved = true;
  }

  #unended(): string | undefined {
    const taken = this.#taken;
    return this.#moved && taken && taken.ends - Date.now() > HOLDS_ON ? taken.token : undefined;
  }

  /** The application asked for a new attempt: what was refused before may be mended now. */
  forgive(): void {
    if (this.#reason === 'refused') this.#reason = 'expired';
  }
}

/** The `sub` of a JWT, which is not verified here: the hub does that. */
export function subjectOf(token: string): string | undefined {
  try {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(payload), (c) => c.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === 'string' ? sub : undefined;
  } catch {
    return undefined;
  }
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`getToken gave no answer in ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
