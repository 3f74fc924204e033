import { HubbubError } from './errors.js';
import type { Command, ConnectedFrame, DocPush, Frame, RoomPush } from './wire.js';

/** Why a link is over. */
export interface CloseInfo {
  /** A close code, or the error code of a refused connect. */
  code?: number | string | undefined;
  reason: string;
  retryAfter?: number | undefined;
  /** The transport itself had opened. */
  opened: boolean;
}

/** What a link tells its owner, synchronously and in the order in which the hub sent it. */
export interface LinkEvents {
  connected(frame: ConnectedFrame): void;
  push(frame: RoomPush | DocPush): void;
  /** The link has to open anew for other rooms: members join again where they stopped. */
  rejoin(): void;
  /** The hub complained about a frame that it could not answer. */
  fault(error: HubbubError): void;
  /** Comes once, after every waiting call has failed with `disconnected`; not after `close`. */
  closed(info: CloseInfo): void;
}

/** Takes the reply to a command, before any frame that came after it. */
export type Reply = (error: HubbubError | null, frame: Frame | null) => void;

/** One connection to a hub, over whatever carries it. */
export interface Link {
  readonly kind: 'websocket' | 'sse';
  /** Sends a command; `longer` is how many milliseconds more than others it may take to be answered. */
  call(command: Command, reply: Reply, longer?: number): void;
  notify(command: Command): void;
  /** Finds out whether the hub still answers, and ends the link if not. */
  probe(): void;
  /** The rooms that are wanted have changed. */
  roomsChanged(): void;
  close(): void;
}

/** What is needed to open a link. */
export interface LinkOptions {
  /** The hub's address over HTTP, without a slash at its end. */
  base: string;
  credentials: { token?: string; name?: string };
  client: string;
  events: LinkEvents;
}

/** Bounds of patience, in milliseconds. */
export const PATIENCE = {
  /** From the first byte to `connected`. */
  connect: 10_000,
  /** For the reply to a command. */
  reply: 20_000,
  /** For the answer to a probe. */
  probe: 2000,
  /** Beyond the hub's ping interval, before silence counts as death. */
  silence: 10_000,
};

/** The commands of a link that wait for their replies. */
export class Calls {
  #next = 1;
  readonly #waiting = new Map<number, { reply: Reply; timer: ReturnType<typeof setTimeout> }>();

  /** Registers a reply and gives the id for its command. */
  add(reply: Reply, patience = PATIENCE.reply): number {
    const id = this.#next++;
    const timer = setTimeout(() => {
      this.settle(id, new HubbubError('timeout', 'the hub did not answer in time'), null);
    }, patience);
    this.#waiting.set(id, { reply, timer });
    return id;
  }

  /** Hands a reply over; false if nobody waits for it any more. */
  settle(id: number, error: HubbubError | null, frame: Frame | null): boolean {
    const call = this.#waiting.get(id);
    if (!call) return false;
    this.#waiting.delete(id);
    clearTimeout(call.timer);
    call.reply(error, frame);
    return true;
  }

  /** Fails all that wait. */
  fail(reason: string): void {
    for (const id of [...this.#waiting.keys()]) {
      this.settle(id, new HubbubError('disconnected', reason), null);
    }
  }
}
