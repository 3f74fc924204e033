import {
  type Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness';

/** How often one's own state is sent, at most, in milliseconds. */
const EVERY = 50;

/** Sends one's own cursor, and shows those of others while the document is open. */
export class Cursors {
  readonly #awareness: Awareness;
  readonly #send: (update: Uint8Array) => void;
  #open = false;
  #sentAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(awareness: Awareness, send: (update: Uint8Array) => void) {
    this.#awareness = awareness;
    this.#send = send;
    awareness.on('update', this.#changed);
  }

  opened(states: Uint8Array | undefined): void {
    this.#open = true;
    if (states) this.push(states);
    // Set anew it has a higher clock: the hub may have told the others that this client was gone.
    const own = this.#awareness.getLocalState();
    if (own !== null) this.#awareness.setLocalState(own);
  }

  push(update: Uint8Array): void {
    applyAwarenessUpdate(this.#awareness, update, this);
  }

  /** Nobody else is heard of any more. */
  closed(): void {
    this.#open = false;
    this.#cancel();
    const others = [...this.#awareness.getStates().keys()].filter((id) => id !== this.#awareness.clientID);
    removeAwarenessStates(this.#awareness, others, this);
  }

  destroy(): void {
    this.#awareness.off('update', this.#changed);
    this.closed();
  }

  #changed = (
    { added, updated, removed }: { added: number[]; updated: number[]; removed: number[] },
    origin: unknown,
  ): void => {
    const own = this.#awareness.clientID;
    if (origin === this || !this.#open || ![...added, ...updated, ...removed].includes(own)) return;
    const wait = this.#sentAt + EVERY - Date.now();
    if (wait <= 0) this.#tell();
    else this.#timer ??= setTimeout(() => this.#tell(), wait);
  };

  #tell(): void {
    this.#cancel();
    this.#sentAt = Date.now();
    const own = this.#awareness.clientID;
    if (this.#awareness.meta.has(own)) this.#send(encodeAwarenessUpdate(this.#awareness, [own]));
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
