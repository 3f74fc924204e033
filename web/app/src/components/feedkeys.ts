import type { Message } from '@hubbub-im/sdk';
import { isComposing, isPlain, isTyping } from '../lib/keys';
import type { MessageActions } from './actions';

interface Context {
  /** Where the focus is, and on what. */
  index: number;
  message: Message | undefined;
  count: number;
  focus(index: number): void;
  actions: MessageActions;
  leave(): void;
}

/** The keys of the feed: they move from message to message, or do something with the one that has the focus. */
export function feedKeys(event: KeyboardEvent, context: Context): void {
  if (isComposing(event) || isTyping(event) || !isPlain(event)) return;
  const onMessage = event.target instanceof HTMLElement && event.target.nodeName === 'ARTICLE';
  const run = moves(event.key, context) ?? (onMessage ? deeds(event, context) : undefined);
  if (!run) return;
  event.preventDefault();
  run();
}

function moves(key: string, { index, count, focus, leave }: Context): (() => void) | undefined {
  switch (key) {
    case 'ArrowUp':
      return () => focus(index - 1);
    case 'ArrowDown':
      return index >= count - 1 ? leave : () => focus(index + 1);
    case 'PageUp':
      return () => focus(index - 10);
    case 'PageDown':
      return () => focus(index + 10);
    case 'Home':
      return () => focus(0);
    case 'End':
      return () => focus(count - 1);
    case 'Escape':
      return leave;
  }
  return undefined;
}

function deeds(event: KeyboardEvent, { message, actions }: Context): (() => void) | undefined {
  if (message?.seq === undefined || message.deleted) return undefined;
  const article = event.target as HTMLElement;
  switch (event.key) {
    case 'r':
      return () => actions.reply(message);
    case '+':
    case ':':
      return () => actions.pick(message, article);
    case 'c':
      return () => actions.copyLink(message);
    case 'e':
      return message.own ? () => actions.edit(message) : undefined;
    case 'Delete':
    case 'Backspace':
      return message.own ? () => actions.remove(message) : undefined;
  }
  return undefined;
}
