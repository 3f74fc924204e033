import { HubbubError } from './errors.js';
import type { Json, Position, StoredEvent } from './types.js';

/** The WebSocket subprotocol. */
export const SUBPROTOCOL = 'hubbub.v1.json';

/** What the caller asks to have stored (PROTOCOL.md, section 2). */
export interface PublishEvent {
  kind?: 'message' | 'edit' | 'delete' | 'react' | 'unreact' | 'custom';
  id?: string;
  text?: string;
  data?: Json;
  reply_to?: number;
  target?: number;
  emoji?: string;
  type?: string;
}

export interface JoinCommand {
  type: 'join';
  room: string;
  since?: Position;
  history?: number;
  presence?: boolean;
}

export interface HistoryCommand {
  type: 'history';
  room: string;
  before?: number;
  after?: number;
  around?: number;
  limit?: number;
  changes?: boolean;
}

/** What goes from here to the hub; the link adds the `id`. */
export type Command =
  | { type: 'connect'; token?: string; name?: string; client?: string }
  | { type: 'refresh'; token: string }
  | JoinCommand
  | { type: 'leave'; room: string }
  | { type: 'publish'; room: string; event: PublishEvent }
  | { type: 'batch'; room: string; events: PublishEvent[] }
  | HistoryCommand
  | { type: 'presence'; room: string }
  | { type: 'typing'; room: string; typing: boolean }
  | { type: 'broadcast'; room: string; data: Json }
  | { type: 'positions'; rooms: string[] }
  | DocCommand
  | { type: 'ping' }
  | { type: 'pong' };

/** What goes to the hub about a document. Bytes are base64. */
export type DocCommand =
  | { type: 'doc_open'; doc: string; sv: string }
  | { type: 'doc_update'; doc: string; update: string; offset?: number; more?: true }
  | { type: 'doc_awareness'; doc: string; update: string }
  | { type: 'doc_close'; doc: string };

export interface WireUser {
  user: string;
  name?: string;
}

export interface WireMember extends WireUser {
  conns: number;
}

export interface ConnectedFrame {
  type: 'connected';
  user: string;
  name?: string;
  conn: string;
  ping_ms: number;
  expires_at?: number;
  token?: string;
  server: string;
  version: number;
}

export interface JoinedFrame {
  type: 'joined';
  room: string;
  epoch: string;
  seq: number;
  live: boolean;
  events: StoredEvent[];
  more?: boolean;
  reset?: { reason: string };
  members?: WireMember[];
  count?: number;
}

export interface AckFrame {
  type: 'ack';
  room: string;
  seq?: number;
  epoch?: string;
  duplicate?: boolean;
}

export interface HistoryFrame {
  type: 'history';
  room: string;
  epoch: string;
  events: StoredEvent[];
  more_before: boolean;
  more_after: boolean;
  changes?: StoredEvent[];
}

export interface ErrorFrame {
  type: 'error';
  code: string;
  message: string;
  retry_after_ms?: number;
}

export interface EventFrame extends StoredEvent {
  type: 'event';
  room: string;
}

export interface ResetFrame {
  type: 'reset';
  room: string;
  epoch: string;
  seq: number;
  reason: string;
}

export interface PresenceFrame {
  type: 'presence';
  room: string;
  joined?: WireUser[];
  left?: WireUser[];
  members?: WireMember[];
  partial?: boolean;
  count: number;
}

export interface MembersFrame {
  type: 'members';
  room: string;
  count: number;
  members: WireMember[];
}

export interface DisconnectFrame {
  type: 'disconnect';
  code: number;
  reason: string;
  retry_after_ms?: number;
}

export type DocAccess = 'read' | 'comment' | 'write';

export interface DocOpenedFrame {
  type: 'doc_opened';
  doc: string;
  access: DocAccess;
  epoch: string;
  seq: number;
  sv: string;
  diff: string;
  more?: boolean;
  awareness?: string;
}

/** A frame that moves a document. `docs` looks whether it can be used. */
export type DocPush =
  | { type: 'doc_diff'; doc: string; diff: string; more?: boolean }
  | { type: 'doc_update' | 'doc_awareness'; doc: string; update: string }
  | { type: 'doc_notes'; doc: string }
  | { type: 'doc_access'; doc: string; access: DocAccess }
  | { type: 'doc_lost'; doc: string; code: string; message: string; retry_after_ms?: number };

