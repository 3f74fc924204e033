import type { Awareness } from 'y-protocols/awareness';
import type { Doc } from 'yjs';
import type { HubbubError } from '../errors.js';
import type { DocAccess } from '../wire.js';

export type { DocAccess } from '../wire.js';

/** How a document is opened. */
export interface DocOptions {
  /** The copy to keep in step; default: a new one. */
  ydoc?: Doc;
  /** Where cursors are; default: a new one. `null`: neither sent nor heard of. */
  awareness?: Awareness | null;
  /**
   * Keeps the copy in IndexedDB, so that it is there after a reload without a network. A text names the
   * database: give the user's id if several people use one browser, or one finds what another has left.
   */
  offline?: boolean | string;
}

/** How a document stands with the hub. */
export interface DocStatus {
  /**
   * `connecting` also while a document is opened again by itself; `denied` until the connection, or its
   * token, is another one.
   */
  readonly state: 'connecting' | 'connected' | 'disconnected' | 'denied';
  /** Why it is not connected, or why local edits cannot be saved. */
  readonly error?: HubbubError;
}

/** The events of a document. */
export interface DocEvents {
  /** `synced` has changed. */
  sync: boolean;
  synced: { state: boolean };
  status: { status: DocStatus['state'] };
  access: DocAccess;
  /** Versions or comments have changed on the hub: fetch them anew. */
  notes: undefined;
  /** An edit was refused, the document was, or nothing can be kept offline. */
  error: HubbubError;
}
