import { backoff } from './backoff.js';
import type { Entry } from './entry.js';
import { HubbubError } from './errors.js';
import { readFrom } from './recovery.js';
import type { Position, Receipt, StoredEvent, User } from './types.js';
import type { AckFrame, Command, Frame, HistoryCommand, HistoryFrame } from './wire.js';

/** What a lane needs of the client. */
export interface LaneHost {
  /** The current link, as a number that grows; 0 without one. */
  era(): number;
  me(): User | null;
  /** Where the room's live order stands; null if the room is not joined. */
  position(room: string): Position | null;
  request(command: Command): Promise<Frame>;
  /** The hub says that the token is past its time. */
  renew(): void;
  /** Keeps the entry as it is now. */
  save(entry: Entry): Promise<void>;
  forget(entry: Entry): void;
  changed(room: string): void;
}

/** The commands of one room that are not acknowledged: sent in order, one at a time. */
export class Lane {
  readonly room: string;
  readonly #host: LaneHost;
  #queue: Entry[] = [];
  /** Acknowledged, and not yet come back in the room's order. */
  #acked: Entry[] = [];
  #running = false;
  #failures = 0;
  #pause: { timer: ReturnType<typeof setTimeout>; end: () => void } | undefined;
  /** The last place in the order that an ack told of. */
  #known: Position | null = null;

  constructor(room: string, host: LaneHost) {
    this.room = room;
    this.#host = host;
  }

  get queue(): readonly Entry[] {
    return this.#queue;
  }

  get acked(): readonly Entry[] {
    return this.#acked;
  }

  add(entry: Entry): void {
    const at = this.#queue.findLastIndex((e) => e.stored.order < entry.stored.order);
    this.#queue.splice(at + 1, 0, entry);
    this.run();
  }

  find(key: string): Entry | undefined {
    return this.#queue.find((e) => e.key === key);
  }

  /** Takes the entry out, unless it is being sent. */
  discard(key: string): boolean {
    const entry = this.find(key);
    if (!entry || entry.state === 'sending') return false;
    this.#remove(entry);
    entry.abandon(new HubbubError('discarded', 'it was taken back'));
    this.#host.changed(this.room);
    return true;
  }

