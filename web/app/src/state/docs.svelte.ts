import type { Awareness } from 'y-protocols/awareness';
import { DocApi } from '../lib/docs/api';
import type { Access, DocHandle, DocStatus } from '../lib/docs/handle';
import { openDoc } from '../lib/docs/open';
import { type DocNews, docNews } from '../lib/docs/state';
import { hueOf } from '../lib/names';
import { app } from './app.svelte';
import { people } from './people.svelte';

/** Somebody who has a document open. */
export interface Editor {
  id: string;
  name: string;
}

/** A document that is open in this page, as its views read it. */
export class DocView {
  readonly name: string;
  readonly handle: DocHandle;
  /** What the hub does with it over HTTP, for the person who uses the page. */
  readonly api: DocApi;

  status = $state.raw<DocStatus>({ state: 'connecting' });
  saved = $state(true);
  access = $state<Access>(null);
  /** The others who have it open, each person once. */
  editors = $state.raw<readonly Editor[]>([]);
  /** Counts the news of versions and comments. */
  notes = $state(0);

  readonly news: DocNews = $derived(docNews(this.status, this.saved, this.access));
  /** What is written before the hub was reached is kept here; it alone decides whether it is taken. */
  readonly writable = $derived(
    this.access === 'write' || (this.access === null && this.status.state === 'offline'),
  );
  readonly mayComment = $derived(this.access === 'write' || this.access === 'comment');

  readonly #offs: (() => void)[];

  constructor(name: string, handle: DocHandle) {
    this.name = name;
    this.handle = handle;
    this.api = new DocApi(name, async () => app.client?.token());
    this.#offs = [
      handle.onStatus((status) => {
        this.status = status;
      }),
      handle.saved.subscribe((saved) => {
        this.saved = saved;
      }),
      handle.access.subscribe((access) => {
        this.access = access;
      }),
      handle.onNotes(() => {
        this.notes++;
      }),
    ];
    const tell = () => {
      this.editors = others(handle.awareness);
    };
    handle.awareness.on('change', tell);
    this.#offs.push(() => handle.awareness.off('change', tell));
    tell();
  }

  /** Shows the others who is here; the fields are those that stock editors read. */
  enter(): void {
    const id = app.user?.id ?? '';
    const hue = hueOf(id);
    const name = app.user?.name || app.guestName || 'Guest';
    const user = { id, name, color: `hsl(${hue} 55% 40%)`, colorLight: `hsl(${hue} 55% 40% / 25%)` };
    this.handle.awareness.setLocalState({ ...this.handle.awareness.getLocalState(), user });
  }

  /** Resolves when all that was written here is on the hub's disk. */
  whenSaved(): Promise<void> {
    return new Promise((resolve) => {
      const off = this.handle.saved.subscribe((saved) => {
        if (!saved) return;
        resolve();
        queueMicrotask(() => off());
      });
    });
  }

  leave(): void {
    this.handle.awareness.setLocalState(null);
  }

  dispose(): void {
    for (const off of this.#offs) off();
    this.handle.destroy();
  }
}

function others(awareness: Awareness): Editor[] {
  const found = new Map<string, Editor>();
  for (const [client, state] of awareness.getStates()) {
    if (client === awareness.clientID) continue;
    const editor = editorOf(state, client);
    if (editor.id !== app.user?.id) found.set(editor.id, editor);
  }
  return [...found.values()];
}

/** Who an awareness state is of. One that names no user is an editor of another make. */
export function editorOf(state: Record<string, unknown>, client: number): Editor {
  const user: unknown = state.user;
  const { id, name } = (typeof user === 'object' && user !== null ? user : {}) as Record<string, unknown>;
  const known = typeof id === 'string' && id !== '' ? id : `client-${client}`;
  const called = typeof name === 'string' && name.trim() ? name.trim().slice(0, 64) : '';
  return { id: known, name: called || (typeof id === 'string' && id ? people.name(id) : 'Somebody') };
}

/** The documents that are open. One that was left stays until all that was written in it is on the hub's disk. */
class Docs {
  readonly #open = new Map<string, { view: DocView; uses: number; off?: (() => void) | undefined }>();

  open(name: string): DocView {
    const entry = this.#open.get(name) ?? {
      view: new DocView(name, openDoc(app.client, name, app.shelf)),
      uses: 0,
    };
    this.#open.set(name, entry);
    entry.uses++;
    entry.off?.();
    entry.off = undefined;
    return entry.view;
  }

  close(name: string): void {
    const entry = this.#open.get(name);
    if (!entry || --entry.uses > 0) return;
    entry.view.leave();
    entry.off = entry.view.handle.saved.subscribe((saved) => {
      if (saved) queueMicrotask(() => this.#end(name));
    });
  }

  #end(name: string): void {
    const entry = this.#open.get(name);
    if (!entry || entry.uses > 0) return;
    entry.off?.();
    this.#open.delete(name);
    entry.view.dispose();
  }
}

export const docs = new Docs();
