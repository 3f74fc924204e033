import { HubbubError } from './errors.js';
import type { Position, StoredEvent } from './types.js';
import type { HistoryCommand, HistoryFrame } from './wire.js';

/** What became of commands whose ack never came. */
export type Verdict = 'complete' | HubbubError;

const PAGE = 200;

/**
 * Reads a room from a position to its end and shows each event to `seen`. `complete` means that all of
 * it was read, so that what was not seen is not there. A `HubbubError` with `unknown_outcome` says that
 * it cannot be known: a part is not kept any more, or the log was reset. Other failures are thrown.
 */
export async function readFrom(
  from: Position | null,
  read: (query: Omit<HistoryCommand, 'type' | 'room'>) => Promise<HistoryFrame>,
  seen: (stored: StoredEvent) => void,
): Promise<Verdict> {
  if (!from) return unknown('where the room stood when it was sent is not known');
  // The first page begins with the event at the position: as long as that is kept, so is all after it.
  let after = Math.max(from.seq - 1, 0);
  for (let first = true; ; first = false) {
    const page = await read({ after, limit: PAGE });
    if (page.epoch !== from.epoch) return unknown('the hub’s log was reset');
    const whole = from.seq > 0 ? page.events[0]?.seq === from.seq : !page.more_before;
    if (first && !whole) return unknown('the room’s history does not reach back that far');
    for (const stored of page.events) seen(stored);
    const last = page.events[page.events.length - 1];
    if (!page.more_after || !last) return 'complete';
    after = last.seq;
  }
}

function unknown(why: string): HubbubError {
  return new HubbubError('unknown_outcome', `It is not known whether this was sent: ${why}.`);
}
