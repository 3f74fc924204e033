import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Hubbub, HubbubOptions, Message, Room, StoredEvent } from '../src/index.js';
import type { HistoryFrame } from '../src/wire.js';
import { kept } from './kept.js';
import { type Peer, ScriptedHub } from './scripted-hub.js';
import { client, closeClients, message, next, texts, until } from './support.js';

let server: ScriptedHub;
let hub: Hubbub;
let room: Room;
let peer: Peer;

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  server = await ScriptedHub.start();
});

afterEach(async () => {
  vi.useRealTimers();
  closeClients();
  await server.stop();
});

/** Opens a client and lets it in. */
async function open(options: HubbubOptions = {}, user = 'ann'): Promise<void> {
  hub = client({ url: server.url, getToken: () => tokenOf(user), ...options });
  room = hub.room('r');
  hub.connect();
  await welcome(user);
}

async function welcome(user = 'ann'): Promise<void> {
  peer = await server.welcome(user);
  await until(hub.status, (s) => s.state === 'connected');
}

/** A token in form, as an application's back end makes them. */
function tokenOf(sub: string): string {
  return `e30.${btoa(JSON.stringify({ sub }))}.c2ln`;
}

async function joinAt(seq: number, events: StoredEvent[] = []): Promise<void> {
  const done = room.join({ history: 10 });
  peer.reply(await peer.take('join'), { type: 'joined', room: 'r', epoch: 'e1', seq, live: true, events });
  await done;
}

/** Comes back after a break; the room resumes, and nothing was missed. */
async function comeBack(seq: number, events: StoredEvent[] = []): Promise<void> {
  peer.cut();
  await next(hub, 'disconnected');
  await welcome();
  peer.reply(await peer.take('join'), { type: 'joined', room: 'r', epoch: 'e1', seq, live: true, events });
}

/** Answers the look whether an entry arrived. The page begins with the event at the asked position. */
async function showHistory(
  after: number,
  events: StoredEvent[],
  more: Partial<HistoryFrame> = {},
): Promise<void> {
  const command = await peer.take('history');
  expect(command.after).toBe(after);
  peer.reply(command, {
    type: 'history',
    room: 'r',
    epoch: 'e1',
    events,
    more_before: after > 0,
    more_after: false,
    ...more,
  });
}

async function ack(seq: number, text?: string, more: { duplicate?: boolean } = {}): Promise<string> {
  const command = await peer.take('publish');
  if (text !== undefined) expect(command.event.text).toBe(text);
  peer.reply(command, { type: 'ack', room: 'r', epoch: 'e1', seq, ...more });
  return command.event.id ?? '';
}

function mine(seq: number, text: string, id: string): StoredEvent {
  return message(seq, text, { user: 'ann', id });
}

function rows(): Pick<Message, 'text' | 'state' | 'seq'>[] {
  return room.messages.getSnapshot().messages.map(({ text, state, seq }) => ({ text, state, seq }));
}

