import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Hubbub, Room, StoredEvent } from '../src/index.js';
import type { JoinedFrame } from '../src/wire.js';
import { type Peer, ScriptedHub } from './scripted-hub.js';
import { client, closeClients, edit, message, next, texts, until } from './support.js';

let server: ScriptedHub;
let hub: Hubbub;
let room: Room;
let peer: Peer;

beforeEach(async () => {
  server = await ScriptedHub.start();
  hub = client({ url: server.url });
  room = hub.room('r');
  hub.connect();
  peer = await server.welcome('ann');
  await until(hub.status, (s) => s.state === 'connected');
});

afterEach(async () => {
  vi.useRealTimers();
  closeClients();
  await server.stop();
});

function joined(events: StoredEvent[], more: Partial<JoinedFrame> = {}): JoinedFrame {
  return {
    type: 'joined',
    room: 'r',
    epoch: 'e1',
    seq: events.at(-1)?.seq ?? 0,
    live: true,
    events,
    ...more,
  };
}

function push(stored: StoredEvent) {
  return { type: 'event' as const, room: 'r', ...stored };
}

/** Joins, with these events as the newest ones. */
async function join(events: StoredEvent[], more: Partial<JoinedFrame> = {}): Promise<void> {
  const done = room.join({ history: 10 });
  peer.reply(await peer.take('join'), joined(events, more));
  await done;
}

/** Loses the connection and gets another one. */
async function reconnect(): Promise<Peer> {
  peer.cut();
  peer = await server.welcome('ann');
  return peer;
}

/** Everything that the room tells, in order. */
function record(): string[] {
  const told: string[] = [];
  room.on('event', ({ seq }) => told.push(`event ${seq}`));
  room.on('message', (m) => told.push(`message ${m.seq} ${m.text}`));
  room.on('gap', (d) => told.push(`gap ${d.reason} ${d.from?.seq}-${d.to.seq} [${texts(room)}]`));
  room.on('reset', (d) => told.push(`reset ${d.reason} ${d.from?.seq}-${d.to.seq} [${texts(room)}]`));
  room.on('left', (l) => told.push(`left ${l.code}`));
  return told;
}

