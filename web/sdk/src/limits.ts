import { HubbubError } from './errors.js';
import type { PublishEvent } from './wire.js';

/** Bounds of the protocol (PROTOCOL.md, section 2), in bytes of UTF-8. */
const MAX = { text: 16 << 10, data: 32 << 10, emoji: 64, type: 64 } as const;

const encoder = new TextEncoder();

/** Refuses what the hub would refuse, before it waits in the outbox for a connection to be told so. */
export function check(event: PublishEvent): void {
  const content = { ...event, data: event.data === undefined ? undefined : JSON.stringify(event.data) };
  for (const [field, max] of Object.entries(MAX)) {
    const value = content[field as keyof typeof MAX];
    const size = value === undefined ? 0 : encoder.encode(value).length;
    if (size > max) throw new HubbubError('too_large', `${field}: is ${size} bytes long; at most ${max}`);
  }
  const kind = event.kind ?? 'message';
  if ((kind === 'message' || kind === 'edit') && !event.text?.trim() && event.data === undefined) {
    throw new HubbubError('bad_request', 'message: has neither text nor data; give one of them');
  }
  for (const field of ['target', 'reply_to'] as const) {
    const seq = event[field];
    if (seq !== undefined && !(Number.isSafeInteger(seq) && seq > 0)) {
      throw new HubbubError('bad_request', `${field}: is ${seq}; give the seq of a message`);
    }
  }
}
