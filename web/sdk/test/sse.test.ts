import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Hubbub, HubbubOptions, JoinOptions, Room } from '../src/index.js';
import { Network } from './network.js';
import { RealHub, token } from './real-hub.js';
import { client, closeClients, next, texts, until } from './support.js';

let hub: RealHub;
let network: Network;
let rooms = 0;
let name: string;

beforeAll(async () => {
  hub = await RealHub.withTokens('--grace', '1s');
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
  network.stalled = network.noWebSockets = network.deaf = false;
});

async function enter(
  user: string,
  options: HubbubOptions = {},
  join: JoinOptions = {},
): Promise<[Room, Hubbub]> {
  const c = client({ url: hub.url, getToken: () => token(user), ...options });
  c.connect();
  const room = c.room(name);
  await room.join(join);
  return [room, c];
}

function record(room: Room): { heard: string[]; breaks: string[] } {
  const told = { heard: [] as string[], breaks: [] as string[] };
  room.on('message', (m) => told.heard.push(m.text));
  room.on('gap', (d) => told.breaks.push(`gap ${d.reason}`));
  room.on('reset', (d) => told.breaks.push(`reset ${d.reason}`));
  return told;
}

async function say(room: Room, from: number, to: number): Promise<string[]> {
  for (let i = from; i < to; i++) void room.send({ text: `${i}` });
  await until(room.outbox, (o) => o.length === 0);
  return Array.from({ length: to - from }, (_, i) => `${from + i}`);
}

const sse = () => ({ transport: 'sse' as const, url: network.url });