describe('joining', () => {
  it('brings the newest messages, which are not told as new', async () => {
    const told = record();
    expect(room.messages.getSnapshot()).toMatchObject({ status: 'idle', live: false });
    const done = room.join({ history: 10, presence: true });
    expect(room.messages.getSnapshot().status).toBe('joining');
    const command = await peer.take('join');
    expect(command).toMatchObject({ room: 'r', history: 10, presence: true });
    expect(command).not.toHaveProperty('since');
    peer.reply(command, joined([message(3, 'three'), message(5, 'five')], { more: true }));
    await done;
    expect(room.messages.getSnapshot()).toMatchObject({ status: 'joined', live: true, hasOlder: true });
    expect(texts(room)).toEqual(['three', 'five']);
    expect(room.position).toEqual({ epoch: 'e1', seq: 5 });
    expect(told).toEqual([]);
    peer.send(push(message(8, 'eight')));
    await next(room, 'message');
    expect(told).toEqual(['event 8', 'message 8 eight']);
    expect(hub.room('r')).toBe(room);
  });

  it('is refused with the hub’s reason, and can be tried again', async () => {
    const done = room.join();
    peer.refuse(await peer.take('join'), 'forbidden', {
      message: 'the grants do not cover "join" in this room',
    });
    await expect(done).rejects.toMatchObject({ code: 'forbidden' });
    expect(room.messages.getSnapshot()).toMatchObject({ status: 'failed', error: { code: 'forbidden' } });
    await join([message(1, 'one')]);
    expect(room.messages.getSnapshot().status).toBe('joined');
  });

  it('is tried again by itself when it may succeed later', async () => {
    const done = room.join();
    peer.refuse(await peer.take('join'), 'rate_limited', { retry_after_ms: 50 });
    peer.refuse(await peer.take('join'), 'unavailable');
    expect(room.messages.getSnapshot().status).toBe('joining');
    peer.reply(await peer.take('join'), joined([]));
    await done;
  });

  it('waits for a connection', async () => {
    const late = client({ url: server.url });
    const done = late.room('r').join();
    late.connect();
    const other = await server.welcome();
    other.reply(await other.take('join'), joined([]));
    await done;
  });

  it('ends as it was asked last, in whatever order things are asked', async () => {
    const first = room.join();
    const left = room.leave();
    const second = room.join();
    await left;
    await expect(first).rejects.toMatchObject({ code: 'discarded' });
    peer.reply(await peer.take('join'), joined([message(1, 'one')]));
    await second;
    expect(room.messages.getSnapshot().status).toBe('joined');
    expect(texts(room)).toEqual(['one']);
    await room.leave();
    peer.reply(await peer.take('leave'), { type: 'left', room: 'r', code: '', message: '' });
    expect(room.messages.getSnapshot()).toMatchObject({ status: 'left', live: false });
    peer.send(push(message(2, 'two')));
    const again = room.join();
    peer.reply(await peer.take('join'), joined([message(1, 'one'), message(2, 'two')]));
    await again;
    expect(texts(room)).toEqual(['one', 'two']);
  });

  it('does not leave a room before the hub has answered its join', async () => {
    void room.join();
    const command = await peer.take('join');
    await room.leave();
    expect(peer.waiting).toBe(0);
    peer.reply(command, joined([]));
    await peer.take('leave');
  });

  it('asks for presence later without losing its place', async () => {
    await join([message(1, 'one')]);
    const done = room.join({ history: 10, presence: true });
    const command = await peer.take('join');
    expect(command).toMatchObject({ since: { epoch: 'e1', seq: 1 }, presence: true });
    const told = record();
    // A live event that the reply brings too.
    peer.send(push(message(2, 'two')));
    peer.reply(command, joined([message(2, 'two')], { members: [{ user: 'ann', conns: 1 }] }));
    await done;
    expect(told).toEqual(['event 2', 'message 2 two']);
    expect(room.presence.getSnapshot().count).toBe(1);
  });
});

