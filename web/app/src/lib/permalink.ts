import { roomProblem } from './roomname';

/** Where an address of this page leads. */
export interface Place {
  room: string;
  /** The message to show, if the address names one. */
  seq?: number;
}

/** Reads `/r/<room>` and `#m=<seq>`; anything else is no place, or no message. */
export function parsePlace(url: URL | Location): Place | null {
  const match = /^\/r\/([^/]+)\/?$/.exec(url.pathname);
  if (!match?.[1]) return null;
  const room = decode(match[1]);
  if (room === null || roomProblem(room)) return null;
  const seq = parseSeq(url.hash);
  return seq === undefined ? { room } : { room, seq };
}

/** Reads the sequence in `#m=<seq>`. */
export function parseSeq(hash: string): number | undefined {
  const match = /^#m=([1-9]\d{0,15})$/.exec(hash);
  if (!match) return undefined;
  const seq = Number(match[1]);
  return Number.isSafeInteger(seq) ? seq : undefined;
}

/** The address of a room, or of one message in it, without the origin. */
export function formatPlace(place: Place): string {
  const path = `/r/${encodeURIComponent(place.room)}`;
  return place.seq === undefined ? path : `${path}#m=${place.seq}`;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text).normalize('NFC');
  } catch {
    return null;
  }
}