describe('sending', () => {
  it('shows the message at once, and it stays the same row from pending to sent', async () => {
    await open();
    await joinAt(4);
    hub.disconnect();
    const sent = room.send({ text: 'hi', data: { a: 1 }, replyTo: 3 });
    const pending = room.messages.getSnapshot().messages[0];
    expect(pending).toMatchObject({
      text: 'hi',
      data: { a: 1 },
      replyTo: 3,
      user: 'ann',
      own: true,
      state: 'pending',
    });
    hub.connect();
    await welcome();
    peer.reply(await peer.take('join'), {
      type: 'joined',
      room: 'r',
      epoch: 'e1',
      seq: 4,
      live: true,
      events: [],
    });
    const command = await peer.take('publish');
    expect(command.event).toEqual({
      kind: 'message',
      id: pending?.key,
      text: 'hi',
      data: { a: 1 },
      reply_to: 3,
    });
    expect(rows()).toEqual([{ text: 'hi', state: 'sending', seq: undefined }]);
    peer.reply(command, { type: 'ack', room: 'r', epoch: 'e1', seq: 6 });
    expect(await sent).toMatchObject({ key: pending?.key, seq: 6, state: 'sent', text: 'hi' });
    expect(rows()).toEqual([{ text: 'hi', state: 'sent', seq: 6 }]);
    // What others wrote before it arrives before it.
    peer.send({ type: 'event', room: 'r', ...message(5, 'first') });
    peer.send({ type: 'event', room: 'r', ...mine(6, 'hi', pending?.key ?? '') });
    await until(room.messages, (l) => l.messages.length === 2 && l.messages[1]?.at === 6);
    expect(texts(room)).toEqual(['first', 'hi']);
    expect(room.messages.getSnapshot().messages[1]?.key).toBe(pending?.key);
    expect(room.outbox.getSnapshot()).toEqual([]);
  });

  it('shows one row when the event comes before the ack, and takes the ack alone for safe', async () => {
    await open();
    await joinAt(0);
    let safe = false;
    const sent = room.send({ text: 'hi' }).then((m) => {
      safe = true;
      return m;
    });
    const command = await peer.take('publish');
    peer.send({ type: 'event', room: 'r', ...mine(1, 'hi', command.event.id ?? '') });
    await next(room, 'message');
    expect(rows()).toEqual([{ text: 'hi', state: 'sent', seq: 1 }]);
    expect(safe).toBe(false);
    expect(room.outbox.getSnapshot()).toMatchObject([{ state: 'sending' }]);
    peer.reply(command, { type: 'ack', room: 'r', epoch: 'e1', seq: 1 });
    expect(await sent).toMatchObject({ seq: 1, key: command.event.id });
    expect(rows()).toEqual([{ text: 'hi', state: 'sent', seq: 1 }]);
  });

  it('goes in order, one at a time in a room, and rooms do not wait for each other', async () => {
    await open();
    await joinAt(0);
    for (const text of ['a', 'b', 'c']) void room.send({ text });
    const first = await peer.take('publish');
    const other = hub.room('s').send({ text: 'elsewhere' });
    const position = await peer.take('positions');
    expect(position.rooms).toEqual(['s']);
    peer.reply(position, { type: 'positions', positions: { s: { epoch: 'e1', seq: 9 } } });
    const elsewhere = await peer.take('publish');
    expect(elsewhere.room).toBe('s');
    expect(peer.waiting).toBe(0);
    peer.reply(elsewhere, { type: 'ack', room: 's', epoch: 'e1', seq: 10 });
    expect((await other).seq).toBe(10);
    expect(first.event.text).toBe('a');
    peer.reply(first, { type: 'ack', room: 'r', epoch: 'e1', seq: 1 });
    await ack(2, 'b');
    await ack(3, 'c');
  });

  it('takes "it was stored before" for success', async () => {
    await open();
    await joinAt(0);
    const sent = room.react(7, '👍');
    await ack(3, undefined, { duplicate: true });
    expect(await sent).toEqual({ seq: 3, duplicate: true });
  });

  it('carries each kind of command', async () => {
    await open();
    await joinAt(0);
    void room.edit(5, { text: 'new' });
    void room.delete(5);
    void room.react(5, 'a');
    void room.unreact(5, 'a');
    void room.custom('move', { to: 'e4' }, { replyTo: 5 });
    expect(room.outbox.getSnapshot().map((i) => i.kind)).toEqual([
      'edit',
      'delete',
      'react',
      'unreact',
      'custom',
    ]);
    expect(texts(room)).toEqual([]);
    const events = [];
    for (let seq = 1; seq <= 5; seq++) {
      const command = await peer.take('publish');
      const { id, ...event } = command.event;
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
      events.push(event);
      peer.reply(command, { type: 'ack', room: 'r', epoch: 'e1', seq });
    }
    expect(events).toEqual([
      { kind: 'edit', target: 5, text: 'new' },
      { kind: 'delete', target: 5 },
      { kind: 'react', target: 5, emoji: 'a' },
      { kind: 'unreact', target: 5, emoji: 'a' },
      { kind: 'custom', type: 'move', data: { to: 'e4' }, reply_to: 5 },
    ]);
  });

  it.each([
    ['nothing', {}, 'bad_request'],
    ['blanks', { text: ' \n' }, 'bad_request'],
    ['too much text', { text: 'ü'.repeat(8193) }, 'too_large'],
    ['too much data', { data: 'x'.repeat(32 << 10) }, 'too_large'],
    ['an answer to nothing', { text: 'x', replyTo: 0 }, 'bad_request'],
  ])('refuses at once: %s', async (_, content, code) => {
    await open();
    await expect(room.send(content)).rejects.toMatchObject({ code });
    expect(room.outbox.getSnapshot()).toEqual([]);
  });

  it('is bounded', async () => {
    hub = client({ url: server.url });
    for (let i = 0; i < 1000; i++) void hub.room(`r${i % 7}`).send({ text: `${i}` });
    await expect(hub.room('r').send({ text: 'one more' })).rejects.toMatchObject({ code: 'limit_reached' });
  });
});