describe('resuming', () => {
  it('gives exactly the rest, in parts, once and in order', async () => {
    await join([message(1, 'one')]);
    const told = record();
    peer.send(push(message(2, 'two')));
    await next(room, 'message');
    await reconnect();
    let command = await peer.take('join');
    expect(command).toMatchObject({ since: { epoch: 'e1', seq: 2 }, history: 10 });
    expect(room.messages.getSnapshot().status).toBe('joining');
    peer.reply(command, joined([message(3, 'three'), edit(4, 1, 'ONE')], { live: false }));
    command = await peer.take('join');
    expect(command).toMatchObject({ since: { epoch: 'e1', seq: 4 } });
    peer.reply(command, joined([message(6, 'six')]));
    peer.send(push(message(6, 'six')), push(message(7, 'seven')));
    await until(room.messages, (l) => l.status === 'joined' && l.messages.length === 5);
    expect(texts(room)).toEqual(['ONE', 'two', 'three', 'six', 'seven']);
    const events = told.filter((t) => t.startsWith('event'));
    expect(events).toEqual(['event 2', 'event 3', 'event 4', 'event 6', 'event 7']);
  });

  it('handles a reply and the events behind it that come in one piece', async () => {
    const told = record();
    const done = room.join({ history: 0 });
    const command = await peer.take('join');
    peer.send({ ...joined([]), id: command.id }, push(message(1, 'one')), push(message(2, 'two')));
    await done;
    await until(room.messages, (l) => l.messages.length === 2);
    expect(told).toEqual(['event 1', 'message 1 one', 'event 2', 'message 2 two']);
  });

  it.each([
    ['trimmed', 'gap'],
    ['epoch', 'reset'],
    ['ahead', 'reset'],
  ])('tells of %s before anything behind it can be seen', async (reason, event) => {
    await join([message(1, 'one'), message(2, 'two')]);
    const told = record();
    const seen: string[][] = [];
    room.messages.subscribe((l) => seen.push(l.messages.map((m) => m.text)));
    await reconnect();
    const to = { epoch: reason === 'trimmed' ? 'e1' : 'e2', seq: 91 };
    peer.reply(
      await peer.take('join'),
      joined([message(90, 'later'), message(91, 'latest')], { ...to, reset: { reason }, more: true }),
    );
    await until(room.messages, (l) => l.status === 'joined');
    expect(told).toEqual([`${event} ${reason} 2-91 [one,two]`]);
    expect(texts(room)).toEqual(['later', 'latest']);
    expect(room.position).toEqual(to);
    expect(seen).not.toContainEqual(expect.arrayContaining(['two', 'later']));
    peer.send(push(message(92, 'new')));
    await next(room, 'message');
    expect(told.slice(1)).toEqual(['event 92', 'message 92 new']);
  });

  it('starts again on a reset push, and shows nothing of the new log before it has', async () => {
    await join([message(1, 'one')]);
    const told = record();
    peer.send({ type: 'reset', room: 'r', epoch: 'e2', seq: 4, reason: 'epoch' }, push(message(5, 'early')));
    const command = await peer.take('join');
    expect(command).not.toHaveProperty('since');
    expect(told).toEqual(['reset epoch 1-4 [one]']);
    expect(texts(room)).toEqual(['one']);
    peer.reply(command, joined([message(4, 'four'), message(5, 'early')], { epoch: 'e2' }));
    await until(room.messages, (l) => l.status === 'joined');
    expect(texts(room)).toEqual(['four', 'early']);
    expect(told).toHaveLength(1);
  });

  it('begins a reset anew on the next connection if this one breaks', async () => {
    await join([message(1, 'one')]);
    peer.send({ type: 'reset', room: 'r', epoch: 'e2', seq: 4, reason: 'epoch' });
    await peer.take('join');
    await reconnect();
    expect(await peer.take('join')).not.toHaveProperty('since');
  });

  it('tells of a gap where it may not read what it missed', async () => {
    const done = room.join({ history: 0 });
    peer.reply(await peer.take('join'), joined([], { seq: 5 }));
    await done;
    const told = record();
    await reconnect();
    const resume = await peer.take('join');
    expect(resume.since).toEqual({ epoch: 'e1', seq: 5 });
    peer.refuse(resume, 'forbidden');
    const anew = await peer.take('join');
    expect(anew).not.toHaveProperty('since');
    peer.reply(anew, joined([], { seq: 9 }));
    await until(room.messages, (l) => l.status === 'joined');
    expect(told).toEqual(['gap forbidden 5-9 []']);
  });

  it('from a position of the application tells of everything behind it', async () => {
    const told = record();
    const done = room.join({ since: { epoch: 'e1', seq: 3 } });
    const command = await peer.take('join');
    expect(command.since).toEqual({ epoch: 'e1', seq: 3 });
    peer.reply(command, joined([message(5, 'five')]));
    await done;
    expect(told).toEqual(['event 5', 'message 5 five']);
    expect(room.messages.getSnapshot()).toMatchObject({ hasOlder: true, live: true });
  });

  it('does not ask a hub in a loop that gives it nothing', async () => {
    await join([message(1, 'one')]);
    await reconnect();
    peer.reply(await peer.take('join'), joined([], { seq: 1, live: false }));
    const before = Date.now();
    peer.reply(await peer.take('join'), joined([], { seq: 1, live: false }));
    await peer.take('join');
    expect(Date.now() - before).toBeGreaterThanOrEqual(290);
  });

  it('stops in the middle when a listener leaves', async () => {
    const told = record();
    room.on('message', () => void room.leave());
    const done = room.join({ since: { epoch: 'e1', seq: 0 } });
    peer.reply(await peer.take('join'), joined([message(1, 'one'), message(2, 'two')]));
    await expect(done).rejects.toMatchObject({ code: 'discarded' });
    expect(told).toEqual(['event 1', 'message 1 one']);
    await peer.take('leave');
  });
});

