import type { HubbubError } from './errors.js';
import type { HistoryCommand, HistoryFrame, JoinCommand, JoinedFrame } from './wire.js';

/** How much of an absence is read at once. */
const PAGE = 200;

/**
 * Answers a `join` out of what the stream said of the room when it opened: its newest events and where
 * they end. What lies between `since` and them is read from the history, a page for each join, with
 * `live: false`; the caller asks again until it is live. The same three resets as over a WebSocket.
 */
export function resume(
  join: JoinCommand,
  joined: JoinedFrame,
  read: (query: Omit<HistoryCommand, 'type' | 'room'>) => Promise<HistoryFrame>,
  answer: (error: HubbubError | null, frame: JoinedFrame | null) => void,
): void {
  const { since } = join;
  if (!since) {
    answer(null, newest(joined, join.history ?? 0));
    return;
  }
  const beginning = since.seq === 0 && since.epoch === '';
  const reset = (reason: string) => answer(null, { ...joined, reset: { reason } });
  const first = joined.events[0]?.seq ?? Number.POSITIVE_INFINITY;
  if (since.epoch !== joined.epoch && !beginning) reset('epoch');
  else if (since.seq > joined.seq) reset('ahead');
  else if (since.seq === joined.seq || first <= since.seq || !joined.more) {
    answer(null, { ...joined, events: joined.events.filter((e) => e.seq > since.seq) });
  } else {
    // The page begins with the event at `since`: as long as that is kept, so is all that came after it.
    read({ after: Math.max(since.seq - 1, 0), limit: PAGE }).then(
      (page) => {
        if (page.epoch !== joined.epoch) reset('epoch');
        else if (since.seq > 0 ? page.events[0]?.seq !== since.seq : page.more_before && !beginning)
          reset('trimmed');
        else answer(null, part(joined, page, since.seq, first));
      },
      (error) => answer(error as HubbubError, null),
    );
  }
}

function newest(joined: JoinedFrame, n: number): JoinedFrame {
  const drop = Math.max(0, joined.events.length - n);
  return drop === 0 ? joined : { ...joined, events: joined.events.slice(drop), more: true };
}

/** The page's events after `since`; with the joined ones behind them, if the page reaches the room's end. */
function part(joined: JoinedFrame, page: HistoryFrame, since: number, first: number): JoinedFrame {
  const missed = page.events.filter((e) => e.seq > since);
  const last = missed[missed.length - 1]?.seq ?? since;
  if (page.more_after) return { ...joined, events: missed, seq: last, live: false };
  return { ...joined, events: [...missed.filter((e) => e.seq < first), ...joined.events] };
}
