import type { HubbubError } from './errors.js';

/**
 * A live value. `subscribe` calls `fn` at once with the value and again after each change, which is
 * Svelte's store contract; `getSnapshot` gives the same object for as long as nothing changed, which
 * is what React's `useSyncExternalStore` asks for. Snapshots must not be written to.
 */
export interface Store<T> {
  subscribe(fn: (value: T) => void): () => void;
  getSnapshot(): T;
}

/** A place in a room's order. Sequences are comparable within one epoch only. */
export interface Position {
  epoch: string;
  seq: number;
}

/** Any value that JSON can carry. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** How the client stands with the hub. It is always the truth: what is not known is not claimed. */
export interface Status {
  /** `disconnected` with a `retryAt` means that it tries again by itself; without one it does not. */
  state: 'connecting' | 'connected' | 'disconnected';
  /** When this state began, in milliseconds since 1970. */
  since: number;
  /** Why it is not connected, fit to be shown to a person. */
  reason?: string;
  /** The close code (PROTOCOL.md, section 6) or the error code behind `reason`. */
  code?: number | string;
  /** When the next try begins, in milliseconds since 1970. */
  retryAt?: number;
  /** Tries since the last connection that held; 0 while connected. */
  attempt: number;
  /** What the browser says about its network. A hub on this machine is reachable without one. */
  online: boolean;
  /** What carries the frames, while connected. */
  transport?: 'websocket' | 'sse';
}

/** Who the caller is to the hub. */
export interface User {
  id: string;
  name: string;
  /** True for a guest, who has no token of the application's. */
  guest: boolean;
}

/** Why `getToken` is called. After `refused` a cached token will not do. */
export type TokenReason = 'connect' | 'expiring' | 'expired' | 'refused';

/** The settings of a client. All may be left out in a page that the hub itself serves. */
export interface HubbubOptions {
  /**
   * The hub: `https://chat.example`, or `wss://…`, with a path if it has one. Default: the page's origin.
   * Several are instances of one hub: when one fails, or sends its clients away, the next is tried at once.
   * What `persist` keeps belongs to the first.
   */
  url?: string | readonly string[];
  /** Gives a token, fetched anew or cached. An empty answer connects as a guest. */
  getToken?: (why: { reason: TokenReason }) => Promise<string | null | undefined> | string | null | undefined;
  /** The display name of a guest. */
  guestName?: string;
  /**
   * Keeps the outbox and the guest's identity through a page reload, in IndexedDB. A text names the
   * database, for two clients of one origin that must not share.
   */
  persist?: boolean | string;
  /**
   * One connection for all tabs of this origin that say so: one tab holds it for the others, and the next
   * takes over when that is gone. A tab that has documents open, or is another user's, or is reached by SSE
   * has one of its own; so has each where the browser has no Web Locks or BroadcastChannel.
   */
  shareTabs?: boolean;
  /** `auto` (the default) is WebSocket, or SSE where WebSockets do not open although HTTP works. */
  transport?: 'auto' | 'websocket' | 'sse';
  /** The WebSocket class, where there is no global one (Node before 22): `import { WebSocket } from 'ws'`. */
  WebSocket?: WebSocketClass;
  /** Used for SSE and for the look whether HTTP works. Default: the global one. */
  fetch?: typeof fetch;
  /** Names the software to the hub's operator. */
  client?: string;
}

/** What is used of a WebSocket; the browser's, Node's and that of `ws` all fit. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** A class that makes them. */
export type WebSocketClass = new (url: string, protocols?: string | string[]) => WebSocketLike;

/** One emoji under a message, with the ids of who gave it, in the order given. */
export interface Reaction {
  readonly emoji: string;
  readonly users: readonly string[];
}

/** A message as it stands now. A change makes a new object; an unchanged message stays the same one. */
export interface Message {
  /** Unique in the list, and the same from pending to sent: what a list is keyed by. */
  readonly key: string;
  /** The message's identity in the room; missing until the hub has acknowledged it. */
  readonly seq?: number;
  /** The id that its publisher gave it. */
  readonly id?: string;
  readonly user: string;
  readonly name: string;
  /** Empty when it was deleted, or carries data only. */
  readonly text: string;
  readonly data?: Json;
  /** `seq` of the message that this one answers. */
  readonly replyTo?: number;
  /** When the hub accepted it, or when it was handed to `send`; milliseconds since 1970. */
  readonly at: number;
  readonly editedAt?: number;
  readonly deleted?: boolean;
  readonly reactions: readonly Reaction[];
  /** `pending` waits for a connection or its turn; `sending` waits for the ack; `failed` waits for `retry` or `discard`. */
  readonly state: 'pending' | 'sending' | 'sent' | 'failed';
  readonly error?: HubbubError;
  /** Written by the current user. */
  readonly own: boolean;
}

