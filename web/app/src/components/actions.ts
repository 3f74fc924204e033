import type { Message } from '@hubbub-im/sdk';

/** What can be done with a message of the feed. */
export interface MessageActions {
  reply(message: Message): void;
  /** Adds one's reaction, or takes it back. */
  toggle(message: Message, emoji: string): void;
  /** Lets somebody choose a reaction, beside the anchor. */
  pick(message: Message, anchor: HTMLElement): void;
  edit(message: Message): void;
  save(message: Message, text: string): void;
  cancelEdit(): void;
  /** Asks, then deletes. */
  remove(message: Message): void;
  copyLink(message: Message): void;
  jump(seq: number): void;
  retry(message: Message): void;
  discard(message: Message): void;
}