describe('being taken out', () => {
  it('ends the membership, with the reason, and for good', async () => {
    await join([message(1, 'one')]);
    const told = record();
    peer.send({ type: 'left', room: 'r', code: 'forbidden', message: 'the grants have changed' });
    await next(room, 'left');
    expect(told).toEqual(['left forbidden']);
    expect(room.messages.getSnapshot()).toMatchObject({
      status: 'left',
      live: false,
      error: { code: 'forbidden' },
    });
    await reconnect();
    await join([message(1, 'one')]);
  });

  it('for a passing reason is followed by another join', async () => {
    await join([message(1, 'one')]);
    peer.send({ type: 'left', room: 'r', code: 'unavailable', message: 'the log is unavailable' });
    expect((await peer.take('join')).since).toEqual({ epoch: 'e1', seq: 1 });
  });
});

describe('who is here', () => {
  it('is known from the join on, and follows the pushes', async () => {
    const changes: unknown[] = [];
    room.on('presence', (c) => changes.push(c));
    await join([], {
      members: [
        { user: 'ann', name: 'Ann', conns: 2 },
        { user: 'bo', conns: 1 },
      ],
    });
    expect(room.presence.getSnapshot()).toEqual({
      count: 2,
      members: [
        { user: 'ann', name: 'Ann', conns: 2 },
        { user: 'bo', name: 'bo', conns: 1 },
      ],
    });
    peer.send({
      type: 'presence',
      room: 'r',
      joined: [{ user: 'cy', name: 'Cy' }],
      left: [{ user: 'bo' }],
      count: 2,
    });
    await until(room.presence, (p) => p.members.some((m) => m.user === 'cy'));
    expect(room.presence.getSnapshot().members.map((m) => m.user)).toEqual(['ann', 'cy']);
    expect(changes).toHaveLength(2);
    await reconnect();
    // Of a large room the list is cut, and the count is not.
    peer.reply(await peer.take('join'), joined([], { members: [{ user: 'ann', conns: 1 }], count: 700 }));
    await until(room.presence, (p) => p.count === 700);
    expect(changes.at(-1)).toMatchObject({ left: [{ user: 'cy', name: 'Cy' }], count: 700 });
    peer.send({
      type: 'presence',
      room: 'r',
      partial: true,
      members: [{ user: 'dee', conns: 1 }],
      count: 1001,
    });
    await until(room.presence, (p) => p.count === 1001);
    expect(room.presence.getSnapshot().members).toEqual([{ user: 'dee', name: 'dee', conns: 1 }]);
    peer.send({ type: 'presence', room: 'r', partial: true, count: 2000 });
    await until(room.presence, (p) => p.count === 2000);
    expect(room.presence.getSnapshot().members).toHaveLength(1);
    const members = room.members();
    peer.reply(await peer.take('presence'), {
      type: 'members',
      room: 'r',
      count: 900,
      members: [{ user: 'ann', conns: 1 }],
    });
    expect(await members).toMatchObject({ count: 900 });
  });
});

describe('typing', () => {
  it('tells of a keystroke every 3 s, and of a stop', async () => {
    await join([]);
    vi.useFakeTimers({ toFake: ['Date'] });
    room.typing.keystroke();
    room.typing.keystroke();
    vi.setSystemTime(Date.now() + 2900);
    room.typing.keystroke();
    expect(await peer.take('typing')).toEqual({ type: 'typing', room: 'r', typing: true });
    vi.setSystemTime(Date.now() + 200);
    room.typing.keystroke();
    expect(await peer.take('typing')).toMatchObject({ typing: true });
    room.typing.stop();
    room.typing.stop();
    expect(await peer.take('typing')).toMatchObject({ typing: false });
    vi.useRealTimers();
    expect(peer.waiting).toBe(0);
  });

  it('shows others until they stop, send, or are silent for 6 s', async () => {
    await join([]);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const typing = (user: string, on = true) => ({ type: 'typing' as const, room: 'r', user, typing: on });
    peer.send(typing('ann'), typing('bo'), typing('cy'), typing('di'), typing('di', false));
    await until(room.typing.users, (u) => u.length === 3);
    await until(room.typing.users, (u) => u.map((x) => x.user).join() === 'bo,cy');
    peer.send(push(message(1, 'hi', { user: 'bo' })));
    await until(room.typing.users, (u) => u.map((x) => x.user).join() === 'cy');
    vi.advanceTimersByTime(5900);
    expect(room.typing.users.getSnapshot()).toHaveLength(1);
    vi.advanceTimersByTime(200);
    expect(room.typing.users.getSnapshot()).toHaveLength(0);
    vi.useRealTimers();
  });
});

