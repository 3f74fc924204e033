import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Hubbub } from '../src/index.js';
import { type Locks, Tabs } from '../src/tabs.js';
import { kept } from './kept.js';
import { type Peer, ScriptedHub } from './scripted-hub.js';
import { client, closeClients, until } from './support.js';

/** What of Web Locks is used here, for Node, which has none before 24: exclusive locks, granted in turn. */
class PlatformLocks {
  readonly #tails = new Map<string, Promise<unknown>>();
  readonly #held = new Set<string>();

  request = ((name: string, a: unknown, b?: unknown) => {
    const { signal, ifAvailable } = (b ? a : {}) as { signal?: AbortSignal; ifAvailable?: boolean };
    const fn = (b ?? a) as (lock: object | null) => Promise<unknown>;
    if (ifAvailable && this.#held.has(name)) return Promise.resolve(fn(null));
    const turn = this.#tails.get(name) ?? Promise.resolve();
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    });
    const granted = Promise.race([turn, aborted]).then(() => {
      this.#held.add(name);
      return Promise.resolve(fn({})).finally(() => this.#held.delete(name));
    });
    this.#tails.set(name, Promise.all([turn, granted.catch(() => {})]));
    return granted;
  }) as Locks['request'];
}

describe('tabs', () => {
  it('are told of a tab’s end once it is gone, one after the other', async () => {
    const locks = new PlatformLocks();
    const told: string[] = [];
    const owner = new Tabs('x', async () => {}, locks);
    let release = () => {};
    const busy = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = new Tabs(
      'x',
      async (tab) => {
        told.push(`first ${tab === owner.id}`);
        await busy;
      },
      locks,
    );
    const second = new Tabs('x', async (tab) => void told.push(`second ${tab === owner.id}`), locks);
    first.watch(owner.id);
    second.watch(owner.id);
    second.watch(second.id);
    await settle();
    expect(told).toEqual([]);
    owner.close();
    await vi.waitFor(() => expect(told).toEqual(['first true']));
    await settle();
    expect(told).toHaveLength(1);
    release();
    await vi.waitFor(() => expect(told).toEqual(['first true', 'second true']));
    first.close();
    second.close();
  });

  it('hear of a tab that came later and has something to lose', async () => {
    const locks = new PlatformLocks();
    const told: string[] = [];
    const watcher = new Tabs('y', async (tab) => void told.push(tab), locks);
    const late = new Tabs('y', async () => {}, locks);
    const channel = new BroadcastChannel('y:tab:');
    const heard = new Promise((resolve) => {
      channel.onmessage = resolve;
    });
    late.announce();
    await heard; // behind the watcher, which listens for longer
    expect(told).toEqual([]);
    late.close();
    await vi.waitFor(() => expect(told).toEqual([late.id]));
    channel.close();
    watcher.close();
  });

  it('count as gone where there are no locks', async () => {
    const told: string[] = [];
    const tabs = new Tabs('z', async (tab) => void told.push(tab), undefined);
    tabs.watch('other');
    await settle();
    expect(told).toEqual(['other']);
    tabs.close();
  });

  async function settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }
});

describe('the outbox of a browser with several tabs', () => {
  let server: ScriptedHub;

  beforeEach(async () => {
    globalThis.indexedDB = new IDBFactory();
    vi.stubGlobal('navigator', { locks: new PlatformLocks() });
    server = await ScriptedHub.start();
  });

  afterEach(async () => {
    closeClients();
    await server.stop();
    vi.unstubAllGlobals();
  });

  async function tab(): Promise<[Hubbub, Peer]> {
    const hub = client({ url: server.url, persist: true, getToken: () => `e30.${btoa('{"sub":"ann"}')}.x` });
    hub.connect();
    const peer = await server.welcome('ann');
    await until(hub.status, (s) => s.state === 'connected');
    return [hub, peer];
  }

  it('sends what a tab has written from that tab alone, and from another one once it is gone', async () => {
    const [first, firstPeer] = await tab();
    const room = first.room('r');
    const before = room.send({ text: 'before' });
    firstPeer.reply(await firstPeer.take('positions'), { type: 'positions', positions: {} });
    firstPeer.reply(await firstPeer.take('publish'), { type: 'ack', room: 'r', epoch: 'e', seq: 1 });
    await before;
    const [second, peer] = await tab();
    const [, thirdPeer] = await tab();
    first.disconnect();
    void room.send({ text: 'one' });
    void room.send({ text: 'two' });
    const keys = room.outbox.getSnapshot().map((i) => i.key);
    await vi.waitFor(async () => expect(await kept('hubbub')).toHaveLength(2));
    // A tab that is there would have been asked by now: a command of its own has gone all the way.
    const own = second.room('r').send({ text: 'own' });
    peer.reply(await peer.take('positions'), { type: 'positions', positions: {} });
    const command = await peer.take('publish');
    expect(command.event.text).toBe('own');
    peer.reply(command, { type: 'ack', room: 'r', epoch: 'e', seq: 1 });
    await own;
    first.close();
    const sent: string[] = [];
    const taken = await Promise.race(
      [peer, thirdPeer].map(async (p) => [p, await p.take(p === peer ? 'publish' : 'positions')] as const),
    );
    let [from, publish] = taken;
    if (publish.type === 'positions') {
      from.reply(publish, { type: 'positions', positions: {} });
      publish = await from.take('publish');
    }
    for (let seq = 2; ; seq++) {
      if (publish.type !== 'publish') throw new Error('a publish was expected');
      sent.push(publish.event.id ?? '');
      from.reply(publish, { type: 'ack', room: 'r', epoch: 'e', seq });
      if (sent.length === 2) break;
      publish = await from.take('publish');
    }
    expect(sent).toEqual(keys);
    const idle = from === peer ? thirdPeer : peer;
    expect(idle.waiting).toBe(0);
  });
});
