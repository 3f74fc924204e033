import type { Room } from '@hubbub-im/sdk';
import { SvelteMap } from 'svelte/reactivity';
import type * as Y from 'yjs';
import { anchorAt, placeOf, type Range } from '../lib/docs/anchor';
import type { Comment, DocApi } from '../lib/docs/api';

/** A comment with where its words are now, or undefined if they were removed. */
export interface PlacedComment extends Comment {
  place: Range | undefined;
}

/** The comments of a text, kept in step with it. What they say are messages of the room's chat. */
export class Comments {
  list = $state.raw<readonly Comment[]>([]);
  /** In the order of their places; those whose words are gone are last. */
  readonly placed: readonly PlacedComment[] = $derived.by(() => {
    void this.#edits;
    return this.list
      .map((comment) => ({ ...comment, place: placeOf(this.#text, comment.anchor) }))
      .sort((a, b) => (a.place?.from ?? Infinity) - (b.place?.from ?? Infinity) || a.at - b.at || 0);
  });
  /** What the comments say, by the sequence of their messages. */
  readonly words = new SvelteMap<number, string>();

  readonly #text: Y.Text;
  readonly #api: DocApi;
  readonly #room: Room;
  readonly #offs: (() => void)[];
  #edits = $state(0);

  constructor(text: Y.Text, api: DocApi, room: Room) {
    this.#text = text;
    this.#api = api;
    this.#room = room;
    const edited = () => {
      this.#edits++;
    };
    text.observe(edited);
    this.#offs = [
      () => text.unobserve(edited),
      room.on('event', ({ event: { target } }) => {
        if (target !== undefined && this.words.delete(target)) void this.#read(target);
      }),
    ];
  }

  /** Asks the hub for them. */
  async fetch(): Promise<void> {
    this.list = await this.#api.comments();
    await Promise.all(this.list.map(({ seq }) => this.#read(seq)));
  }

  async add(range: Range, text: string): Promise<void> {
    await this.#api.addComment(text, anchorAt(this.#text, range));
    await this.fetch();
  }

  async resolve({ id, resolved }: Comment): Promise<void> {
    await this.#api.resolve(id, !resolved);
    await this.fetch();
  }

  async withdraw({ id }: Comment): Promise<void> {
    await this.#api.withdraw(id);
    await this.fetch();
  }

  dispose(): void {
    for (const off of this.#offs) off();
  }

  /** Reads what a comment says in the chat, once. */
  async #read(seq: number): Promise<void> {
    if (seq === 0 || this.words.has(seq)) return;
    const page = await this.#room.history({ around: seq, limit: 1, changes: true }).catch(() => undefined);
    const message = page?.messages.find((one) => one.seq === seq);
    if (message) this.words.set(seq, message.deleted ? '' : message.text);
  }
}
