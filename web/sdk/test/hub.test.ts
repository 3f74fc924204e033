import 'fake-indexeddb/auto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Hubbub,
  HubbubError,
  type HubbubOptions,
  type Message,
  type Room,
  type StoredEvent,
} from '../src/index.js';
import { kept } from './kept.js';
import { Network } from './network.js';
import { RealHub, token } from './real-hub.js';
import { client, closeClients, next, texts, until } from './support.js';

let hub: RealHub;
let network: Network;
let rooms = 0;
/** A room that no other test uses. */
let name: string;

beforeAll(async () => {
  hub = await RealHub.withTokens('--dedup-window', '1s', '--grace', '1s');
  network = await Network.to(hub);
});

afterAll(async () => {
  await network?.end();
  await hub?.end();
});

beforeEach(() => {
  name = `room-${++rooms}`;
});

afterEach(() => {
  closeClients();
  network.deaf = network.stalled = network.noWebSockets = false;
});

async function enter(user: string, options: HubbubOptions = {}, join = {}): Promise<[Room, Hubbub]> {
  const c = client({ url: hub.url, getToken: () => token(user), ...options });
  c.connect();
  const room = c.room(name);
  await room.join(join);
  return [room, c];
}

/** All of the room's events, from its beginning. */
async function log(room: Room): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (;;) {
    const page = await room.history({ after: events.at(-1)?.seq ?? 0, limit: 200 });
    events.push(...page.events);
    if (!page.moreAfter) return events;
  }
}

function shown(room: Room): Partial<Message>[] {
  return room.messages
    .getSnapshot()
    .messages.map(({ seq, user, text, state, deleted, editedAt, reactions }) => ({
      seq,
      user,
      text,
      state,
      deleted,
      edited: editedAt !== undefined,
      reactions,
    }));
}

