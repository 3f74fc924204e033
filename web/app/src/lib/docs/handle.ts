import type { Store } from '@hubbub-im/sdk';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';

/** How an open document stands with the hub. */
export interface DocStatus {
  state: 'connecting' | 'synced' | 'offline' | 'refused';
  /** Why it was refused, or why what is written cannot be stored, in the hub's words. */
  reason?: string;
  /** The copy that is here is of a document that was deleted; `replaced`: there is another in its place. */
  gone?: 'deleted' | 'replaced';
}

/** What the caller may do in a document; null until the hub has said so. */
export type Access = 'read' | 'comment' | 'write' | null;

/** A document that is open: what the page needs of whatever brings it. */
export interface DocHandle {
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  /** Whether all that was written here is on the hub's disk. */
  readonly saved: Store<boolean>;
  readonly access: Store<Access>;
  /** Calls back at once, and whenever it stands otherwise with the hub. */
  onStatus(fn: (status: DocStatus) => void): () => void;
  /** Calls back when versions or comments have changed. */
  onNotes(fn: () => void): () => void;
  /** Forgets the copy that is kept in this browser. */
  drop(): Promise<void>;
  destroy(): void;
}
