import { backoff } from './backoff.js';
import { HubbubError } from './errors.js';
import type { Reply } from './link.js';
import type { Discontinuity, JoinOptions, MessageList, Position, StoredEvent } from './types.js';
import type { Command, JoinCommand, JoinedFrame, ResetFrame, WireMember } from './wire.js';

/** What a membership tells its room, in the order in which it must be shown. */
export interface MembershipEvents {
  call(command: Command, reply: Reply): void;
  /** What was known of the room breaks off here; comes before anything behind the break. */
  broken(kind: 'gap' | 'reset', at: Discontinuity): void;
  /** The room is known anew from this page on. */
  begin(frame: Pick<JoinedFrame, 'events' | 'more'>, at: Position): void;
  /** The next event of the room's order. */
  event(stored: StoredEvent): void;
  /** Who is here, and how many: the list may be cut. */
  members(members: WireMember[], count: number): void;
  changed(): void;
  /** The membership is over; the hub ended it if there is an error. */
  ended(error: HubbubError | undefined): void;
}

interface Wish {
  history: number;
  presence: boolean;
  since?: Position;
}

/** Being in a room: joins, resumes after a break exactly where it stopped, and says when it cannot. */
export class Membership {
  status: MessageList['status'] = 'idle';
  error: HubbubError | undefined;
  /** The last event that was processed; null if the next join begins anew. Its epoch is empty at the beginning. */
  #at: Position | null = null;

  readonly #room: string;
  readonly #events: MembershipEvents;
  #wish: Wish | undefined;
  #connected = false;
  /** The hub may take this connection for a member. */
  #member = false;
  /** One command at a time, since replies may come in another order than they were asked for. */
  #asking = false;
  /** The membership must be asked for again although it stands. */
  #again = false;
  #era = 0;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: { resolve: () => void; reject: (error: HubbubError) => void }[] = [];

  constructor(room: string, events: MembershipEvents) {
    this.#room = room;
    this.#events = events;
  }

  /** The room is wanted, whether or not it is joined at present. */
  get wish(): Readonly<Wish> | undefined {
    return this.#wish;
  }

  /** Where the room stands here; null before it was joined. */
  get position(): Position | null {
    return this.#at?.epoch ? this.#at : null;
  }

  join(options: JoinOptions): Promise<void> {
    const had = this.#wish;
    const { history = had?.history ?? 50, presence = had?.presence ?? false, since } = options;
    const same = had?.presence === presence && !since;
    this.#wish = { history, presence, ...(since ? { since } : {}) };
    if (same && this.status === 'joined') return Promise.resolve();
    if (had && !same) this.#again = true;
    if (since) this.#startAt(since);
    const joined = new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#become('joining');
    this.#step();
    return joined;
  }

  /** Gives the room up. Nothing of it arrives any more once this has been called. */
  leave(): void {
    if (!this.#wish) return;
    this.#end('left', undefined);
    this.#step();
  }

  connected(): void {
    this.#connected = true;
    this.#failures = 0;
    this.#step();
  }

  /** The link is gone, and with it the membership; also when it opens anew for other rooms. */
  disconnected(): void {
    this.#era++;
    this.#connected = this.#member = this.#asking = false;
    this.#cancel();
    if (this.#wish) this.#become('joining');
  }

  /** Takes a live event; those that a join in progress will bring are left to it. */
  event(stored: StoredEvent): void {
    if (this.status === 'joined') this.#take(stored);
  }

  reset(frame: ResetFrame): void {
    if (!this.#wish) return;
    const to = { epoch: frame.epoch, seq: frame.seq };
    const from = this.position;
    this.#at = null;
    this.#again = true;
    this.#become('joining');
    this.#events.broken('reset', { reason: frame.reason, from, to });
    this.#step();
  }

  /** The hub took the connection out of the room. */
  expelled(error: HubbubError): void {
    if (!this.#wish) return;
    this.#member = false;
    if (error.retryable) {
      this.#become('joining');
      this.#later(error);
    } else this.#end('left', error);
  }

  #startAt(since: Position): void {
    this.#at = since;
    this.#events.begin({ events: [], more: since.seq > 0 || since.epoch !== '' }, since);
  }

  /** Brings what is and what is wanted together, one command at a time. */
  #step(): void {
    if (!this.#connected || this.#asking) return;
    this.#cancel();
    if (this.#wish && (!this.#member || this.#again)) this.#askIn(this.#wish, this.#at ?? undefined);
    else if (!this.#wish && this.#member) this.#askOut();
  }

  #askIn(wish: Wish, since: Position | undefined): void {
    this.#again = false;
    const command: JoinCommand = {
      type: 'join',
      room: this.#room,
      ...(since ? { since } : {}),
      ...(wish.history > 0 ? { history: wish.history } : {}),
      ...(wish.presence ? { presence: true } : {}),
    };
    this.#ask(command, (error, frame) => {
      if (!this.#wish) this.#member ||= frame?.type === 'joined' || error?.code === 'timeout';
      else if (frame?.type === 'joined') this.#admitted(frame, since);
      else if (error) this.#refused(error, wish, since);
    });
  }

  #askOut(): void {
    this.#ask({ type: 'leave', room: this.#room }, () => {
      this.#member = false;
    });
  }