/** A frame that moves a room. */
export type RoomPush =
  | EventFrame
  | PresenceFrame
  | ResetFrame
  | ({ type: 'typing'; room: string; typing: boolean } & WireUser)
  | ({ type: 'broadcast'; room: string; data: Json } & WireUser)
  | { type: 'left'; room: string; code: string; message: string };

/** What comes from the hub. A reply has the `id` of its command, a push has none. */
export type Frame = { id?: number } & (
  | ConnectedFrame
  | { type: 'refreshed'; expires_at?: number }
  | JoinedFrame
  | AckFrame
  | { type: 'acks'; room: string; epoch: string; acks: unknown[] }
  | HistoryFrame
  | MembersFrame
  | { type: 'positions'; positions: Record<string, Position> }
  | { type: 'pong' }
  | ErrorFrame
  | RoomPush
  | DocOpenedFrame
  | { type: 'doc_saved'; doc: string; epoch: string; seq: number }
  | { type: 'doc_closed'; doc: string }
  | DocPush
  | { type: 'ping' }
  | DisconnectFrame
);

/** Fields without which a frame of that type cannot be used, and what they must be: a `typeof`, or items. */
const REQUIRED: Record<string, Record<string, string>> = {
  connected: { user: 'string', conn: 'string', ping_ms: 'number' },
  refreshed: {},
  joined: { room: 'string', epoch: 'string', seq: 'number', live: 'boolean', events: 'items' },
  left: { room: 'string' },
  ack: { room: 'string' },
  acks: { room: 'string', acks: 'object' },
  history: {
    room: 'string',
    epoch: 'string',
    events: 'items',
    more_before: 'boolean',
    more_after: 'boolean',
  },
  members: { room: 'string', count: 'number', members: 'object' },
  positions: { positions: 'object' },
  pong: {},
  error: { code: 'string', message: 'string' },
  event: { room: 'string', seq: 'number', event: 'object' },
  presence: { room: 'string', count: 'number' },
  typing: { room: 'string', user: 'string', typing: 'boolean' },
  broadcast: { room: 'string', user: 'string' },
  reset: { room: 'string', epoch: 'string', seq: 'number', reason: 'string' },
  ping: {},
  disconnect: { code: 'number', reason: 'string' },
};
/** The same for frames about documents: what more they hold is for `docs` to look at. */
const REQUIRED_OF_DOCS = { doc: 'string' };

/**
 * Reads a frame. Null: a type that this version does not know, to be ignored. It throws if the frame
 * cannot be used, for what it held may be an event: the caller must resume rather than go on.
 */
export function decode(text: string): Frame | null {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch (cause) {
    throw new HubbubError('bad_frame', 'the hub sent a frame that is not JSON', { cause });
  }
  if (typeof frame !== 'object' || frame === null || typeof (frame as { type?: unknown }).type !== 'string') {
    throw new HubbubError('bad_frame', 'the hub sent a frame without a type');
  }
  const fields = frame as Record<string, unknown> & { type: string };
  const required = fields.type.startsWith('doc_')
    ? REQUIRED_OF_DOCS
    : Object.hasOwn(REQUIRED, fields.type)
      ? REQUIRED[fields.type]
      : undefined;
  if (!required) return null;
  for (const [field, type] of Object.entries(required)) {
    if (!fits(fields[field], type)) {
      throw new HubbubError('bad_frame', `the hub sent a frame "${fields.type}" without a usable "${field}"`);
    }
  }
  return fields as unknown as Frame;
}

function fits(value: unknown, type: string): boolean {
  if (type !== 'items') return value !== null && typeof value === type;
  return (
    Array.isArray(value) && value.every((item) => fits(item?.seq, 'number') && fits(item?.event, 'object'))
  );
}

/** Writes a command with the id under which it wants its reply; 0 wants none. */
export function encode(command: Command, id: number): string {
  const { type, ...fields } = command;
  return JSON.stringify(id === 0 ? command : { type, id, ...fields });
}

/** The error that a frame tells of. */
export function errorOf(frame: { code: string; message: string; retry_after_ms?: number }): HubbubError {
  return new HubbubError(frame.code, frame.message, { retryAfter: frame.retry_after_ms });
}
