import {
  type Discontinuity,
  HubbubError,
  type Message,
  type MessageList,
  type Presence,
  type Room,
  type TypingUser,
} from '@hubbub-im/sdk';
import { Drafts } from '../lib/drafts';
import type { DocTab } from '../lib/permalink';
import { ReadMarks } from '../lib/readmarks';
import { local } from '../lib/storage';
import { countUnread, firstUnread, newestSeq, type Unread } from '../lib/unread';
import { attention } from './attention.svelte';
import { people } from './people.svelte';

export const drafts = new Drafts(local);
export const readMarks = new ReadMarks(local);

/** Something the feed says about itself, above the message that came first after it. */
export interface Notice {
  kind: 'gap' | 'reset';
  reason: Discontinuity['reason'];
  /** Messages above this sequence came after the break. */
  after: number;
}

const nothing: MessageList = {
  messages: [],
  hasOlder: false,
  hasNewer: false,
  loadingOlder: false,
  loadingNewer: false,
  live: true,
  status: 'idle',
};

/** A room in the list at the left: what the page knows of it beyond what the SDK holds. */
export class RoomView {
  readonly name: string;
  readonly room: Room;

  list = $state.raw<MessageList>(nothing);
  presence = $state.raw<Presence>({ count: 0, members: [] });
  typing = $state.raw<readonly TypingUser[]>([]);
  notice = $state.raw<Notice | undefined>();

  /** How far its reader has read; undefined until that is known. */
  read = $state<number | undefined>();
  /** Where reading stood when the room was opened: the line stays there. */
  lineAfter = $state(Number.POSITIVE_INFINITY);
  /** What the composer answers, and what is being edited, by key. */
  replyTo = $state.raw<Message | undefined>();
  editing = $state<string | undefined>();
  hasDraft = $state(false);
  /** Who else has the document open that is shown beside the chat. */
  alongside = $state.raw<{ tab: DocTab; users: readonly string[] } | undefined>();

  readonly unread: Unread = $derived.by(() =>
    this.read === undefined
      ? { count: 0, more: false }
      : countUnread(this.list.messages, this.read, this.list.hasOlder),
  );
  /** The index of the message below the "new messages" line, or -1. */
  readonly line = $derived(firstUnread(this.list.messages, this.lineAfter));

  readonly #offs: (() => void)[] = [];
  #open = false;

  constructor(room: Room) {
    this.name = room.id;
    this.room = room;
    this.hasDraft = drafts.read(room.id).text !== '';
    this.#offs.push(
      room.messages.subscribe((list) => {
        this.list = list;
      }),
      room.presence.subscribe((presence) => {
        this.presence = presence;
        for (const member of presence.members) people.meet(member.user, member.name);
      }),
      room.on('presence', ({ joined }) => {
        for (const person of joined) people.learn(person.user, person.name);
      }),
      room.typing.users.subscribe((users) => {
        this.typing = users;
      }),
      room.on('message', (message) => this.#arrived(message)),
      room.on('gap', (gap) => this.#broken('gap', gap)),
      room.on('reset', (reset) => this.#broken('reset', reset)),
    );
  }

  /** Becomes a member, and finds out how far its reader had read. */
  async join(): Promise<void> {
    await this.#enter();
    this.#settleRead();
  }

  /** Shows the room. `line` freezes where reading stood. */
  open(): void {
    this.#open = true;
    this.lineAfter = this.unread.count > 0 && this.read !== undefined ? this.read : Number.POSITIVE_INFINITY;
  }

  close(): void {
    this.#open = false;
    this.editing = undefined;
    if (!this.list.live) void this.room.backToLive().catch(() => undefined);
  }

  /** The message of that sequence was on screen in front of somebody. */
  seen(seq: number): void {
    if (this.read === undefined || seq <= this.read) return;
    this.#advance(seq);
  }

  /** Counts everything as read and takes the line away. */
  markRead(): void {
    if (this.read !== undefined)
      this.#advance(Math.max(this.read, this.room.position?.seq ?? 0, newestSeq(this.list.messages)));
    this.lineAfter = Number.POSITIVE_INFINITY;
  }

  /** Another tab has moved the mark. */
  readElsewhere(): void {
    const mark = readMarks.read(this.name);
    if (mark && mark.epoch === this.room.position?.epoch) this.read = Math.max(this.read ?? 0, mark.seq);
  }

  /** The newest own message that can still be changed, or undefined. */
  lastOwn(): Message | undefined {
    return this.list.messages.findLast((m) => m.own && m.seq !== undefined && !m.deleted);
  }

  find(seq: number): Message | undefined {
    return this.list.messages.find((m) => m.seq === seq);
  }

  dispose(): void {
    for (const off of this.#offs) off();
  }

  /** Joins with as much as the grants allow: one may be let in without seeing who is here, or what was said. */
  async #enter(): Promise<void> {
    for (const wish of [
      { history: 50, presence: true },
      { history: 50, presence: false },
    ]) {
      try {
        return await this.room.join(wish);
      } catch (error) {
        if (!(error instanceof HubbubError) || error.code !== 'forbidden') throw error;
      }
    }
    await this.room.join({ history: 0, presence: false });
  }

  #settleRead(): void {
    const position = this.room.position;
    if (!position) return;
    const mark = readMarks.read(this.name);
    // Whoever is here for the first time, or after the log was reset, has missed nothing.
    this.read = mark?.epoch === position.epoch ? mark.seq : readMarks.advance(this.name, { ...position }).seq;
    if (this.#open) this.open();
  }

  #advance(seq: number): void {
    const epoch = this.room.position?.epoch;
    if (epoch === undefined) return;
    this.read = readMarks.advance(this.name, { epoch, seq }).seq;
  }

  #arrived(message: Message): void {
    people.learn(message.user, message.name);
    if (!this.#open || attention.here || message.own || message.seq === undefined) return;
    // Nobody looks: the first message that comes now gets the line above it.
    if (this.line === -1 || this.lineAfter < (this.read ?? 0)) this.lineAfter = message.seq - 1;
  }

  #broken(kind: Notice['kind'], { reason, from, to }: Discontinuity): void {
    const after = kind === 'gap' ? (from?.seq ?? 0) : 0;
    this.notice = { kind, reason, after };
    if (kind === 'reset') {
      this.lineAfter = Number.POSITIVE_INFINITY;
      this.read = readMarks.advance(this.name, { epoch: to.epoch, seq: to.seq }).seq;
    }
  }
}