describe('a refusal', () => {
  it('fails the message, and the queue goes on', async () => {
    await open();
    await joinAt(0);
    const refused = room.send({ text: 'bad' });
    const good = room.send({ text: 'good' });
    peer.refuse(await peer.take('publish'), 'forbidden', {
      message: 'the grants do not cover "publish" in this room',
    });
    await expect(refused).rejects.toMatchObject({ code: 'forbidden' });
    const id = await ack(1, 'good');
    await good;
    peer.send({ type: 'event', room: 'r', ...mine(1, 'good', id) });
    await next(room, 'message');
    expect(rows()).toMatchObject([
      { text: 'good', state: 'sent' },
      { text: 'bad', state: 'failed' },
    ]);
    expect(room.messages.getSnapshot().messages[1]?.error).toMatchObject({ code: 'forbidden' });
  });

  it('can be tried again, or dropped', async () => {
    await open();
    await joinAt(0);
    for (const text of ['one', 'two']) void room.send({ text });
    peer.refuse(await peer.take('publish'), 'forbidden');
    peer.refuse(await peer.take('publish'), 'forbidden');
    await until(room.messages, (l) => l.messages.every((m) => m.state === 'failed'));
    const [one, two] = room.messages.getSnapshot().messages;
    room.retry(one?.key ?? '');
    expect(await ack(1, 'one')).toBe(one?.key);
    expect(room.discard(two?.key ?? '')).toBe(true);
    expect(room.discard(two?.key ?? '')).toBe(false);
    await until(room.outbox, (o) => o.length === 0);
    expect(peer.waiting).toBe(0);
  });

  it('because of the rate is followed by the same again, after the time that the hub asks for', async () => {
    await open();
    await joinAt(0);
    const sent = room.send({ text: 'hi' });
    const first = await peer.take('publish');
    const before = Date.now();
    peer.refuse(first, 'rate_limited', { retry_after_ms: 250 });
    const id = await ack(1, 'hi');
    expect(id).toBe(first.event.id);
    expect(Date.now() - before).toBeGreaterThanOrEqual(245);
    await sent;
  });

  it('because of the token is followed by a new token and the same again', async () => {
    await open();
    await joinAt(0);
    void room.send({ text: 'hi' });
    peer.refuse(await peer.take('publish'), 'token_expired');
    const refresh = await peer.take('refresh');
    peer.reply(refresh, { type: 'refreshed' });
    await ack(1, 'hi');
  });

  it('cannot be discarded while it is being sent', async () => {
    await open();
    await joinAt(0);
    const sent = room.send({ text: 'hi' });
    const command = await peer.take('publish');
    expect(room.discard(command.event.id ?? '')).toBe(false);
    peer.reply(command, { type: 'ack', room: 'r', epoch: 'e1', seq: 1 });
    await sent;
  });
});