/** What a room's message list is at one moment. */
export interface MessageList {
  /** Ascending; what is not acknowledged yet stands at the end. */
  readonly messages: readonly Message[];
  readonly hasOlder: boolean;
  readonly hasNewer: boolean;
  readonly loadingOlder: boolean;
  readonly loadingNewer: boolean;
  /** The list reaches the room's end and follows it. False after `jumpTo` into the past. */
  readonly live: boolean;
  /** Membership. `joining` also while a lost connection is being restored. */
  readonly status: 'idle' | 'joining' | 'joined' | 'left' | 'failed';
  /** Why `status` is `left` or `failed`. */
  readonly error?: HubbubError;
}

/** The kinds of stored events. Later hubs may know more; those change nothing here. */
export type EventKind =
  | 'message'
  | 'edit'
  | 'delete'
  | 'react'
  | 'unreact'
  | 'custom'
  | 'unreadable'
  | (string & {});

/** An event as the log stores it. */
export interface RoomEvent {
  v: number;
  kind: EventKind;
  id?: string;
  user: string;
  name?: string;
  at: number;
  text?: string;
  data?: Json;
  reply_to?: number;
  target?: number;
  emoji?: string;
  type?: string;
}

/** An event with its place in the room's order. */
export interface StoredEvent {
  seq: number;
  event: RoomEvent;
}

/** Which part of a room to read: at most one of before, after and around; none is the newest part. */
export interface HistoryQuery {
  /** Events with a lower sequence. */
  before?: number;
  /** Events with a higher sequence; 0 is the room's beginning. */
  after?: number;
  /** Events around this sequence, and itself. */
  around?: number;
  /** 1 to 200 events; default 50. */
  limit?: number;
  /** Also what later changed the page's messages, so that `messages` shows them as they stand now. */
  changes?: boolean;
}

/** A page of a room, ascending. */
export interface HistoryPage {
  epoch: string;
  events: StoredEvent[];
  changes: StoredEvent[];
  /** The messages among `events`, after all that `events` and `changes` did to them. */
  messages: Message[];
  moreBefore: boolean;
  moreAfter: boolean;
}

/** Somebody who is in a room. */
export interface Member {
  readonly user: string;
  readonly name: string;
  /** Open connections, as of the last full list; at least 1. */
  readonly conns: number;
}

/** Who is in a room; at most 500 of `count` are named. */
export interface Presence {
  readonly count: number;
  readonly members: readonly Member[];
}

/** Somebody who is typing. */
export interface TypingUser {
  readonly user: string;
  readonly name: string;
}

/** How to join a room. What is left out stays as it was in the join before. */
export interface JoinOptions {
  /** So many of the newest events, 0 to 200; default 50. Needs the grant `history` unless 0. */
  history?: number;
  /** Keep `room.presence` true. Needs the grant `presence`. */
  presence?: boolean;
  /** Instead of `history`: everything after this position, delivered as events. For bots with a cursor. */
  since?: Position;
}

/** The content of a message. One of text and data must be there. */
export interface MessageContent {
  /** Up to 16 KiB. */
  text?: string;
  /** Up to 32 KiB of JSON, 64 levels deep. */
  data?: Json;
}

/** A break in what is known of a room. */
export interface Discontinuity {
  /** `trimmed`: older events are no longer kept. `epoch`, `ahead`: the log was reset or lost entries. */
  reason: 'trimmed' | 'epoch' | 'ahead' | (string & {});
  /** The last place that was seen before it. */
  from: Position | null;
  /** Where the room stands now. */
  to: Position;
}