describe('the rest', () => {
  it('broadcasts, and hears broadcasts', async () => {
    await join([]);
    const sent = room.broadcast({ x: 1 });
    const command = await peer.take('broadcast');
    expect(command).toMatchObject({ room: 'r', data: { x: 1 } });
    peer.reply(command, { type: 'ack', room: 'r' });
    await sent;
    const heard = next(room, 'broadcast');
    peer.send({ type: 'broadcast', room: 'r', user: 'bo', name: 'Bo', data: [1] });
    expect(await heard).toEqual({ user: 'bo', name: 'Bo', data: [1] });
    peer.cut();
    await next(hub, 'disconnected');
    await expect(room.broadcast(1)).rejects.toMatchObject({ code: 'disconnected' });
  });

  it('reads history with what changed it, folded', async () => {
    const page = room.history({ around: 5, limit: 3, changes: true });
    const command = await peer.take('history');
    expect(command).toMatchObject({ room: 'r', around: 5, limit: 3, changes: true });
    peer.reply(command, {
      type: 'history',
      room: 'r',
      epoch: 'e1',
      events: [message(4, 'four'), message(5, 'five')],
      changes: [edit(9, 5, 'FIVE')],
      more_before: true,
      more_after: false,
    });
    const { messages, moreBefore, moreAfter, epoch } = await page;
    expect(messages.map((m) => m.text)).toEqual(['four', 'FIVE']);
    expect({ moreBefore, moreAfter, epoch }).toEqual({ moreBefore: true, moreAfter: false, epoch: 'e1' });
  });

  it('asks where any number of rooms stand', async () => {
    const rooms = Array.from({ length: 1500 }, (_, i) => `r${i}`);
    const positions = hub.positions(rooms);
    for (const size of [1000, 500]) {
      const command = await peer.take('positions');
      expect(command.rooms).toHaveLength(size);
      const first = command.rooms[0] ?? '';
      peer.reply(command, { type: 'positions', positions: { [first]: { epoch: 'e', seq: 7 } } });
    }
    expect(await positions).toEqual({ r0: { epoch: 'e', seq: 7 }, r1000: { epoch: 'e', seq: 7 } });
  });

  it('loads older messages', async () => {
    await join([message(10, 'ten')], { more: true });
    const loaded = room.loadOlder(5);
    expect(room.messages.getSnapshot().loadingOlder).toBe(true);
    const command = await peer.take('history');
    expect(command).toMatchObject({ before: 10, limit: 5, changes: true });
    peer.reply(command, {
      type: 'history',
      room: 'r',
      epoch: 'e1',
      events: [message(9, 'nine')],
      more_before: false,
      more_after: true,
    });
    await loaded;
    expect(texts(room)).toEqual(['nine', 'ten']);
    expect(room.messages.getSnapshot()).toMatchObject({ hasOlder: false, loadingOlder: false });
  });

  it('fails to load while there is no connection, and says so', async () => {
    await join([message(10, 'ten')], { more: true });
    peer.cut();
    await next(hub, 'disconnected');
    await expect(room.loadOlder()).rejects.toMatchObject({ code: 'disconnected' });
    expect(room.messages.getSnapshot()).toMatchObject({ hasOlder: true, loadingOlder: false });
  });
});