describe('an outcome that is not known', () => {
  it('is read from where the room stood; what had arrived is not sent again', async () => {
    await open();
    await joinAt(4, [message(4, 'four')]);
    const sent = room.send({ text: 'hi' });
    const command = await peer.take('publish');
    await comeBack(4);
    await showHistory(3, [message(4, 'four'), message(5, 'five')], { more_after: true });
    await showHistory(5, [mine(6, 'hi', command.event.id ?? ''), message(7, 'seven')]);
    expect(await sent).toMatchObject({ seq: 6, state: 'sent' });
    void room.send({ text: 'next' });
    await ack(8, 'next');
  });

  it('is told by the events that were missed, and then nothing more is read', async () => {
    await open();
    await joinAt(4);
    const sent = room.send({ text: 'hi' });
    const command = await peer.take('publish');
    await comeBack(5, [mine(5, 'hi', command.event.id ?? '')]);
    expect(await sent).toMatchObject({ seq: 5 });
    expect(rows()).toEqual([{ text: 'hi', state: 'sent', seq: 5 }]);
  });

  it('that is "not arrived" is followed by the same again, in order', async () => {
    await open();
    await joinAt(4);
    const first = room.send({ text: 'one' });
    const second = room.send({ text: 'two' });
    const command = await peer.take('publish');
    await comeBack(4);
    expect(rows().map((r) => r.state)).toEqual(['pending', 'pending']);
    await showHistory(3, [message(4, 'four')]);
    expect(await ack(5, 'one')).toBe(command.event.id);
    await ack(6, 'two');
    expect((await first).seq).toBe(5);
    expect((await second).seq).toBe(6);
  });

  it.each([
    ['trimmed', [message(90, 'later')], {}],
    ['reset', [message(4, 'four')], { epoch: 'e2' }],
    ['emptied', [], {}],
  ])(
    'and cannot be found out (%s) fails, is never sent again by itself, and holds up nobody',
    async (_, events, more) => {
      await open();
      await joinAt(4);
      const lost = room.send({ text: 'lost' });
      const good = room.send({ text: 'good' });
      await peer.take('publish');
      await comeBack(4);
      await showHistory(3, events, more);
      await expect(lost).rejects.toMatchObject({
        code: 'unknown_outcome',
        message: /not known whether this was sent/,
      });
      await ack(91, 'good');
      await good;
      expect(rows().find((r) => r.text === 'lost')).toMatchObject({ state: 'failed' });
      room.retry(room.outbox.getSnapshot()[0]?.key ?? '');
      await ack(92, 'lost');
    },
  );

  it('in a room that was empty is known as long as the room is whole', async () => {
    await open();
    await joinAt(0);
    const sent = room.send({ text: 'hi' });
    const command = await peer.take('publish');
    await comeBack(0);
    await showHistory(0, [mine(2, 'hi', command.event.id ?? '')]);
    expect((await sent).seq).toBe(2);
    const lost = room.send({ text: 'lost' });
    await peer.take('publish');
    await comeBack(2);
    await showHistory(1, [message(5, 'x')], { more_before: true });
    await expect(lost).rejects.toMatchObject({ code: 'unknown_outcome' });
  });

  it('is looked up by the room’s own epoch, also by a client that began at its beginning', async () => {
    await open();
    const done = room.join({ since: { epoch: '', seq: 0 } });
    const join = await peer.take('join');
    expect(room.position).toBeNull();
    peer.reply(join, {
      type: 'joined',
      room: 'r',
      epoch: 'e1',
      seq: 4,
      live: true,
      events: [message(4, 'four')],
    });
    await done;
    expect(room.position).toEqual({ epoch: 'e1', seq: 4 });
    const sent = room.send({ text: 'hi' });
    const command = await peer.take('publish');
    await comeBack(4);
    await showHistory(3, [message(4, 'four'), mine(5, 'hi', command.event.id ?? '')]);
    expect((await sent).seq).toBe(5);
  });

  it('resolves itself when the message is met after all', async () => {
    await open();
    await joinAt(4);
    void room.send({ text: 'lost' });
    const command = await peer.take('publish');
    await comeBack(4);
    await showHistory(3, [message(90, 'later')]);
    await until(room.outbox, (o) => o[0]?.state === 'failed');
    peer.send({ type: 'event', room: 'r', ...mine(91, 'lost', command.event.id ?? '') });
    await until(room.outbox, (o) => o.length === 0);
    expect(rows()).toEqual([{ text: 'lost', state: 'sent', seq: 91 }]);
  });

  it.each(['unavailable', 'internal'])('after %s is looked up too before it is sent again', async (code) => {
    await open();
    await joinAt(4);
    const sent = room.send({ text: 'hi' });
    const command = await peer.take('publish');
    peer.refuse(command, code);
    peer.refuse(await peer.take('history'), 'unavailable', { retry_after_ms: 10 });
    await showHistory(3, [message(4, 'four')]);
    expect(await ack(5, 'hi')).toBe(command.event.id);
    await sent;
  });

  it('is not looked up for what was never sent', async () => {
    await open();
    await joinAt(4);
    peer.cut();
    await next(hub, 'disconnected');
    const sent = room.send({ text: 'hi' });
    await welcome();
    const join = await peer.take('join');
    peer.reply(join, { type: 'joined', room: 'r', epoch: 'e1', seq: 4, live: true, events: [] });
    await ack(5, 'hi');
    await sent;
  });

  it('in a room that may not be read fails', async () => {
    await open();
    const sent = room.send({ text: 'hi' });
    peer.reply(await peer.take('positions'), { type: 'positions', positions: {} });
    await peer.take('publish');
    peer.cut();
    await next(hub, 'disconnected');
    await welcome();
    await expect(sent).rejects.toMatchObject({ code: 'unknown_outcome' });
    expect(peer.waiting).toBe(0);
  });

  it('is found out when no answer comes', async () => {
    await open();
    await joinAt(4);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const sent = room.send({ text: 'hi' });
    const command = await peer.take('publish');
    vi.advanceTimersByTime(20_000);
    vi.useRealTimers();
    await until(room.outbox, (o) => o[0]?.state === 'pending');
    await showHistory(3, [message(4, 'four'), mine(5, 'hi', command.event.id ?? '')]);
    expect((await sent).seq).toBe(5);
  });
});

