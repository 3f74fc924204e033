import type { HistoryPage, Message } from './types.js';
import { Window } from './window.js';
import type { HistoryFrame } from './wire.js';

/** A page as applications get it, with its messages folded. */
export function pageOf(frame: HistoryFrame, me: string | undefined): HistoryPage {
  const { epoch, events, changes = [], more_before: moreBefore, more_after: moreAfter } = frame;
  const messages: Message[] = [];
  new Window({ events, changes, hasOlder: moreBefore, hasNewer: moreAfter }, () => me).collect(messages);
  return { epoch, events, changes, messages, moreBefore, moreAfter };
}
