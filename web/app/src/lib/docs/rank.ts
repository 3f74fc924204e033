/** Texts that sort between any two others: an order in which a thing moves without the others being touched. */

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** How many digits are drawn by lot, so that two people who choose the same place choose different ranks. */
const lots = 4;

/**
 * A rank above `low` and below `high`; "" is no bound. Ranks are compared by code unit and never end in
 * the lowest digit, since nothing would fit below such a one.
 */
export function rankBetween(low: string, high: string, random: () => number = Math.random): string {
  if (high !== '' && low >= high)
    throw new RangeError(`no rank lies between ${low} and ${high}: the first must be lower`);
  let rank = '';
  let bounded = high !== '';
  for (let i = 0; ; i++) {
    const from = i < low.length ? digits.indexOf(low.charAt(i)) : 0;
    const to = bounded ? (i < high.length ? digits.indexOf(high.charAt(i)) : 0) : digits.length;
    if (to - from > 1) {
      rank += digits.charAt(digitBetween(from, to, low, high));
      break;
    }
    rank += digits.charAt(from);
    if (from < to) bounded = false; // already below `high`, whatever follows
  }
  for (let i = 1; i < lots; i++) rank += digits.charAt(Math.floor(random() * digits.length));
  return rank + digits.charAt(1 + Math.floor(random() * (digits.length - 1)));
}

/** One step where things are put at an end, again and again; the middle elsewhere. */
function digitBetween(from: number, to: number, low: string, high: string): number {
  if (low !== '' && high === '') return from + 1;
  if (low === '' && high !== '') return to - 1;
  return Math.floor((from + to) / 2);
}
