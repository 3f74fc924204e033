import 'fake-indexeddb/auto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import { Doc, encodeStateAsUpdate, type Array as YArray, type Map as YMap } from 'yjs';
import { type DocOptions, DocProvider } from '../src/docs/index.js';
import type { Hubbub, HubbubError, HubbubOptions } from '../src/index.js';
import { RealHub, token } from './real-hub.js';
import { client, closeClients, until } from './support.js';

let hub: RealHub;
let docs = 0;
/** A document that no other test uses. */
let name: string;
const providers = new Set<DocProvider>();

beforeAll(async () => {
  hub = await RealHub.withTokens();
});

afterAll(() => hub?.end());

beforeEach(() => {
  name = `room/doc-${++docs}`;
});

afterEach(() => {
  for (const provider of providers) provider.destroy();
  providers.clear();
  closeClients();
});

function connect(user: string, caps?: Record<string, string[]>, options: HubbubOptions = {}): Hubbub {
  const c = client({ url: hub.url, getToken: () => token(user, caps ? { caps } : {}), ...options });
  c.connect();
  return c;
}

function open(c: Hubbub, options: DocOptions = {}, as = name): DocProvider {
  const provider = new DocProvider(c, as, options);
  providers.add(provider);
  return provider;
}

function event<T>(
  provider: DocProvider,
  name: 'sync' | 'error' | 'notes',
  fits = (_: T) => true,
): Promise<T> {
  return new Promise((resolve) => {
    const off = provider.on(name, (value) => {
      if (!fits(value as T)) return;
      off();
      resolve(value as T);
    });
  });
}

async function synced(provider: DocProvider): Promise<DocProvider> {
  if (!provider.synced) await event<boolean>(provider, 'sync', Boolean);
  return provider;
}

const saved = (provider: DocProvider) => until(provider.saved, Boolean);
const state = (provider: DocProvider, wanted: string) => until(provider.status, (s) => s.state === wanted);
const text = (provider: DocProvider) => provider.doc.getText('body').toString();
const write = (provider: DocProvider, words: string) => provider.doc.getText('body').insert(0, words);

/** Resolves once the text is what it should be. */
function reads(provider: DocProvider, wanted: string | RegExp): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (typeof wanted === 'string' ? text(provider) !== wanted : !wanted.test(text(provider))) return;
      provider.doc.off('update', look);
      resolve();
    };
    provider.doc.on('update', look);
    look();
  });
}

describe('a document', () => {
  it('becomes the same for all, on the connection that the rooms use', async () => {
    const [ann, bo] = [connect('ann'), connect('bo')];
    const [a, b] = await Promise.all([synced(open(ann)), synced(open(bo))]);
    write(a, 'one ');
    await reads(b, 'one ');
    write(b, 'two ');
    a.doc.getText('body').insert(4, 'three ');
    await Promise.all([saved(a), saved(b)]);
    await reads(a, text(b));
    expect(text(a).length).toBe('one two three '.length);
    const room = ann.room('room');
    await room.join();
    await room.send({ text: 'and chat' });
    expect(a.access.getSnapshot()).toBe('write');
    expect(a.status.getSnapshot().state).toBe('connected');
  });

  it('has on disk what is called saved, whatever happens then', async () => {
    const own = await RealHub.withTokens();
    try {
      const c = client({ url: own.url, getToken: () => token('ann') });
      c.connect();
      const a = await synced(open(c));
      for (let round = 0; round < 3; round++) {
        for (let i = 0; i < 40; i++) write(a, `${round}.${i} `.repeat(500));
        expect(a.saved.getSnapshot()).toBe(false);
        await saved(a);
        const killed = own.stop('SIGKILL');
        const kept = text(a);
        c.disconnect(); // so that it cannot bring anything again
        await killed;
        await own.start();
        const other = client({ url: own.url, getToken: () => token('bo') });
        other.connect();
        const b = await synced(open(other));
        expect(text(b) === kept).toBe(true);
        b.destroy();
        other.close();
        c.connect();
        await synced(a);
      }
    } finally {
      await own.end();
    }
  });

  it('meets what was written on both sides while they were apart', async () => {
    const ann = connect('ann');
    const a = await synced(open(ann));
    const b = await synced(open(connect('bo')));
    write(a, 'before ');
    await reads(b, 'before ');
    ann.disconnect();
    await state(a, 'disconnected');
    expect(a.synced).toBe(false);
    write(a, 'apart ');
    expect(a.saved.getSnapshot()).toBe(false);
    b.doc.getText('body').delete(0, 3);
    await saved(b);
    ann.connect();
    await synced(a);
    expect(a.saved.getSnapshot()).toBe(true);
    expect(text(a)).toBe('apart ore ');
    await reads(b, 'apart ore ');
  });

  it('may be large', async () => {
    const a = await synced(open(connect('ann')));
    const long = Array.from({ length: 300_000 }, (_, i) => String(i).padStart(10, '.')).join('');
    write(a, long);
    await saved(a);
    const b = await synced(open(connect('bo')));
    expect(text(b) === long).toBe(true);
  }, 60_000);

  it('is one for a client', async () => {
    const c = connect('ann');
    const a = open(c);
    expect(() => open(c)).toThrow(/has "room.*" open/);
    a.destroy();
    await synced(open(c));
  });

  it('sends what was written last before it is destroyed', async () => {
    const c = connect('ann');
    const a = await synced(open(c));
    write(a, 'the end');
    a.destroy();
    const b = await synced(open(c));
    await reads(b, 'the end');
  });
});

