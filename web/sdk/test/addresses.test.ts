import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Addresses } from '../src/addresses.js';
import { type Peer, ScriptedHub } from './scripted-hub.js';
import { client, closeClients, next, random } from './support.js';

const NAMES = ['http://a', 'http://b', 'http://c'];

describe('several addresses', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('are tried in turn: the next at once, and a wait after each round', () => {
    const all = new Addresses(NAMES, random(1));
    const tried: string[] = [];
    for (let n = 0; n < 9; n++) {
      tried.push(all.base);
      const wait = all.failed(n);
      expect(wait).toBeLessThanOrEqual(n % 3 === 2 ? 300 * 2 ** Math.floor(n / 3) : 100);
      if (n === 5 || n === 8) expect(wait).toBeGreaterThanOrEqual(300);
      vi.advanceTimersByTime(wait);
    }
    expect([...tried.slice(0, 3)].sort()).toEqual(NAMES);
    expect(tried.slice(3, 6)).toEqual(tried.slice(0, 3));
    expect(tried.slice(6)).toEqual(tried.slice(0, 3));
  });

  it('are left alone for as long as they ask', () => {
    const all = new Addresses(NAMES.slice(1), random(2));
    const busy = all.base;
    expect(all.failed(0, 3_600_000)).toBeLessThan(100);
    for (let n = 1; n < 5; n++) {
      expect(all.base).not.toBe(busy);
      vi.advanceTimersByTime(all.failed(n));
    }
    const wait = all.failed(5, 7_200_000);
    expect(all.base).toBe(busy); // both ask for patience: the one that asks for less
    expect(wait).toBeGreaterThan(3_500_000);
    expect(all.notBefore).toBe(Date.now() + wait);
  });

  it('are begun anywhere', () => {
    const first = new Set(Array.from({ length: 50 }, () => new Addresses(NAMES).base));
    expect([...first].sort()).toEqual(NAMES);
  });

  it('need not be several', () => {
    const one = new Addresses(['http://a'], () => 0.5);
    expect(one.failed(0)).toBe(150);
    expect(one.failed(1, 5000)).toBe(5000);
    expect(one.base).toBe('http://a');
  });
});

describe('a client of several instances', () => {
  let hubs: ScriptedHub[];

  beforeEach(async () => {
    hubs = [await ScriptedHub.start(), await ScriptedHub.start()];
  });
  afterEach(async () => {
    closeClients();
    for (const hub of hubs) await hub.stop();
  });

  const hello = {
    type: 'connected',
    user: 'ann',
    conn: 'c',
    ping_ms: 25_000,
    server: '',
    version: 1,
  } as const;

  /** Lets the first connection in, wherever it comes; and the next one at the other instance. */
  async function arrive(expires_at: number) {
    const [a, b] = hubs.map((hub) => hub.peer()) as [Promise<Peer>, Promise<Peer>];
    const [peer, other] = await Promise.race([
      a.then((p) => [p, b] as const),
      b.then((p) => [p, a] as const),
    ]);
    peer.reply(await peer.take('connect'), { ...hello, expires_at });
    return { peer, other };
  }

  it('goes to the next at once when it is moved, with the token that it has', async () => {
    const getToken = vi.fn(() => 'a token');
    const hub = client({ url: hubs.map((h) => h.url), getToken });
    hub.connect();
    const { peer, other } = await arrive(Date.now() + 3_600_000);
    await next(hub, 'connected');
    const ended = next(hub, 'disconnected');
    peer.send({ type: 'disconnect', code: 3007, reason: 'moved', retry_after_ms: 180 });
    peer.close(3007, 'moved');
    const { reason, retryAt } = await ended;
    expect(reason).toMatch(/going away/);
    expect((retryAt ?? 0) - Date.now()).toBeLessThanOrEqual(100);
    expect((await (await other).take('connect')).token).toBe('a token');
    expect(getToken).toHaveBeenCalledTimes(1);
  });

  it('asks for a token where that one ends soon', async () => {
    const getToken = vi.fn(() => 'a token');
    const hub = client({ url: hubs.map((h) => h.url), getToken });
    hub.connect();
    const { peer, other } = await arrive(Date.now() + 50_000);
    await next(hub, 'connected');
    peer.close(3007, 'moved');
    await other;
    expect(getToken).toHaveBeenCalledTimes(2);
  });

  it('finds the one that is there', async () => {
    const hub = client({ url: hubs.map((h) => h.url) });
    await hubs[0]?.stop();
    hub.connect();
    await hubs[1]?.welcome();
    await next(hub, 'connected');
    hubs[0] = await ScriptedHub.start();
  });

  it('needs each address to be one', () => {
    expect(() => client({ url: ['https://a.example', 'ftp://b.example'] })).toThrow(/must begin with/);
  });
});
