import type { Reply } from './link.js';
import type { Status, Store } from './types.js';
import type { DocCommand, DocPush } from './wire.js';

/** What a document hears of the client. */
export interface DocListener {
  push(frame: DocPush): void;
  /** The token of the live connection was replaced. */
  refreshed(): void;
}

/** What a document shares with the rooms: the connection. */
export interface DocLine {
  /** The hub's address. */
  readonly base: string;
  readonly status: Store<Status>;
  /** Sends a command; it may take longer than others to be answered, by so many milliseconds. */
  call(command: DocCommand, reply: Reply, longer?: number): void;
  notify(command: DocCommand): void;
  /** Nothing more is heard, and another may take the document's place. */
  end(): void;
}