describe('a chat', () => {
  it('looks the same to everybody', async () => {
    const [ann] = await enter('ann');
    const [bo] = await enter('bo');
    const one = await ann.send({ text: 'one' });
    const two = await bo.send({ text: 'two', data: { n: [1, null] }, replyTo: one.seq ?? 0 });
    const three = await bo.send({ text: 'three' });
    await ann.react(two.seq ?? 0, '👍');
    await bo.react(two.seq ?? 0, '👍');
    await bo.react(two.seq ?? 0, '🎉');
    await ann.unreact(two.seq ?? 0, '👍');
    await ann.edit(one.seq ?? 0, { text: 'ONE' });
    await bo.delete(three.seq ?? 0);
    await ann.custom('note', { x: 1 });
    const last = await bo.send({ text: 'last' });
    for (const room of [ann, bo])
      await until(room.messages, (l) => l.messages.at(-1)?.seq === last.seq && l.messages.length === 4);
    expect(shown(ann)).toEqual(shown(bo));
    expect(shown(ann)).toMatchObject([
      { text: 'ONE', edited: true, user: 'ann' },
      {
        text: 'two',
        reactions: [
          { emoji: '👍', users: ['bo'] },
          { emoji: '🎉', users: ['bo'] },
        ],
      },
      { text: '', deleted: true },
      { text: 'last' },
    ]);
    const [cy] = await enter('cy');
    expect(shown(cy)).toEqual(shown(ann));
    expect(cy.messages.getSnapshot().messages[1]).toMatchObject({ replyTo: one.seq, data: { n: [1, null] } });
  });

  it('refuses what is not allowed, with the reason', async () => {
    const [ann] = await enter('ann');
    const [bo] = await enter('bo', {
      getToken: () => token('bo', { caps: { [name]: ['join', 'history'] } }),
    });
    const { seq = 0 } = await ann.send({ text: 'mine' });
    await expect(bo.send({ text: 'no' })).rejects.toMatchObject({ code: 'forbidden' });
    expect(bo.messages.getSnapshot().messages.at(-1)).toMatchObject({ text: 'no', state: 'failed' });
    const [cy] = await enter('cy');
    await expect(cy.edit(seq, { text: 'theirs' })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(cy.react(seq + 1000, 'x')).rejects.toMatchObject({ code: 'not_found' });
    await ann.delete(seq);
    await expect(ann.edit(seq, { text: 'again' })).rejects.toMatchObject({ code: 'conflict' });
    const closed = client({ url: hub.url, getToken: () => token('di', { caps: { other: ['*'] } }) });
    closed.connect();
    await expect(closed.room(name).join()).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('shows who is here, who types, and what is broadcast', async () => {
    const [ann, annHub] = await enter('ann', {}, { presence: true });
    const [bo, boHub] = await enter(
      'bo',
      { getToken: () => token('bo', { name: 'Bo' }) },
      { presence: true },
    );
    await until(ann.presence, (p) => p.count === 2);
    expect(ann.presence.getSnapshot().members).toMatchObject([{ user: 'ann' }, { user: 'bo', name: 'Bo' }]);
    expect((await bo.members()).count).toBe(2);
    bo.typing.keystroke();
    await until(ann.typing.users, (u) => u.length === 1);
    expect(ann.typing.users.getSnapshot()).toEqual([{ user: 'bo', name: 'Bo' }]);
    bo.typing.stop();
    await until(ann.typing.users, (u) => u.length === 0);
    const heard = next(ann, 'broadcast');
    await bo.broadcast({ cursor: 7 });
    expect(await heard).toEqual({ user: 'bo', name: 'Bo', data: { cursor: 7 } });
    boHub.close();
    await until(ann.presence, (p) => p.count === 1);
    expect(await annHub.positions([name, 'nobody-was-here'])).toMatchObject({ [name]: { seq: 0 } });
  });

  it('reads back and forth through a long room, as it stands now', async () => {
    const [ann] = await enter('ann', {}, { history: 20 });
    const seqs: number[] = [];
    for (let i = 0; i < 300; i++) void ann.send({ text: `m${i}` }).then((m) => seqs.push(m.seq ?? 0));
    await until(ann.outbox, (o) => o.length === 0);
    await ann.edit(seqs[10] ?? 0, { text: 'changed later' });
    await ann.react(seqs[100] ?? 0, '👍');
    const [bo] = await enter('bo', {}, { history: 20 });
    expect((await bo.jumpTo(seqs[10] ?? 0))?.text).toBe('changed later');
    expect(bo.messages.getSnapshot()).toMatchObject({ live: false, hasNewer: true });
    const before = bo.messages.getSnapshot().messages;
    expect((await bo.jumpTo(seqs[10] ?? 0))?.text).toBe('changed later');
    expect(bo.messages.getSnapshot().messages).toBe(before);
    while (bo.messages.getSnapshot().hasNewer) await bo.loadNewer(50);
    while (bo.messages.getSnapshot().hasOlder) await bo.loadOlder(50);
    const { messages, live } = bo.messages.getSnapshot();
    expect(live).toBe(true);
    expect(messages.map((m) => m.seq)).toEqual(seqs);
    expect(messages.map((m) => m.text)).toEqual(seqs.map((_, i) => (i === 10 ? 'changed later' : `m${i}`)));
    expect(messages[100]?.reactions).toEqual([{ emoji: '👍', users: ['ann'] }]);
    const after = await ann.send({ text: 'after' });
    await until(bo.messages, (l) => l.messages.at(-1)?.seq === after.seq);
  });
});

describe('a connection that breaks', () => {
  it('misses nothing, however much there was, and has nothing twice', async () => {
    const [ann] = await enter('ann');
    const [bo, boHub] = await enter('bo', { url: network.url });
    const heard: string[] = [];
    bo.on('message', (m) => heard.push(m.text));
    const told: string[] = [];
    bo.on('gap', () => told.push('gap'));
    bo.on('reset', () => told.push('reset'));
    await ann.send({ text: '0' });
    await until(bo.messages, (l) => l.messages.length === 1);
    boHub.disconnect();
    network.cut();
    // More than the hub gives in one answer.
    for (let i = 1; i <= 700; i++) void ann.send({ text: `${i}` });
    await until(ann.outbox, (o) => o.length === 0);
    boHub.connect();
    for (let i = 701; i <= 800; i++) {
      void ann.send({ text: `${i}` });
      if (i % 20 === 0) {
        await until(boHub.status, (s) => s.state === 'connected');
        network.cut();
      }
    }
    await until(ann.outbox, (o) => o.length === 0);
    await vi.waitFor(() => expect(heard.length).toBeGreaterThanOrEqual(801), 15_000);
    expect(heard).toEqual(Array.from({ length: 801 }, (_, i) => `${i}`));
    expect(texts(bo).slice(-801)).toEqual(heard);
    expect(told).toEqual([]);
  });

  it('is found to be dead after sleep, within 2 s', async () => {
    const page = new EventTarget();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    const [, bo] = await enter('bo', { url: network.url });
    network.stalled = true;
    page.dispatchEvent(new Event('online'));
    await until(bo.status, (s) => s.state === 'disconnected');
    network.stalled = false;
    await until(bo.status, (s) => s.state === 'connected');
    bo.close();
    vi.unstubAllGlobals();
  });
});

describe('a hub that is killed', () => {
  it('has each message once and in order, whatever moment it was', async () => {
    const [ann, annHub] = await enter('ann');
    const [bo] = await enter('bo');
    const heard: string[] = [];
    bo.on('message', (m) => heard.push(m.text));
    let sent = 0;
    const all: Promise<Message>[] = [];
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 40; i++) all.push(ann.send({ text: `${sent++}` }));
      // In the middle of the queue: some are acknowledged, one is on its way, the rest waits.
      await until(ann.outbox, (o) => o.length <= 40 - 10 * (round + 1) + 5);
      await hub.stop('SIGKILL');
      all.push(ann.send({ text: `${sent++}` }));
      await until(annHub.status, (s) => s.state === 'disconnected');
      await hub.start();
    }
    const acked = await Promise.all(all);
    const expected = Array.from({ length: sent }, (_, i) => `${i}`);
    const stored = await log(ann);
    expect(stored.map((e) => e.event.text)).toEqual(expected);
    expect(acked.map((m) => m.seq)).toEqual(stored.map((e) => e.seq));
    await vi.waitFor(() => expect(heard).toEqual(expected), 10_000);
    expect(ann.messages.getSnapshot().messages.every((m) => m.state === 'sent')).toBe(true);
  });

  it('and goes down in order is come back to', async () => {
    const [ann, annHub] = await enter('ann');
    await ann.send({ text: 'before' });
    const away = next(annHub, 'disconnected');
    await hub.stop('SIGTERM');
    expect((await away).retryAt).toBeDefined();
    const sent = ann.send({ text: 'after' });
    await hub.start();
    await sent;
    expect(texts(ann)).toEqual(['before', 'after']);
  });

  it('and has lost its log says so, and what may have been lost is not sent again', async () => {
    const lost = await RealHub.withTokens();
    const way = await Network.to(lost);
    const [ann, annHub] = await enter('ann', { url: way.url });
    await ann.send({ text: 'before' });
    way.deaf = true;
    const doubtful = ann.send({ text: 'doubtful' });
    await until(ann.outbox, (o) => o[0]?.state === 'sending');
    const told = next(ann, 'reset');
    await lost.stop('SIGKILL');
    await until(annHub.status, (s) => s.state === 'disconnected');
    way.deaf = false;
    await lost.start('other-data');
    expect(await told).toMatchObject({ reason: 'epoch' });
    await expect(doubtful).rejects.toMatchObject({ code: 'unknown_outcome' });
    const { seq } = await ann.send({ text: 'anew' });
    expect(seq).toBeDefined();
    await until(ann.messages, (l) => l.messages[0]?.text === 'anew');
    expect(shown(ann)).toMatchObject([
      { text: 'anew', state: 'sent' },
      { text: 'doubtful', state: 'failed' },
    ]);
    closeClients();
    await way.end();
    await lost.end();
  });
});

describe('a page that is closed with something unsent', () => {
  const persist = () => ({ persist: name, url: network.url });

  it('sends it once it is opened again', async () => {
    const [first, firstHub] = await enter('ann', persist());
    firstHub.disconnect();
    void first.send({ text: 'one' });
    void first.send({ text: 'two' });
    await vi.waitFor(async () => expect(await kept(`hubbub-${name}`)).toHaveLength(2));
    firstHub.close();
    const [again] = await enter('ann', persist());
    await until(
      again.messages,
      (l) => l.messages.length === 2 && l.messages.every((m) => m.state === 'sent'),
    );
    expect((await log(again)).map((e) => e.event.text)).toEqual(['one', 'two']);
  });

  it('sends nothing twice, also when the hub has forgotten the ids', async () => {
    const [first, firstHub] = await enter('ann', persist());
    await first.send({ text: 'before' });
    // The message gets there; that it did is never heard.
    network.deaf = true;
    void first.send({ text: 'sent' });
    void first.send({ text: 'waiting' });
    const [bo] = await enter('bo');
    await until(bo.messages, (l) => l.messages.some((m) => m.text === 'sent'));
    firstHub.close();
    network.cut();
    network.deaf = false;
    const [id] = (await log(bo)).filter((e) => e.event.text === 'sent').map((e) => e.event.id ?? '');
    await forgotten();
    const [again] = await enter('ann', persist());
    await until(
      again.messages,
      (l) => l.messages.length === 3 && l.messages.every((m) => m.state === 'sent'),
    );
    await until(again.outbox, (o) => o.length === 0);
    const stored = await log(again);
    expect(stored.map((e) => e.event.text)).toEqual(['before', 'sent', 'waiting']);
    expect(stored[1]?.event.id).toBe(id);
    expect(again.messages.getSnapshot().messages[1]?.key).toBe(id);
  });

  it('is the same guest when it is opened again', async () => {
    const guest = { ...persist(), getToken: () => null, guestName: 'Gus' };
    const [, first] = await enter('', guest);
    const { id, name: shownName } = first.user.getSnapshot() ?? { id: '', name: '' };
    expect(shownName).toBe('Gus');
    first.close();
    const [, second] = await enter('', guest);
    expect(second.user.getSnapshot()).toEqual({ id, name: 'Gus', guest: true });
    second.setName('Gustav');
    await until(second.user, (u) => u?.name === 'Gustav');
    expect(second.user.getSnapshot()?.id).toBe(id);
  });

  it('stays in its rooms under another name', async () => {
    const [gus, guest] = await enter('', { getToken: () => null, guestName: 'Gus' });
    const [room] = await enter('watcher', {}, { presence: true });
    guest.setName('Gustav');
    await until(room.presence, (p) => p.members.some((m) => m.name === 'Gustav'));
    expect(room.presence.getSnapshot().count).toBe(2);
    await room.send({ text: 'do you hear me?' });
    await until(gus.messages, (l) => l.messages.some((m) => m.text === 'do you hear me?'));
  });

  /** Waits until the hub's memory of ids has passed: a repeat of one is a second event. */
  async function forgotten(): Promise<void> {
    const publish = async () => {
      const response = await fetch(`${hub.url}/sse`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token('clock')}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          type: 'publish',
          id: 1,
          room: `${name}-clock`,
          event: { id: 'tick', text: 'tick' },
        }),
      });
      return (await response.json()) as { duplicate?: boolean };
    };
    await publish();
    await vi.waitFor(async () => expect((await publish()).duplicate).toBeUndefined(), {
      timeout: 15_000,
      interval: 300,
    });
  }
});