/** A command of this client that the hub has not acknowledged. */
export interface OutboxItem {
  /** The client's id for it; for a message also its `Message.key`. */
  readonly key: string;
  readonly kind: 'message' | 'edit' | 'delete' | 'react' | 'unreact' | 'custom';
  /** The message that it changes. */
  readonly target?: number;
  readonly text?: string;
  readonly data?: Json;
  readonly emoji?: string;
  readonly type?: string;
  /** When it was handed over, in milliseconds since 1970. */
  readonly at: number;
  readonly state: 'pending' | 'sending' | 'failed';
  readonly error?: HubbubError;
}

/** What became of a command that is not a message. */
export interface Receipt {
  seq: number;
  /** It had arrived before; a retry brought this news. */
  duplicate: boolean;
}

/** The events of a client. */
export interface HubbubEvents {
  connecting: { attempt: number };
  connected: { user: User; conn: string; transport: 'websocket' | 'sse' };
  disconnected: { reason: string; code?: number | string; retryAt?: number };
  /** Something went wrong that no promise and no state tells of, as a `getToken` that threw. */
  error: HubbubError;
}

/** The events of a room. */
export interface RoomEvents {
  /** A new message, exactly once and in order. What `join` and `load…` bring as history is not new. */
  message: Message;
  /** Every new event of the room's order, exactly once and in order. */
  event: StoredEvent;
  /** Events after `from` are missing: they were trimmed. Fires before anything behind the hole is visible. */
  gap: Discontinuity;
  /** What was known of the room may be wrong and is thrown away. Fires before anything newer is visible. */
  reset: Discontinuity;
  typing: { user: string; name: string; typing: boolean };
  broadcast: { user: string; name: string; data: Json };
  presence: { joined: TypingUser[]; left: TypingUser[]; count: number };
  /** The hub took the client out of the room. */
  left: { code: string; message: string };
}

/** Takes a listener away. */
export type Off = () => void;

/** Who is typing, and telling that one types oneself. */
export interface Typing {
  /** Call it on every input: it tells the room at most every 3 s. */
  keystroke(): void;
  /** The input was emptied or left. `room.send` implies it. */
  stop(): void;
  /** Others who are typing; an entry ends 6 s after its last sign. */
  readonly users: Store<readonly TypingUser[]>;
}

/** One room. There is one object for each id, got by `hub.room(id)`. */
export interface Room {
  readonly id: string;
  readonly messages: Store<MessageList>;
  readonly presence: Store<Presence>;
  readonly typing: Typing;
  /** What waits for its ack here, failed commands included, in the order of sending. */
  readonly outbox: Store<readonly OutboxItem[]>;
  /** Where this client stands in the room; null before it has joined. */
  readonly position: Position | null;

  /** Becomes a member, and stays one through reconnects until `leave`. Resolves once the room is live. */
  join(options?: JoinOptions): Promise<void>;
  leave(): Promise<void>;

  /** Shows the message at once as pending and resolves on its ack. A refusal also shows as `failed`. */
  send(message: MessageContent & { replyTo?: number }): Promise<Message>;
  edit(seq: number, content: MessageContent): Promise<Receipt>;
  delete(seq: number): Promise<Receipt>;
  react(seq: number, emoji: string): Promise<Receipt>;
  unreact(seq: number, emoji: string): Promise<Receipt>;
  /** Stores an event of the application's own. */
  custom(type: string, data?: Json, options?: { replyTo?: number }): Promise<Receipt>;
  /** Sends a failed command again, at its old place in the outbox. */
  retry(key: string): void;
  /** Drops a command that is not being sent at this moment. False: too late, or no such key. */
  discard(key: string): boolean;
  /** Tells those who are here now. Not stored, may be lost, and fails while disconnected. */
  broadcast(data: Json): Promise<void>;

  history(query?: HistoryQuery): Promise<HistoryPage>;
  /** Puts up to `n` older events (default 50) before the list. Resolves when done. */
  loadOlder(n?: number): Promise<void>;
  loadNewer(n?: number): Promise<void>;
  /** Makes the list a window around `seq` and gives that message, or undefined if there is none. */
  jumpTo(seq: number): Promise<Message | undefined>;
  /** Makes the list follow the room's end again. */
  backToLive(): Promise<void>;
  /** Asks who is here now; also updates `presence`. */
  members(): Promise<Presence>;

  on<K extends keyof RoomEvents>(event: K, fn: (value: RoomEvents[K]) => void): Off;
}
