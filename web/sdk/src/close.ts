import type { CloseInfo } from './link.js';

/** What each close code means to a person (PROTOCOL.md, section 6). */
const MEANING: Record<number, string> = {
  1009: 'a message was larger than the hub allows',
  3000: 'the hub is restarting',
  3001: 'this connection was too slow to keep up',
  3002: 'the hub heard nothing from here for too long',
  3003: 'the sign-in has run out',
  3004: 'the hub is overloaded',
  3005: 'the hub has a fault',
  3006: 'the hub heard nothing from here for too long',
  3007: 'this part of the hub is going away',
  3500: 'the sign-in is missing or is not accepted',
  3501: 'this program does not speak the hub’s protocol rightly',
  3502: 'an operator has ended the connection',
  3503: 'this user is banned',
  3504: 'the sign-in was revoked',
};

/** The reason of a close, fit to be shown. */
export function meaningOf(info: CloseInfo): string {
  return (typeof info.code === 'number' && MEANING[info.code]) || info.reason;
}

/** The caller's token is past its time: a new one helps. */
export function isExpired(code: CloseInfo['code']): boolean {
  return code === 3003 || code === 'token_expired';
}

/** The caller's token was not accepted: another one may be. */
export function isRefused(code: CloseInfo['code']): boolean {
  return code === 3500 || code === 3504 || code === 'unauthorized';
}

/** The instance is leaving; another one is there. */
export function isMoved(code: CloseInfo['code']): boolean {
  return code === 3007;
}

/** Coming back would change nothing, until something else has changed. */
export function isFinal(code: CloseInfo['code']): boolean {
  if (typeof code === 'number') return code >= 3500 && code <= 3999;
  return (
    code === 'unauthorized' || code === 'forbidden' || code === 'bad_request' || code === 'unknown_command'
  );
}