  /** Sends a failed entry again, as if it had never been sent: that is what was asked for. */
  retry(key: string): void {
    const entry = this.find(key);
    if (entry?.state !== 'failed') return;
    Object.assign(entry.stored, { user: this.#host.me()?.id ?? null, sent: false, position: null });
    entry.doubt = false;
    entry.become('pending');
    void this.#host.save(entry);
    this.#host.changed(this.room);
    this.run();
  }

  /**
   * An event of the current user is in the room's order. If it is one of ours that is in doubt, that is
   * its ack; one that is being sent still waits for the ack, which alone says that it is safe.
   */
  sighted({ seq, event }: StoredEvent): void {
    const acked = this.#acked.findIndex((e) => e.key === event.id);
    if (acked >= 0) this.#acked.splice(acked, 1);
    const entry = event.id === undefined ? undefined : this.find(event.id);
    if (!entry) return;
    if (entry.state === 'sending') entry.seq = seq;
    else if (entry.stored.sent)
      this.#delivered(entry, { seq, duplicate: true }, this.#host.position(this.room)?.epoch);
    this.#host.changed(this.room);
  }

  /** The room's order was begun anew at that place: what was seen of it before counts no more. */
  begunAt({ epoch, seq }: Position): void {
    this.#acked = this.#acked.filter((e) => e.epoch === epoch && (e.seq ?? 0) > seq);
    for (const entry of this.#queue) entry.seq = undefined;
  }

  leave(): void {
    this.#acked = [];
  }

  /** Fails what waits, for a client that is being closed. What is kept, stays kept. */
  close(): void {
    this.#pause?.end();
    const error = new HubbubError('discarded', 'the client was closed before this was acknowledged');
    for (const entry of this.#queue.splice(0)) entry.abandon(error);
  }

  /** The link is gone: what was being sent is in doubt. */
  disconnected(): void {
    this.#known = null;
    this.#pause?.end();
  }

  /** Sends what waits, for as long as there is a link. */
  run(): void {
    if (this.#running || !this.#host.me()) return;
    this.#running = true;
    void this.#loop();
  }

  async #loop(): Promise<void> {
    for (;;) {
      const era = this.#host.era();
      const entry = this.#queue.find((e) => e.state !== 'failed');
      if (era === 0 || !entry) {
        this.#running = false; // in the same breath as the look, so that no later call finds it running
        return;
      }
      try {
        await this.#deliver(entry, era);
      } catch (cause) {
        await this.#failed(entry, era, asError(cause));
      }
    }
  }

  async #deliver(entry: Entry, era: number): Promise<void> {
    const { stored } = entry;
    const me = this.#host.me()?.id ?? null;
    if (stored.user !== null && stored.user !== me) {
      throw new HubbubError('other_user', `This was written as ${stored.user}, who is not connected now.`);
    }
    if (entry.doubt && !(await this.#isMissing(entry, era))) return;
    if (!stored.sent) await this.#stamp(entry, me);
    if (era !== this.#host.era() || !this.#queue.includes(entry)) return;
    entry.become('sending');
    entry.doubt = true;
    this.#host.changed(this.room);
    const event = { ...stored.event, id: entry.key };
    const ack = (await this.#host.request({ type: 'publish', room: this.room, event })) as AckFrame;
    this.#failures = 0;
    if (ack.epoch !== undefined && ack.seq !== undefined) this.#known = { epoch: ack.epoch, seq: ack.seq };
    this.#delivered(entry, { seq: ack.seq ?? 0, duplicate: ack.duplicate === true }, ack.epoch);
  }

  /** Finds out whether an entry in doubt had arrived. True: it had not, and may be sent again. */
  async #isMissing(entry: Entry, era: number): Promise<boolean> {
    const read = (query: Omit<HistoryCommand, 'type' | 'room'>) =>
      this.#host.request({ type: 'history', room: this.room, ...query }) as Promise<HistoryFrame>;
    const me = this.#host.me()?.id;
    const { position } = entry.stored;
    const verdict = await readFrom(position, read, (stored) => {
      if (position) this.#known = { epoch: position.epoch, seq: stored.seq };
      if (stored.event.user === me) this.sighted(stored);
    }).catch((cause) => {
      const error = asError(cause);
      if (error.retryable) throw error;
      return new HubbubError('unknown_outcome', `It is not known whether this was sent: ${error.message}.`);
    });
    if (!this.#queue.includes(entry) || era !== this.#host.era()) return false;
    if (verdict !== 'complete') throw verdict;
    entry.doubt = false;
    return true;
  }

  /** Notes where the room stands, before anything is sent that could end up behind it. */
  async #stamp(entry: Entry, me: string | null): Promise<void> {
    const { stored } = entry;
    const position = this.#newest() ?? (await this.#ask());
    Object.assign(stored, { user: me, sent: true, position });
    await this.#host.save(entry);
  }

  /** The latest place in the room's order that is known here. */
  #newest(): Position | null {
    const live = this.#host.position(this.room);
    const known = this.#known;
    return live && known?.epoch === live.epoch && known.seq > live.seq ? known : (live ?? known);
  }

  /** Where the room stands; null for those who may not see it. */
  async #ask(): Promise<Position | null> {
    const frame = await this.#host.request({ type: 'positions', rooms: [this.room] });
    return (frame.type === 'positions' && frame.positions[this.room]) || null;
  }

  #delivered(entry: Entry, receipt: Receipt, epoch: string | undefined): void {
    this.#remove(entry);
    entry.arrived(receipt, epoch);
    const at = this.#host.position(this.room);
    const comes = at !== null && (at.seq < receipt.seq || at.epoch !== epoch);
    if (entry.isMessage && comes) this.#acked.push(entry);
    this.#host.changed(this.room);
  }

  async #failed(entry: Entry, era: number, error: HubbubError): Promise<void> {
    if (!this.#queue.includes(entry)) return;
    if (error.code === 'disconnected') {
      entry.become('pending');
      this.#host.changed(this.room);
      return;
    }
    const refused = entry.state === 'sending' && !OPEN.has(error.code);
    if (refused) entry.doubt = false;
    if (error.code === 'token_expired') this.#host.renew();
    const again = error.retryable || error.code === 'token_expired';
    entry.become(again ? 'pending' : 'failed', again ? undefined : error);
    this.#host.changed(this.room);
    await this.#host.save(entry);
    if (again && era === this.#host.era()) await this.#wait(backoff(this.#failures++, error.retryAfter));
  }

  #remove(entry: Entry): void {
    this.#queue = this.#queue.filter((e) => e !== entry);
    this.#host.forget(entry);
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pause = undefined;
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#pause = { timer, end };
    });
  }
}

/** After these a command may be stored all the same. */
const OPEN = new Set<string>(['unavailable', 'internal', 'timeout', 'disconnected']);

function asError(cause: unknown): HubbubError {
  return cause instanceof HubbubError ? cause : new HubbubError('internal', String(cause), { cause });
}