describe('who may only read', () => {
  const caps = { room: ['doc:read'] };

  it('sees everything, and is told that nothing of theirs is saved', async () => {
    const writer = await synced(open(connect('ann')));
    const reader = await synced(open(connect('bo', caps)));
    expect(reader.access.getSnapshot()).toBe('read');
    expect(reader.saved.getSnapshot()).toBe(true);
    write(writer, 'news');
    await reads(reader, 'news');
    expect(reader.saved.getSnapshot()).toBe(true);
    const refused = event<HubbubError>(reader, 'error');
    write(reader, 'mine ');
    expect((await refused).code).toBe('forbidden');
    expect(reader.saved.getSnapshot()).toBe(false);
    write(writer, 'more ');
    await reads(reader, /more/);
    expect(text(writer)).toBe('more news');
  });

  it('can write once a new token says so, and loses the document with one that does not', async () => {
    let grants: Record<string, string[]> = caps;
    const c = client({ url: hub.url, getToken: () => token('bo', { ttl: 2, caps: grants }) });
    c.connect();
    const a = await synced(open(c));
    const refused = event(a, 'error');
    write(a, 'mine');
    await refused;
    grants = { room: ['doc:write'] };
    await until(a.access, (access) => access === 'write');
    await saved(a);
    expect(text(await synced(open(connect('ann'))))).toBe('mine');
    grants = { room: ['join'] };
    expect((await state(a, 'denied')).error?.code).toBe('forbidden');
    grants = { room: ['doc:comment'] };
    await until(a.access, (access) => access === 'comment');
    await state(a, 'connected');
  }, 30_000);

  it('is denied what is not granted', async () => {
    const a = open(connect('eve', { other: ['*'] }));
    expect((await state(a, 'denied')).error?.code).toBe('forbidden');
    expect(a.synced).toBe(false);
  });
});

describe('cursors', () => {
  it('come and go', async () => {
    const [ann, bo] = [connect('ann'), connect('bo')];
    const a = await synced(open(ann));
    const b = await synced(open(bo));
    a.awareness?.setLocalStateField('user', { name: 'ann' });
    await shows(b.awareness, a, 'ann');
    const late = await synced(open(connect('cy')));
    await shows(late.awareness, a, 'ann');
    ann.disconnect();
    await shows(b.awareness, a, undefined);
    expect(a.awareness?.getStates().size).toBe(1);
    ann.connect();
    await shows(b.awareness, a, 'ann');
    a.destroy();
    await shows(b.awareness, a, undefined);
  });

  /** Resolves once the client of `of` has that name, or none. */
  function shows(awareness: Awareness | null, of: DocProvider, user: string | undefined): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (awareness?.getStates().get(of.doc.clientID)?.user?.name !== user) return;
        awareness?.off('change', look);
        resolve();
      };
      awareness?.on('change', look);
      look();
    });
  }
});

