/** The bounds of a wait before a new try, in milliseconds (PROTOCOL.md, section 6). */
const FIRST = 300;
const LAST = 20_000;

/**
 * How long to wait before the nth try, counted from 0: full jitter, so that clients which lost a hub
 * together do not come back together. `floor` is what the hub asked for, if it did.
 */
export function backoff(n: number, floor = 0, random: () => number = Math.random): number {
  const wait = random() * Math.min(LAST, FIRST * 2 ** Math.min(n, 30));
  return Math.max(n > 0 ? Math.max(FIRST, wait) : wait, floor);
}
