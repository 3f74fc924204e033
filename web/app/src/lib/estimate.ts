import { type Placed, startsDay, startsGroup } from './grouping';

/** Heights that the style sheet gives, in pixels. */
const line = 22;
const row = 4;
const author = 30;
const day = 48;
const reactions = 36;
const quote = 26;

/** As much of a message as its height depends on. */
export interface Sized extends Placed {
  readonly text: string;
  readonly reactions: readonly unknown[];
}

/** How tall a message's row will about be, before it has been drawn. */
export function estimate(previous: Sized | undefined, message: Sized): number {
  let height = row + line * lines(message.text);
  if (startsGroup(previous, message)) height += author;
  if (startsDay(previous, message)) height += day;
  if (message.replyTo !== undefined) height += quote;
  if (message.reactions.length > 0) height += reactions;
  return height;
}

function lines(text: string): number {
  if (text.length <= 90 && !text.includes('\n')) return 1;
  let count = 0;
  for (const part of text.split('\n')) count += 1 + Math.floor(part.length / 90);
  return count;
}
