import { type Hubbub, HubbubError, type Status, type Store } from '@hubbub-im/sdk';
import { DocProvider, type DocStatus as ProviderStatus } from '@hubbub-im/sdk/docs';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { Access, DocHandle, DocStatus } from './handle';

/** Opens a document over the connection that the rooms use. `keep` names where its offline copy is. */
export function openDoc(hub: Hubbub | undefined, name: string, keep: string | true): DocHandle {
  if (!hub) throw new HubbubError('discarded', 'there is no hub to open a document on: enter a name first');
  const provider = new DocProvider(hub, name, { offline: keep });
  const { awareness } = provider;
  if (!awareness) throw new TypeError('a provider that was not told to do without awareness has one');
  return new Opened(provider, awareness, hub.status);
}

/** What a provider says, in the page's terms. */
class Opened implements DocHandle {
  readonly awareness: Awareness;
  readonly #provider: DocProvider;
  readonly #connection: Store<Status>;

  constructor(provider: DocProvider, awareness: Awareness, connection: Store<Status>) {
    this.#provider = provider;
    this.awareness = awareness;
    this.#connection = connection;
  }

  get doc(): Y.Doc {
    return this.#provider.doc;
  }

  get saved(): Store<boolean> {
    return this.#provider.saved;
  }

  get access(): Store<Access> {
    return this.#provider.access;
  }

  onStatus(fn: (status: DocStatus) => void): () => void {
    const tell = () => fn(statusOf(this.#provider.status.getSnapshot(), this.#connection.getSnapshot()));
    const offs = [this.#provider.status.subscribe(tell), this.#connection.subscribe(tell)];
    return () => {
      for (const off of offs) off();
    };
  }

  onNotes(fn: () => void): () => void {
    return this.#provider.on('notes', fn);
  }

  drop(): Promise<void> {
    return this.#provider.clearOffline();
  }

  destroy(): void {
    this.#provider.destroy();
    this.doc.destroy();
  }
}

function statusOf({ state, error }: ProviderStatus, connection: Status): DocStatus {
  const why = error ? { reason: error.message } : {};
  if (state === 'denied') return { state: 'refused', ...why, ...goneBy(error) };
  if (state === 'connected') return { state: 'synced', ...why };
  const first = connection.state === 'connecting' && connection.attempt === 0;
  return { state: state === 'connecting' || first ? 'connecting' : 'offline', ...why };
}

function goneBy(error: HubbubError | undefined): Pick<DocStatus, 'gone'> {
  if (error?.code === 'not_found') return { gone: 'deleted' };
  return error?.code === 'conflict' ? { gone: 'replaced' } : {};
}
