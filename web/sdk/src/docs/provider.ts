import { Awareness } from 'y-protocols/awareness';
import { Doc } from 'yjs';
import type { DocLine } from '../doc-line.js';
import { Emitter } from '../emitter.js';
import { HubbubError } from '../errors.js';
import type { Hubbub } from '../hubbub.js';
import { Value } from '../store.js';
import type { Off, Status, Store } from '../types.js';
import type { DocPush } from '../wire.js';
import { fromBase64, toBase64 } from './base64.js';
import { Cursors } from './cursors.js';
import { Exchange } from './exchange.js';
import { OfflineCopy } from './offline.js';
import { Subdocs } from './subdocs.js';
import type { DocAccess, DocEvents, DocOptions, DocStatus } from './types.js';

/**
 * Keeps a Yjs document in step with the hub's, over the connection that the rooms use. It begins at
 * once, and goes on until `destroy`; whether there is a connection is for `hub.connect` to say.
 */
export class DocProvider {
  /** The document's name on the hub: `room/title`. */
  readonly name: string;
  readonly doc: Doc;
  readonly awareness: Awareness | null;
  /** Resolves when the document holds what `offline` had kept; at once without that. */
  readonly loaded: Promise<void>;
  readonly #emitter = new Emitter<DocEvents>();
  readonly #offs = new Map<unknown, Off>();
  readonly #status = new Value<DocStatus>({ state: 'disconnected' });
  readonly #access = new Value<DocAccess | null>(null);
  readonly #saved = new Value(false);
  readonly #line: DocLine;
  readonly #ownAwareness: boolean;
  readonly #cursors: Cursors | undefined;
  readonly #offline: OfflineCopy | undefined;
  readonly #exchange: Exchange;
  readonly #subdocs: Subdocs;
  #connected: Status['state'] = 'disconnected';
  #synced = false;
  #destroyed = false;
  #unwatch: Off | undefined;

  constructor(hub: Hubbub, name: string, options: DocOptions = {}) {
    const { ydoc = new Doc(), offline = false } = options;
    this.name = name;
    this.#line = hub.line(name, {
      push: (frame) => this.#push(frame),
      refreshed: () => this.#exchange.regranted(),
    });
    this.doc = ydoc;
    this.#ownAwareness = options.awareness === undefined;
    this.awareness = options.awareness === undefined ? new Awareness(ydoc) : options.awareness;
    this.#cursors = this.awareness ? new Cursors(this.awareness, (update) => this.#tell(update)) : undefined;
    this.#offline = offline ? this.#keep(typeof offline === 'string' ? offline : undefined) : undefined;
    this.#exchange = new Exchange(name, ydoc, this.#line, {
      status: (status) => this.#become(status),
      access: (access) => this.#allow(access),
      synced: (synced) => this.#sync(synced),
      saved: (saved) => this.#saved.set(saved),
      opened: (states) => this.#cursors?.opened(states),
      closed: () => this.#cursors?.closed(),
      fault: (error) => this.#emitter.emit('error', error),
    });
    this.#subdocs = new Subdocs(
      ydoc,
      (sub) => {
        const at = name.lastIndexOf('/');
        const of = at < 0 ? name : name.slice(0, at);
        return new DocProvider(hub, `${of}/${sub.guid}`, { ydoc: sub, awareness: null, offline });
      },
      (error) => this.#emitter.emit('error', error),
    );
    ydoc.on('destroy', this.#gone);
    this.loaded = this.#offline?.loaded ?? Promise.resolve();
    void this.loaded.then(() => this.#begin());
  }

  /** How the document stands with the hub. */
  get status(): Store<DocStatus> {
    return this.#status;
  }

  /** What the caller may do; null before the hub has said so. */
  get access(): Store<DocAccess | null> {
    return this.#access;
  }

  /**
   * The hub has stored all that is written here, as safely as its ack level says. It is false until it
   * has said so for the first time.
   */
  get saved(): Store<boolean> {
    return this.#saved;
  }

  /**
   * Since the connection began, the hub's copy has arrived here, and what was here and may be written is
   * stored there. Later edits do not change it: see `saved`.
   */
  get synced(): boolean {
    return this.#synced;
  }

  /** The providers of the subdocuments that are loaded, by their guid. */
  get subdocs(): ReadonlyMap<string, DocProvider> {
    return this.#subdocs.open;
  }

  on<K extends keyof DocEvents>(event: K, fn: (value: DocEvents[K]) => void): Off {
    const off = this.#emitter.on(event, fn);
    this.#offs.set(fn, off);
    return off;
  }

  off<K extends keyof DocEvents>(_event: K, fn: (value: DocEvents[K]) => void): void {
    this.#offs.get(fn)?.();
    this.#offs.delete(fn);
  }

  /** Drops the copy that `offline` keeps, as after the error `conflict`. */
  async clearOffline(): Promise<void> {
    await this.#offline?.clear();
  }

  /** Sends what is written and ends the provider. The document itself goes on. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.doc.off('destroy', this.#gone);
    this.#unwatch?.();
    this.#subdocs.destroy();
    this.#exchange.destroy();
    this.#cursors?.destroy();
    if (this.#ownAwareness) this.awareness?.destroy();
    this.#line.end();
    this.#offline?.close();
    this.#emitter.clear();
  }

  #gone = (): void => this.destroy();

  #keep(name: string | undefined): OfflineCopy {
    const database = name === undefined ? 'hubbub-docs' : `hubbub-docs-${name}`;
    return new OfflineCopy(database, `${this.#line.base}\n${this.name}`, this.doc, (cause) => {
      const message = 'the document cannot be kept offline: the browser refuses its storage';
      this.#emitter.emit('error', new HubbubError('no_storage', message, { cause }));
    });
  }

  #begin(): void {
    if (this.#destroyed) return;
    if (this.#offline) this.doc.emit('load', [this.doc]);
    this.#unwatch = this.#line.status.subscribe((status) => this.#connection(status));
  }

  #connection({ state, transport }: Status): void {
    if (state === this.#connected) return; // it is something else of it that has changed
    this.#connected = state;
    if (state !== 'connected') {
      if (this.#status.getSnapshot().state !== 'disconnected') this.#exchange.stop();
    } else if (transport === 'websocket') this.#exchange.start();
    else
      this.#exchange.stop(
        new HubbubError('unavailable', 'documents need a WebSocket, and none can be opened here'),
      );
  }

  #push(frame: DocPush): void {
    if (frame.type === 'doc_notes') this.#emitter.emit('notes', undefined);
    else if (frame.type === 'doc_awareness') this.#cursors?.push(fromBase64(frame.update));
    else this.#exchange.push(frame);
  }

  #tell(update: Uint8Array): void {
    this.#line.notify({ type: 'doc_awareness', doc: this.name, update: toBase64(update) });
  }

  #become(status: DocStatus): void {
    const before = this.#status.getSnapshot();
    if (before.state === status.state && before.error === status.error) return;
    this.#status.set(status);
    if (before.state !== status.state) this.#emitter.emit('status', { status: status.state });
  }

  #allow(access: DocAccess): void {
    if (access === this.#access.getSnapshot()) return;
    this.#access.set(access);
    this.#emitter.emit('access', access);
  }

  #sync(synced: boolean): void {
    if (synced === this.#synced) return;
    this.#synced = synced;
    if (synced && !this.doc.isLoaded) this.doc.emit('load', [this.doc]);
    this.doc.emit('sync', [synced, this.doc]);
    this.#emitter.emit('sync', synced);
    this.#emitter.emit('synced', { state: synced });
  }
}
