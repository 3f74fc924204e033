import type { Doc } from 'yjs';
import type { HubbubError } from '../errors.js';
import type { DocProvider } from './provider.js';

interface Change {
  loaded: Set<Doc>;
  removed: Set<Doc>;
}

/** Opens the subdocuments of a document as they are loaded, and ends them with it. */
export class Subdocs {
  readonly open = new Map<string, DocProvider>();
  readonly #doc: Doc;
  readonly #provide: (sub: Doc) => DocProvider;
  readonly #fault: (error: HubbubError) => void;

  constructor(doc: Doc, provide: (sub: Doc) => DocProvider, fault: (error: HubbubError) => void) {
    this.#doc = doc;
    this.#provide = provide;
    this.#fault = fault;
    doc.on('subdocs', this.#changed);
    for (const sub of doc.getSubdocs()) if (sub.shouldLoad) this.#load(sub);
  }

  destroy(): void {
    this.#doc.off('subdocs', this.#changed);
    for (const provider of this.open.values()) provider.destroy();
    this.open.clear();
  }

  #changed = ({ loaded, removed }: Change): void => {
    for (const sub of removed) {
      if (this.open.get(sub.guid)?.doc !== sub) continue;
      this.open.get(sub.guid)?.destroy();
      this.open.delete(sub.guid);
    }
    for (const sub of loaded) this.#load(sub);
  };

  #load(sub: Doc): void {
    if (this.open.get(sub.guid)?.doc === sub) return;
    try {
      this.open.set(sub.guid, this.#provide(sub));
    } catch (error) {
      this.#fault(error as HubbubError); // it is open by itself already
    }
  }
}
