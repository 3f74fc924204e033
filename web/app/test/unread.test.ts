import { describe, expect, it } from 'vitest';
import {
  type Countable,
  countUnread,
  firstUnread,
  indexAfter,
  newestSeq,
  unreadLabel,
} from '../src/lib/unread';

const other = (seq: number): Countable => ({ seq, own: false });
const own = (seq: number): Countable => ({ seq, own: true });
const gone = (seq: number): Countable => ({ seq, own: false, deleted: true });
const unsent: Countable = { own: true };

describe('countUnread', () => {
  it('counts what others wrote after the mark', () => {
    expect(countUnread([other(1), other(4), own(6), other(9)], 1, false)).toEqual({ count: 2, more: false });
  });

  it('is 0 after reading', () => {
    const messages = [other(1), other(2), own(3), unsent];
    expect(countUnread(messages, newestSeq(messages), true)).toEqual({ count: 0, more: false });
  });

  it('counts neither own, nor deleted, nor unsent ones', () => {
    expect(countUnread([own(2), gone(3), unsent], 1, false).count).toBe(0);
  });

  it('says that there may be more when the mark is older than what is loaded', () => {
    expect(countUnread([other(50), other(51)], 10, true)).toEqual({ count: 2, more: true });
    expect(countUnread([other(9), other(51)], 10, true)).toEqual({ count: 1, more: false });
    expect(countUnread([own(50)], 10, true)).toEqual({ count: 0, more: false });
  });

  it('bears holes between sequences', () => {
    expect(countUnread([other(3), other(700), other(90_000)], 5, false).count).toBe(2);
  });

  it('agrees with plain counting, whatever the mix', () => {
    let state = 7;
    const random = (n: number) => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state % n;
    };
    for (let round = 0; round < 300; round++) {
      let seq = 0;
      const messages: Countable[] = [];
      for (let i = random(40); i > 0; i--) {
        seq += 1 + random(5);
        messages.push({ seq, own: random(3) === 0, deleted: random(6) === 0 });
      }
      for (let i = random(3); i > 0; i--) messages.push(unsent);
      const read = random(seq + 3);
      const counting = messages.filter((m) => m.seq !== undefined && m.seq > read && !m.own && !m.deleted);
      expect(countUnread(messages, read, false).count).toBe(counting.length);
      expect(messages[firstUnread(messages, read)]).toBe(counting[0]);
    }
  });
});

describe('firstUnread', () => {
  it('is where the line stands, or -1', () => {
    expect(firstUnread([other(1), own(2), other(3)], 1)).toBe(2);
    expect(firstUnread([other(1), own(2), unsent], 1)).toBe(-1);
    expect(firstUnread([], 0)).toBe(-1);
    expect(firstUnread([other(1)], Number.POSITIVE_INFINITY)).toBe(-1);
  });
});

describe('indexAfter', () => {
  it('puts what was not sent after everything', () => {
    expect(indexAfter([other(1), other(5), unsent], 5)).toBe(2);
    expect(indexAfter([other(1), other(5), unsent], 3)).toBe(1);
  });
});

describe('unreadLabel', () => {
  it('is short', () => {
    expect(unreadLabel({ count: 0, more: false })).toBe('');
    expect(unreadLabel({ count: 7, more: false })).toBe('7');
    expect(unreadLabel({ count: 50, more: true })).toBe('50+');
    expect(unreadLabel({ count: 100, more: false })).toBe('99+');
  });
});