describe('tokens', () => {
  it('are replaced on the live connection, before they run out', async () => {
    const reasons: string[] = [];
    const [ann, annHub] = await enter('ann', {
      getToken: ({ reason }) => {
        reasons.push(reason);
        return token('ann', { ttl: 2 });
      },
    });
    const states: string[] = [];
    annHub.status.subscribe((s) => states.push(s.state));
    // Longer than the first token and its grace: 3 s.
    await vi.waitFor(() => expect(reasons.length).toBeGreaterThanOrEqual(5), 12_000);
    expect(reasons[0]).toBe('connect');
    expect(new Set(reasons.slice(1))).toEqual(new Set(['expiring']));
    expect(states).toEqual(['connected']);
    await ann.send({ text: 'still here' });
  });

  it('that have run out are followed by new ones', async () => {
    let asked = 0;
    const [ann, annHub] = await enter('ann', {
      getToken: ({ reason }) => {
        asked++;
        if (reason === 'expiring') throw new Error('the sign-in server is down');
        return token('ann', { ttl: asked === 1 ? 2 : 600 });
      },
    });
    expect(await next(annHub, 'error')).toBeInstanceOf(HubbubError);
    expect(await next(annHub, 'disconnected')).toMatchObject({ code: 3003 });
    await next(annHub, 'connected');
    await ann.send({ text: 'back' });
  });

  it('that shrink take one out of rooms, with the reason', async () => {
    let caps: Record<string, string[]> = { '*': ['*'] };
    const [ann] = await enter('ann', { getToken: () => token('ann', { ttl: 2, caps }) });
    caps = { other: ['*'] };
    expect(await next(ann, 'left')).toMatchObject({ code: 'forbidden' });
    expect(ann.messages.getSnapshot()).toMatchObject({ status: 'left', error: { code: 'forbidden' } });
  });

  it('that are wrong end the connection, with the reason', async () => {
    const c = client({ url: hub.url, getToken: () => `${token('ann')}x` });
    c.connect();
    const status = await until(
      c.status,
      (s) => s.state === 'disconnected' && s.retryAt === undefined && s.code !== undefined,
    );
    expect(status.code).toBe('unauthorized');
    expect(status.reason).toMatch(/token/);
  });
});