describe('kept through a reload', () => {
  const persist = { persist: true };

  it('what was not sent is sent, in order', async () => {
    await open(persist);
    await joinAt(4);
    hub.disconnect();
    for (const text of ['one', 'two', 'three']) void room.send({ text });
    const keys = room.outbox.getSnapshot().map((i) => i.key);
    await keptAre(3);
    hub.close();
    await open(persist);
    await until(room.outbox, (o) => o.length === 3);
    expect(rows().map((r) => r.text)).toEqual(['one', 'two', 'three']);
    peer.reply(await peer.take('positions'), {
      type: 'positions',
      positions: { r: { epoch: 'e1', seq: 4 } },
    });
    expect(await ack(5, 'one')).toBe(keys[0]);
    expect(await ack(6, 'two')).toBe(keys[1]);
    expect(await ack(7, 'three')).toBe(keys[2]);
    await keptAre(0);
  });

  it('what was sent and has no ack is looked up from where the room stood then', async () => {
    await open(persist);
    await joinAt(4, [message(4, 'four')]);
    void room.send({ text: 'arrived' });
    const arrived = await peer.take('publish');
    hub.close();
    await open(persist);
    const look = await peer.take('history');
    expect(look.after).toBe(3);
    peer.reply(look, {
      type: 'history',
      room: 'r',
      epoch: 'e1',
      events: [message(4, 'four'), mine(5, 'arrived', arrived.event.id ?? '')],
      more_before: true,
      more_after: false,
    });
    await until(room.outbox, (o) => o.length === 0);
    await keptAre(0);
    expect(peer.waiting).toBe(0);
  });

  it('is not overtaken by what is written later, not even after a burst', async () => {
    await open(persist);
    await joinAt(4);
    hub.disconnect();
    for (let i = 0; i < 200; i++) void room.send({ text: `${i}` });
    hub.close();
    hub = client({ url: server.url, getToken: () => tokenOf('ann'), ...persist });
    room = hub.room('r');
    void room.send({ text: 'later' });
    hub.connect();
    await welcome();
    peer.reply(await peer.take('positions'), { type: 'positions', positions: {} });
    for (let i = 0; i < 200; i++) await ack(5 + i, `${i}`);
    await ack(205, 'later');
  });

  it('what is written in the moment in which the page is closed', async () => {
    await open(persist);
    await joinAt(4);
    hub.disconnect();
    void room.send({ text: 'last words' });
    hub.close();
    await open(persist);
    await until(room.outbox, (o) => o.length === 1);
    expect(rows()).toMatchObject([{ text: 'last words', state: 'pending' }]);
    peer.reply(await peer.take('positions'), { type: 'positions', positions: {} });
    await ack(5, 'last words');
  });

  it('where the room stands is kept before anything is sent', async () => {
    await open(persist);
    await joinAt(4);
    void room.send({ text: 'one' });
    void room.send({ text: 'two' });
    const one = await peer.take('publish');
    await vi.waitFor(async () => expect(await kept('hubbub')).toHaveLength(2));
    expect((await kept('hubbub')).filter((k) => k.sent)).toMatchObject([{ key: one.event.id }]);
    peer.reply(one, { type: 'ack', room: 'r', epoch: 'e1', seq: 7 });
    const two = await peer.take('publish');
    const [record] = (await kept('hubbub')).filter((k) => k.key === two.event.id);
    expect(record).toMatchObject({ sent: true, position: { epoch: 'e1', seq: 7 } });
  });

  it('a failed message stays to be decided on', async () => {
    await open(persist);
    await joinAt(0);
    void room.send({ text: 'bad' });
    peer.refuse(await peer.take('publish'), 'forbidden', { message: 'no' });
    await until(room.outbox, (o) => o[0]?.state === 'failed');
    await vi.waitFor(async () => expect((await kept('hubbub'))[0]?.failed).toBeDefined());
    hub.close();
    await open(persist);
    await until(room.outbox, (o) => o.length === 1);
    expect(room.messages.getSnapshot().messages).toMatchObject([
      { text: 'bad', state: 'failed', error: { code: 'forbidden' } },
    ]);
    expect(room.discard(room.outbox.getSnapshot()[0]?.key ?? '')).toBe(true);
    await keptAre(0);
  });

  it('shows what waits before there is a connection', async () => {
    await open(persist);
    hub.disconnect();
    void room.send({ text: 'offline' });
    await keptAre(1);
    hub.close();
    hub = client({ url: server.url, getToken: () => tokenOf('ann'), ...persist });
    room = hub.room('r');
    hub.connect();
    await server.peer(); // that never answers
    await until(room.outbox, (o) => o.length === 1);
    expect(hub.status.getSnapshot().state).toBe('connecting');
    expect(rows()).toMatchObject([{ text: 'offline', state: 'pending' }]);
  });

  it('is never sent as somebody else', async () => {
    await open(persist);
    hub.disconnect();
    void room.send({ text: 'from ann' });
    await keptAre(1);
    hub.close();
    await open(persist, 'bo');
    const sent = room.send({ text: 'from bo' });
    peer.reply(await peer.take('positions'), { type: 'positions', positions: {} });
    await ack(1, 'from bo');
    await sent;
    expect(rows()).toEqual([]);
    await keptAre(1);
    hub.close();
    await open(persist, 'ann');
    peer.reply(await peer.take('positions'), { type: 'positions', positions: {} });
    await ack(2, 'from ann');
    await keptAre(0);
  });

  it('what another user wrote in this page fails, and says why', async () => {
    let user = 'ann';
    await open({ getToken: () => tokenOf(user) });
    hub.disconnect();
    const sent = room.send({ text: 'from ann' });
    user = 'bo';
    hub.connect();
    await welcome('bo');
    await expect(sent).rejects.toMatchObject({ code: 'other_user', message: /as ann/ });
  });

  it('keeps a guest the same one', async () => {
    const guest = { persist: 'guests', getToken: () => null };
    hub = client({ url: server.url, ...guest });
    hub.connect();
    await server.welcome('guest-7', { token: 'mine' } as never);
    await next(hub, 'connected');
    await vi.waitFor(async () => expect((await kept('hubbub-guests', 'guests'))[0]?.token).toBe('mine'));
    hub.close();
    hub = client({ url: server.url, ...guest });
    hub.connect();
    expect((await (await server.peer()).take('connect')).token).toBe('mine');
  });

  it('goes on without storage where the browser refuses it, and says so', async () => {
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('not in private windows', 'SecurityError');
    });
    hub = client({ url: server.url, getToken: () => tokenOf('ann'), ...persist });
    room = hub.room('r');
    const told = next(hub, 'error');
    hub.connect();
    await welcome();
    expect(await told).toMatchObject({ code: 'no_storage' });
    await joinAt(0);
    const sent = room.send({ text: 'hi' });
    await ack(1, 'hi');
    await sent;
  });

  async function keptAre(n: number): Promise<void> {
    await vi.waitFor(async () => expect(await kept('hubbub')).toHaveLength(n));
  }
});
