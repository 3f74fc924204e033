/** As much of a message as counting needs. */
export interface Countable {
  readonly seq?: number | undefined;
  readonly own: boolean;
  readonly deleted?: boolean | undefined;
}

export interface Unread {
  count: number;
  /** There are more than could be counted: what is older has not been loaded. */
  more: boolean;
}

/**
 * Counts what others wrote after `read`. Edits, reactions and deletes are no
 * messages, own ones are read by their author, and deleted ones by nobody.
 *
 * `messages` are in order, newest last, those not sent yet at the end.
 */
export function countUnread(messages: readonly Countable[], read: number, hasOlder: boolean): Unread {
  let count = 0;
  for (let i = messages.length - 1; i >= 0; i--) {
    const message = messages[i];
    if (message?.seq === undefined) continue;
    if (message.seq <= read) return { count, more: false };
    if (counts(message)) count++;
  }
  return { count, more: hasOlder && count > 0 };
}

/** The first message after `read` that counts, as an index, or -1 if all is read. */
export function firstUnread(messages: readonly Countable[], read: number): number {
  for (let i = indexAfter(messages, read); i < messages.length; i++) {
    const message = messages[i];
    if (message?.seq !== undefined && counts(message)) return i;
  }
  return -1;
}

/** The index of the first message above `seq`: those not sent yet are above all. */
export function indexAfter(messages: readonly Countable[], seq: number): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.seq ?? Number.POSITIVE_INFINITY) > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The newest sequence that is known. */
export function newestSeq(messages: readonly Countable[]): number {
  for (let i = messages.length - 1; i >= 0; i--) {
    const seq = messages[i]?.seq;
    if (seq !== undefined) return seq;
  }
  return 0;
}

/** The count as a mark shows it. */
export function unreadLabel({ count, more }: Unread): string {
  if (count === 0) return '';
  if (count > 99) return '99+';
  return more ? `${count}+` : String(count);
}

function counts(message: Countable): boolean {
  return !message.own && !message.deleted;
}