describe('offline', () => {
  it('keeps what was written through a reload without a network, and brings it up later', async () => {
    const first = open(client({ url: hub.url, getToken: () => token('ann') }), { offline: 'kept' });
    await first.loaded;
    for (let i = 0; i < 400; i++) write(first, `${i} `);
    const written = text(first);
    await stored('hubbub-docs-kept');
    first.destroy();
    closeClients();

    const c = client({ url: hub.url, getToken: () => token('ann') });
    const again = open(c, { offline: 'kept' });
    await again.loaded;
    expect(text(again)).toBe(written);
    expect(again.saved.getSnapshot()).toBe(false);
    c.connect();
    await synced(again);
    expect(again.saved.getSnapshot()).toBe(true);
    expect(text(await synced(open(connect('bo'))))).toBe(written);
  });

  it('makes many stored updates one, and can be cleared', async () => {
    const c = client({ url: hub.url });
    const a = open(c, { offline: 'many' });
    await a.loaded;
    for (let i = 0; i < 310; i++) {
      write(a, `${i} `);
      await stored('hubbub-docs-many', i < 299 ? i + 1 : i - 298);
    }
    const b = open(client({ url: hub.url }), { offline: 'many' });
    await b.loaded;
    expect(text(b)).toBe(text(a));
    await a.clearOffline();
    const empty = open(client({ url: hub.url }), { offline: 'many' });
    await empty.loaded;
    expect(text(empty)).toBe('');
  });

  /** Resolves once the database holds updates: so many, if that is said. */
  async function stored(database: string, wanted?: number): Promise<void> {
    for (;;) {
      const db = await new Promise<IDBDatabase>((resolve, reject) => {
        const request = indexedDB.open(database);
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
      const count = await new Promise<number>((resolve) => {
        const request = db.transaction('updates').objectStore('updates').count();
        request.onsuccess = () => resolve(request.result);
      });
      db.close();
      if (wanted === undefined ? count > 0 : count === wanted) return;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
});

describe('subdocuments', () => {
  it('are documents of their own, by their guid', async () => {
    const [ann, bo] = [connect('ann'), connect('bo')];
    const a = await synced(open(ann));
    const sub = new Doc();
    (a.doc.getMap('subs') as YMap<Doc>).set('one', sub);
    sub.getText('body').insert(0, 'within');
    const inner = a.subdocs.get(sub.guid);
    if (!inner) throw new Error('the subdocument has no provider');
    expect(inner.name).toBe(`room/${sub.guid}`);
    await Promise.all([synced(inner), saved(a)]);

    const b = await synced(open(bo));
    const theirs = (b.doc.getMap('subs') as YMap<Doc>).get('one');
    expect(b.subdocs.size).toBe(0);
    theirs?.load();
    const loaded = b.subdocs.get(sub.guid);
    if (!loaded) throw new Error('the subdocument was not opened');
    await synced(loaded);
    expect(text(loaded)).toBe('within');
    b.destroy();
    expect(b.subdocs.size).toBe(0);
    expect(loaded.status.getSnapshot().state).toBe('disconnected');
    expect(() => open(bo, {}, `room/${sub.guid}`)).not.toThrow();
  });
});

it('says that it cannot be opened without a WebSocket', async () => {
  const c = connect('ann', undefined, { transport: 'sse' });
  const a = open(c);
  await c.room('room').join();
  const { state, error } = a.status.getSnapshot();
  expect(state).toBe('disconnected');
  expect(error?.message).toMatch(/WebSocket/);
});

it('takes the document, and the awareness, that an application has', async () => {
  const ydoc = new Doc();
  const awareness = new Awareness(ydoc);
  (ydoc.getArray('list') as YArray<number>).push([1, 2]);
  const a = await synced(open(connect('ann'), { ydoc, awareness }));
  expect(a.doc).toBe(ydoc);
  expect(a.awareness).toBe(awareness);
  const b = await synced(open(connect('bo')));
  expect(b.doc.getArray('list').toArray()).toEqual([1, 2]);
  expect(encodeStateAsUpdate(b.doc)).toEqual(encodeStateAsUpdate(ydoc));
  a.destroy();
  awareness.setLocalStateField('still', 'mine');
  awareness.destroy();
});
