import type { Json } from '@hubbub-im/sdk';
import { type DocTab, docTabs } from './permalink';

/** What a message is about, if it is a comment on a document of its room. */
export interface About {
  tab: DocTab;
  quote: string;
}

/** Reads the data that the hub gives to a message which begins the thread of a comment. */
export function aboutOf(data: Json | undefined, room: string): About | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const { document, comment, quote } = data;
  const tab = docTabs.find((name) => document === `${room}/${name}`);
  if (!tab || typeof comment !== 'string') return undefined;
  return { tab, quote: typeof quote === 'string' ? quote : '' };
}
