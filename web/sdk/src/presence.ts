import { Derived } from './store.js';
import type { Member, Presence, TypingUser } from './types.js';
import type { PresenceFrame, WireMember, WireUser } from './wire.js';

/** What a presence push or a new list changed. */
export interface PresenceChange {
  joined: TypingUser[];
  left: TypingUser[];
  count: number;
}

/** Who is in a room, as the hub told it last. */
export class Roster {
  readonly store: Derived<Presence>;
  #members = new Map<string, Member>();
  #count = 0;

  constructor() {
    this.store = new Derived<Presence>(() => ({ count: this.#count, members: [...this.#members.values()] }));
  }

  /** Takes a whole list. Gives what it changes. */
  set(members: readonly WireMember[], count = members.length): PresenceChange {
    const was = this.#members;
    this.#members = new Map(members.map((m) => [m.user, member(m)]));
    this.#count = count;
    this.store.invalidate();
    return {
      joined: [...this.#members.values()].filter((m) => was.get(m.user)?.name !== m.name).map(userOf),
      left: [...was.values()].filter((m) => !this.#members.has(m.user)).map(userOf),
      count,
    };
  }

  /** Takes a push; one of a large room names nobody, or some in place of all. */
  push(frame: PresenceFrame): PresenceChange {
    if (frame.members) return this.set(frame.members, frame.count);
    const joined = (frame.joined ?? []).map(userOf);
    const left = (frame.left ?? []).map(userOf);
    for (const { user } of left) this.#members.delete(user);
    for (const user of joined) this.#members.set(user.user, { ...user, conns: 1 });
    this.#count = frame.count;
    this.store.invalidate();
    return { joined, left, count: frame.count };
  }
}

function member(m: WireMember): Member {
  return { user: m.user, name: m.name ?? m.user, conns: m.conns };
}

/** A user as applications see one: with a name, if only the id. */
export function userOf(u: WireUser): TypingUser {
  return { user: u.user, name: u.name ?? u.user };
}
