import { roomProblem } from './roomname';

/** The parts of a room that stand beside the chat: documents of it, named `room/notes` and `room/board`. */
export const docTabs = ['notes', 'board'] as const;
export type DocTab = (typeof docTabs)[number];
export type Tab = 'chat' | DocTab;

/** Where an address of this page leads. */
export interface Place {
  room: string;
  /** The document to show instead of the chat. */
  tab?: DocTab;
  /** The message to show, if the address names one. */
  seq?: number;
}

/** Reads `/r/<room>`, `?tab=<document>` and `#m=<seq>`; a message is in the chat, whatever the tab says. */
export function parsePlace(url: URL | Location): Place | null {
  const match = /^\/r\/([^/]+)\/?$/.exec(url.pathname);
  if (!match?.[1]) return null;
  const room = decode(match[1]);
  if (room === null || roomProblem(room)) return null;
  const seq = parseSeq(url.hash);
  if (seq !== undefined) return { room, seq };
  const asked = new URLSearchParams(url.search).get('tab');
  const tab = docTabs.find((name) => name === asked);
  return tab ? { room, tab } : { room };
}

/** Reads the sequence in `#m=<seq>`. */
export function parseSeq(hash: string): number | undefined {
  const match = /^#m=([1-9]\d{0,15})$/.exec(hash);
  if (!match) return undefined;
  const seq = Number(match[1]);
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/** The address of a room, of a document or of one message in it, without the origin. */
export function formatPlace({ room, tab, seq }: Place): string {
  const path = `/r/${encodeURIComponent(room)}`;
  if (seq !== undefined) return `${path}#m=${seq}`;
  return tab ? `${path}?tab=${tab}` : path;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text).normalize('NFC');
  } catch {
    return null;
  }
}
