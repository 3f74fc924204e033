/** As much of a message as its place in the feed depends on. */
export interface Placed {
  readonly user: string;
  readonly name?: string | undefined;
  readonly at: number;
  readonly replyTo?: number | undefined;
}

/** How long a pause begins a new group, in milliseconds. */
export const pause = 5 * 60_000;

/** Whether a message shows its author, or follows on from the one above. */
export function startsGroup(previous: Placed | undefined, message: Placed): boolean {
  return (
    previous === undefined ||
    previous.user !== message.user ||
    (previous.name ?? '') !== (message.name ?? '') ||
    message.replyTo !== undefined ||
    message.at - previous.at > pause ||
    startsDay(previous, message)
  );
}

/** Whether a message is the first of its day, in the reader's time zone. */
export function startsDay(previous: Placed | undefined, message: Placed): boolean {
  return previous === undefined || dayOf(previous.at) !== dayOf(message.at);
}

/** A day as one number that rises with time. */
export function dayOf(at: number): number {
  const date = new Date(at);
  return date.getFullYear() * 10_000 + date.getMonth() * 100 + date.getDate();
}