describe('over server-sent events', () => {
  it('a chat is the same', async () => {
    const [ann, annHub] = await enter('ann', sse(), { presence: true });
    const [bo] = await enter('bo', {}, { presence: true });
    expect(annHub.status.getSnapshot()).toMatchObject({ state: 'connected', transport: 'sse' });
    const one = await ann.send({ text: 'one' });
    const two = await bo.send({ text: 'two' });
    await ann.react(two.seq ?? 0, '👍');
    await ann.edit(one.seq ?? 0, { text: 'ONE' });
    await until(ann.messages, (l) => l.messages[0]?.text === 'ONE' && l.messages.length === 2);
    expect(texts(ann)).toEqual(['ONE', 'two']);
    await until(ann.presence, (p) => p.count === 2);
    const heard = next(ann, 'broadcast');
    await bo.broadcast([1]);
    expect(await heard).toMatchObject({ user: 'bo', data: [1] });
    bo.typing.keystroke();
    await until(ann.typing.users, (u) => u.length === 1);
    expect((await ann.history({ limit: 1 })).events).toHaveLength(1);
    await expect(ann.react(12345, 'x')).rejects.toMatchObject({ code: 'not_found' });
  });

  it('a broken stream goes on where it stopped, however much was missed', async () => {
    const [bo] = await enter('bo');
    const [ann, annHub] = await enter('ann', sse(), { history: 10 });
    const told = record(ann);
    const expected = await say(bo, 0, 5);
    await until(ann.messages, (l) => l.messages.length === 5);
    annHub.disconnect();
    expected.push(...(await say(bo, 5, 470)));
    annHub.connect();
    await until(ann.messages, (l) => l.status === 'joined' && l.messages.length === 470);
    for (let round = 0; round < 3; round++) {
      network.cut();
      const from = expected.length;
      expected.push(...(await say(bo, from, from + 15)));
      await until(ann.messages, (l) => l.messages.length === from + 15);
    }
    expect(told).toEqual({ heard: expected, breaks: [] });
    expect(texts(ann)).toEqual(expected);
  });

  it('another room is joined and left without a loss in the first', async () => {
    const [bo] = await enter('bo');
    const [ann, annHub] = await enter('ann', sse());
    const told = record(ann);
    const other = annHub.room(`${name}-other`);
    const states: string[] = [];
    annHub.status.subscribe((s) => states.push(s.state));
    const said = say(bo, 0, 60);
    await other.join();
    await other.send({ text: 'here too' });
    expect(texts(other)).toEqual(['here too']);
    await other.leave();
    const expected = await said;
    await until(ann.messages, (l) => l.messages.length === 60);
    expect(told).toEqual({ heard: expected, breaks: [] });
    expect(states).toEqual(['connected']);
    const [cy] = await enter('cy', { url: hub.url });
    expect((await cy.members()).count).toBe(3);
    await ann.leave();
    await vi.waitFor(async () => expect((await cy.members()).count).toBe(2));
  });

  it('a message that is in doubt arrives once', async () => {
    const [ann] = await enter('ann', sse());
    await ann.send({ text: 'before' });
    network.deaf = true;
    const sent = ann.send({ text: 'doubtful' });
    const [bo] = await enter('bo');
    await until(bo.messages, (l) => l.messages.length === 2);
    network.deaf = false;
    network.cut();
    expect((await sent).seq).toBe(bo.messages.getSnapshot().messages[1]?.seq);
    await ann.send({ text: 'after' });
    await until(bo.messages, (l) => l.messages.length === 3);
    expect(texts(bo)).toEqual(['before', 'doubtful', 'after']);
  });

  it('a token is replaced without a break', async () => {
    const reasons: string[] = [];
    const [ann, annHub] = await enter('ann', {
      ...sse(),
      getToken: ({ reason }) => {
        reasons.push(reason);
        return token('ann', { ttl: 2 });
      },
    });
    const states: string[] = [];
    annHub.status.subscribe((s) => states.push(s.state));
    await vi.waitFor(() => expect(reasons.length).toBeGreaterThanOrEqual(4), 12_000);
    await ann.send({ text: 'still here' });
    expect(states).toEqual(['connected']);
    expect(new Set(reasons.slice(1))).toEqual(new Set(['expiring']));
  });

  it('a guest stays the same one, under its name', async () => {
    const [ann, annHub] = await enter('', { ...sse(), getToken: () => null, guestName: 'Gus' });
    const user = annHub.user.getSnapshot();
    expect(user).toMatchObject({ name: 'Gus', guest: true });
    await ann.send({ text: 'hi' });
    network.cut();
    await next(annHub, 'connected');
    await until(ann.messages, (l) => l.status === 'joined');
    expect(annHub.user.getSnapshot()).toEqual(user);
    expect(ann.messages.getSnapshot().messages[0]).toMatchObject({ user: user?.id, own: true });
  });

  it('a log that was lost is told of', async () => {
    const lost = await RealHub.withTokens();
    const [ann] = await enter('ann', { transport: 'sse', url: lost.url });
    await ann.send({ text: 'before' });
    await until(ann.messages, (l) => l.messages[0]?.at !== undefined && ann.position?.seq !== 0);
    const told = record(ann);
    await lost.stop();
    await lost.start('other-data');
    await next(ann, 'reset');
    await until(ann.messages, (l) => l.status === 'joined');
    expect(told).toEqual({ heard: [], breaks: ['reset epoch'] });
    expect(texts(ann)).toEqual([]);
    closeClients();
    await lost.end();
  });

  it('a refusal ends it, with the reason', async () => {
    const c = client({ ...sse(), getToken: () => `${token('ann')}x` });
    void c.room(name).join();
    c.connect();
    const status = await until(
      c.status,
      (s) => s.state === 'disconnected' && s.retryAt === undefined && s.code !== undefined,
    );
    expect(status).toMatchObject({ code: 'unauthorized' });
  });

  it('no more rooms are joined than a stream can carry', async () => {
    const [, annHub] = await enter('ann', sse());
    const joins = Array.from({ length: 20 }, (_, i) => annHub.room(`${name}-${i}`).join());
    const outcomes = await Promise.allSettled(joins);
    expect(outcomes.filter((o) => o.status === 'fulfilled')).toHaveLength(19);
    const [refused] = outcomes.filter((o) => o.status === 'rejected');
    expect(refused?.reason).toMatchObject({ code: 'limit_reached' });
  });
});

describe('a network without WebSockets', () => {
  it('is noticed after two tries, and got around', async () => {
    network.noWebSockets = true;
    const before = network.upgrades;
    const [ann, annHub] = await enter('ann', { url: network.url });
    expect(network.upgrades - before).toBe(2);
    expect(annHub.status.getSnapshot().transport).toBe('sse');
    await ann.send({ text: 'hi' });
    network.cut();
    await next(annHub, 'connected');
    expect(network.upgrades - before).toBe(2);
  });

  it('is not what a hub that is down looks like', async () => {
    const down = await RealHub.withTokens();
    const [, annHub] = await enter('ann', { url: down.url });
    await down.stop();
    await until(annHub.status, (s) => s.attempt >= 4);
    await down.start();
    await next(annHub, 'connected');
    expect(annHub.status.getSnapshot().transport).toBe('websocket');
    closeClients();
    await down.end();
  });

  it('is not what a proxy’s error page looks like', async () => {
    const seen: string[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url ?? '');
      response.writeHead(502).end('<h1>Bad Gateway</h1>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const c = client({ url: `http://127.0.0.1:${port}` });
    void c.room(name).join();
    c.connect();
    await until(c.status, (s) => s.attempt >= 4);
    expect(seen.filter((url) => url.startsWith('/sse'))).toEqual([]);
    expect(seen).toContain('/readyz');
    c.close();
    server.closeAllConnections();
    server.close();
  });
});
