import { describe, expect, it } from 'vitest';
import { connectionNews } from '../src/lib/connection';

const now = 1_000_000;
const base = { since: 0, attempt: 2, online: true } as const;

describe('what is said of a connection', () => {
  it('counts the seconds to the next try', () => {
    const news = connectionNews({ ...base, state: 'disconnected', retryAt: now + 3_200 }, now, 0);
    expect(news.title).toBe('Connection lost.');
    expect(news.countdown).toBe('Next try in 4 s.');
    expect(news.canRetry).toBe(true);
  });

  it('never counts below zero', () => {
    expect(connectionNews({ ...base, state: 'disconnected', retryAt: now - 500 }, now, 0).countdown).toBe(
      'Next try in 0 s.',
    );
  });

  it('promises no try that will not be made', () => {
    const news = connectionNews(
      { ...base, state: 'disconnected', reason: 'cut off by the operator', code: 3502 },
      now,
      0,
    );
    expect(news.countdown).toBe('');
    expect(news.final).toBe(true);
    expect(news.detail).toBe('Cut off by the operator.');
  });

  it('asks for a token when the one there is was refused', () => {
    const news = connectionNews(
      { ...base, state: 'disconnected', reason: 'the token does not verify', code: 3500 },
      now,
      0,
    );
    expect(news.needsToken).toBe(true);
    expect(news.canRetry).toBe(false);
  });

  it('says when the browser has no network, and what becomes of messages', () => {
    const news = connectionNews(
      { ...base, online: false, state: 'disconnected', retryAt: now + 1000 },
      now,
      0,
    );
    expect(news.title).toBe('You are offline.');
    expect(news.detail).toContain('kept');
  });

  it('counts what waits', () => {
    expect(connectionNews({ ...base, state: 'connecting' }, now, 1).detail).toBe(
      '1 message is waiting to be sent.',
    );
    expect(connectionNews({ ...base, state: 'connecting' }, now, 3).detail).toBe(
      '3 messages are waiting to be sent.',
    );
  });

  it('tells a first connection from a later one', () => {
    expect(connectionNews({ ...base, attempt: 0, state: 'connecting' }, now, 0).title).toBe('Connecting…');
    expect(connectionNews({ ...base, state: 'connecting' }, now, 0).title).toBe('Reconnecting…');
  });
});