  #ask(command: Command, reply: Reply): void {
    const era = this.#era;
    this.#asking = true;
    this.#events.call(command, (error, frame) => {
      if (era !== this.#era || error?.code === 'disconnected') return;
      this.#asking = false;
      reply(error, frame);
      if (era === this.#era && this.#timer === undefined) this.#step();
    });
  }

  #admitted(frame: JoinedFrame, since: Position | undefined): void {
    const era = this.#era;
    const to = { epoch: frame.epoch, seq: frame.seq };
    this.#member = frame.live;
    if (!since || frame.reset) {
      this.#beginAnew(frame, to);
    } else {
      this.#at = { epoch: frame.epoch, seq: this.#at?.seq ?? since.seq };
      for (const stored of frame.events) {
        if (era !== this.#era || !this.#wish || this.#again) return;
        if (stored.seq > (this.#at?.seq ?? 0)) this.#take(stored);
      }
      const moved = frame.seq > since.seq || frame.live;
      if (this.#at && frame.seq >= this.#at.seq) this.#at = to;
      if (!moved) this.#later(undefined); // a hub that gives nothing is not asked in a loop
    }
    if (!frame.live || era !== this.#era || !this.#wish || this.#again) return;
    this.#failures = 0;
    const { members = [] } = frame;
    this.#events.members(members, frame.count ?? members.length);
    this.#become('joined');
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  #beginAnew(frame: JoinedFrame, to: Position): void {
    const from = this.position;
    this.#at = to;
    const moved = from && (from.epoch !== to.epoch || from.seq !== to.seq);
    if (frame.reset) {
      const { reason } = frame.reset;
      this.#events.broken(reason === 'trimmed' ? 'gap' : 'reset', { reason, from, to });
    } else if (moved) this.#events.broken('gap', { reason: 'forbidden', from, to });
    this.#events.begin(frame, to);
  }

  #refused(error: HubbubError, wish: Wish, since: Position | undefined): void {
    if (error.retryable) this.#later(error);
    else if (error.code === 'forbidden' && since && wish.history === 0 && !wish.since) {
      // Without the grant to read history there is no resuming: the room begins anew, behind a gap.
      this.#askIn(wish, undefined);
    } else this.#end('failed', error);
  }

  #take(stored: StoredEvent): void {
    if (!this.#at || stored.seq <= this.#at.seq) return;
    this.#at = { epoch: this.#at.epoch, seq: stored.seq };
    this.#events.event(stored);
  }

  #later(error: HubbubError | undefined): void {
    this.#cancel();
    this.#timer = setTimeout(() => this.#step(), backoff(this.#failures++, error?.retryAfter));
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #end(status: 'left' | 'failed', error: HubbubError | undefined): void {
    this.#wish = undefined;
    this.#again = false;
    this.#at = null;
    this.#cancel();
    this.error = error;
    this.status = status;
    this.#events.changed();
    this.#events.ended(error);
    const failure = error ?? new HubbubError('discarded', 'the room was left');
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
  }

  #become(status: 'joining' | 'joined'): void {
    if (this.status === status) return;
    this.status = status;
    this.error = undefined;
    this.#events.changed();
  }
}
