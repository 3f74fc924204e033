import type { Message, Reaction, RoomEvent } from './types.js';

/** The message that a `message` event posts. */
export function post(seq: number, event: RoomEvent, key: string, me: string | undefined): Message {
  return {
    key,
    seq,
    ...(event.id === undefined ? {} : { id: event.id }),
    user: event.user,
    name: event.name ?? event.user,
    text: event.text ?? '',
    ...(event.data === undefined ? {} : { data: event.data }),
    ...(event.reply_to === undefined ? {} : { replyTo: event.reply_to }),
    at: event.at,
    reactions: NONE,
    state: 'sent',
    own: event.user === me,
  };
}

const NONE: readonly Reaction[] = [];

/** The newest version of events whose meaning is known here. Later ones keep their place and do nothing. */
const VERSION = 1;

/** Whether the event is a message. */
export function posts(event: RoomEvent): boolean {
  return event.kind === 'message' && event.v <= VERSION;
}

/** Whether the event changes another message. */
export function changes(event: RoomEvent): event is RoomEvent & { target: number } {
  return event.v <= VERSION && event.target !== undefined && Object.hasOwn(CHANGE, event.kind);
}

/**
 * The message after the event, or the same object if that changes nothing. It means what
 * room/message.go means: the golden files in room/testdata/fold hold both to it.
 */
export function change(message: Message, event: RoomEvent): Message {
  if (message.deleted || !changes(event)) return message;
  return CHANGE[event.kind as keyof typeof CHANGE](message, event);
}

const CHANGE = { edit, delete: remove, react, unreact };

function edit(message: Message, event: RoomEvent): Message {
  if (event.user !== message.user) return message;
  const { data: _, ...rest } = message;
  return {
    ...rest,
    text: event.text ?? '',
    ...(event.data === undefined ? {} : { data: event.data }),
    editedAt: event.at,
  };
}

function remove(message: Message, event: RoomEvent): Message {
  if (event.user !== message.user) return message;
  const { data: _, ...rest } = message;
  return { ...rest, text: '', reactions: NONE, deleted: true };
}

function react(message: Message, event: RoomEvent): Message {
  const emoji = event.emoji ?? '';
  const given = message.reactions.find((r) => r.emoji === emoji);
  if (!given) return { ...message, reactions: [...message.reactions, { emoji, users: [event.user] }] };
  if (given.users.includes(event.user)) return message;
  return replace(message, { emoji, users: [...given.users, event.user] });
}

function unreact(message: Message, event: RoomEvent): Message {
  const emoji = event.emoji ?? '';
  const given = message.reactions.find((r) => r.emoji === emoji);
  if (!given?.users.includes(event.user)) return message;
  return replace(message, { emoji, users: given.users.filter((user) => user !== event.user) });
}

/** Puts the reaction in the place of the one with its emoji; one without users goes. */
function replace(message: Message, reaction: Reaction): Message {
  const reactions = message.reactions.map((r) => (r.emoji === reaction.emoji ? reaction : r));
  return { ...message, reactions: reactions.filter((r) => r.users.length > 0) };
}
