import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HubbubError, TokenReason } from '../src/index.js';
import { ScriptedHub } from './scripted-hub.js';
import { client, closeClients, next, until } from './support.js';

let server: ScriptedHub;

beforeEach(async () => {
  server = await ScriptedHub.start();
});

afterEach(async () => {
  vi.useRealTimers();
  closeClients();
  vi.unstubAllGlobals();
  await server.stop();
});

describe('connecting', () => {
  it('speaks the subprotocol, sends what it knows, and says who it is', async () => {
    const hub = client({ url: server.url, guestName: 'Ann', client: 'test/1' });
    expect(hub.status.getSnapshot()).toMatchObject({ state: 'disconnected', attempt: 0 });
    expect(hub.status.getSnapshot().retryAt).toBeUndefined();
    hub.connect();
    expect(hub.status.getSnapshot().state).toBe('connecting');
    const peer = await server.peer();
    expect(peer.protocol).toBe('hubbub.v1.json');
    const connect = await peer.take('connect');
    expect(connect).toEqual({ type: 'connect', id: 1, name: 'Ann', client: 'test/1' });
    peer.reply(connect, {
      type: 'connected',
      user: 'guest-1',
      name: 'Ann',
      conn: 'c',
      ping_ms: 1000,
      server: '',
      version: 1,
      token: 't',
    });
    const { user, transport } = await next(hub, 'connected');
    expect(user).toEqual({ id: 'guest-1', name: 'Ann', guest: true });
    expect(transport).toBe('websocket');
    expect(hub.status.getSnapshot()).toMatchObject({
      state: 'connected',
      attempt: 0,
      transport: 'websocket',
    });
    expect(hub.user.getSnapshot()).toEqual(user);
  });

  it('comes back as the same guest', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome('guest-1', { token: 'mine' } as never);
    await next(hub, 'connected');
    peer.cut();
    const again = await (await server.peer()).take('connect');
    expect(again.token).toBe('mine');
  });

  it('opens one connection however often it is asked to', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    hub.connect();
    await server.welcome();
    await until(hub.status, (s) => s.state === 'connected');
    hub.connect();
    expect(server.unseen).toBe(0);
  });

  it('stays away after disconnect, and comes back when asked', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    hub.disconnect();
    expect(hub.status.getSnapshot()).toMatchObject({
      state: 'disconnected',
      reason: 'disconnect was called',
    });
    expect(hub.status.getSnapshot().retryAt).toBeUndefined();
    expect(await peer.closed).toBe(1000);
    hub.connect();
    await server.welcome();
    await next(hub, 'connected');
  });

  it('answers pings', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    peer.send({ type: 'ping' });
    expect(await peer.take('pong')).toEqual({ type: 'pong' });
  });

  it.each([
    ['ftp://a.example', /must begin with/],
    ['https://a.example?token=x', /must carry no query/],
    ['https://user:secret@a.example', /must carry no query, fragment, user or password/],
    ['http://', /is no address/],
  ])('refuses the address %s', (url, why) => {
    expect(() => client({ url })).toThrow(why);
  });

  it('says what is missing where there is neither page nor WebSocket', () => {
    vi.stubGlobal('WebSocket', undefined);
    expect(() => client({})).toThrow(/option url/);
    expect(() => client({ url: server.url, transport: 'websocket', WebSocket: undefined as never })).toThrow(
      /option WebSocket/,
    );
  });
});

describe('coming back', () => {
  it.each([1000, 1009, 3000, 3001, 3002, 3005, 3006, 4000])('does after %i', async (code) => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    peer.close(code, 'why');
    const { retryAt } = await next(hub, 'disconnected');
    expect(retryAt).toBeDefined();
    expect(hub.status.getSnapshot()).toMatchObject({ state: 'disconnected', code, attempt: 1 });
    await server.welcome();
    await next(hub, 'connected');
  });

  it.each([3501, 3502, 3999])('does not after %i, until it is asked to', async (code) => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    peer.close(code, 'why');
    const { retryAt } = await next(hub, 'disconnected');
    expect(retryAt).toBeUndefined();
    expect(hub.status.getSnapshot().retryAt).toBeUndefined();
    hub.connect();
    await server.welcome();
    await next(hub, 'connected');
  });

  it('waits for as long as the hub says', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    const before = Date.now();
    peer.send({ type: 'disconnect', code: 3004, reason: 'overloaded', retry_after_ms: 700 });
    peer.close(3004, 'overloaded');
    const { retryAt, code } = await next(hub, 'disconnected');
    expect(code).toBe(3004);
    expect(retryAt).toBeGreaterThanOrEqual(before + 700);
    await server.peer();
    expect(Date.now()).toBeGreaterThanOrEqual(before + 695);
  });

  it('waits longer from try to try, and says how often it has tried', async () => {
    const { port } = server;
    await server.stop();
    const hub = client({ url: `http://127.0.0.1:${port}`, transport: 'websocket' });
    const tries: number[] = [];
    hub.on('connecting', ({ attempt }) => tries.push(attempt));
    hub.connect();
    const { attempt, reason } = await until(hub.status, (s) => s.state === 'disconnected' && s.attempt === 3);
    expect(tries).toEqual([0, 1, 2]);
    expect(attempt).toBe(3);
    expect(reason).toBe('the hub cannot be reached');
    server = await ScriptedHub.start(port);
    await server.welcome();
    await next(hub, 'connected');
    expect(hub.status.getSnapshot().attempt).toBe(0);
  });

  it('does not go on by a frame that it cannot read: what it held may be an event', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    peer.raw('{"type":"event","room":"a"');
    expect((await next(hub, 'disconnected')).retryAt).toBeDefined();
    await server.peer();
  });

  it('takes silence for the end of a connection', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    // The hub promises a ping after 25 ms; 10 s later its silence means death.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
    const peer = await server.welcome('ann', { ping_ms: 25 } as never);
    peer.freeze();
    await next(hub, 'connected');
    vi.advanceTimersByTime(10_000);
    expect(hub.status.getSnapshot().state).toBe('connected');
    const lost = next(hub, 'disconnected');
    vi.advanceTimersByTime(100);
    expect(await lost).toMatchObject({ code: 'timeout' });
  });
});

describe('waking up', () => {
  const page = new EventTarget();
  const screen = Object.assign(new EventTarget(), { visibilityState: 'visible' });

  beforeEach(() => {
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    vi.stubGlobal('document', screen);
    vi.stubGlobal('navigator', { onLine: true });
  });

  const signs: [string, () => void][] = [
    ['visibilitychange', () => screen.dispatchEvent(new Event('visibilitychange'))],
    ['online', () => page.dispatchEvent(new Event('online'))],
    ['pageshow', () => page.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }))],
  ];

  it.each(signs)('on %s asks whether the hub is there, and believes an answer', async (_, wake) => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    wake();
    peer.reply(await peer.take('ping'), { type: 'pong' });
    wake();
    await peer.take('ping');
    expect(hub.status.getSnapshot().state).toBe('connected');
  });

  it.each(signs)('on %s gives up a connection that does not answer within 2 s', async (_, wake) => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    const before = Date.now();
    wake();
    await peer.take('ping');
    await next(hub, 'disconnected');
    expect(Date.now() - before).toBeGreaterThanOrEqual(1990);
    await server.welcome();
    await next(hub, 'connected');
  });

  it.each(signs)('on %s does not wait for its next try', async (_, wake) => {
    const { port } = server;
    await server.stop();
    const hub = client({ url: `http://127.0.0.1:${port}`, transport: 'websocket' });
    hub.connect();
    await until(hub.status, (s) => s.state === 'disconnected' && (s.retryAt ?? 0) > Date.now() + 1500);
    server = await ScriptedHub.start(port);
    const before = Date.now();
    wake();
    await server.welcome();
    expect(Date.now() - before).toBeLessThan(1000);
  });

  it('shows that the network is gone, and finds out whether the hub is too', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    vi.stubGlobal('navigator', { onLine: false });
    page.dispatchEvent(new Event('offline'));
    expect(hub.status.getSnapshot()).toMatchObject({ state: 'connected', online: false });
    await peer.take('ping');
  });

  it('listens no more once it is closed', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    await server.welcome();
    await next(hub, 'connected');
    hub.close();
    page.dispatchEvent(new Event('online'));
    expect(hub.status.getSnapshot().state).toBe('disconnected');
    expect(() => hub.connect()).toThrow(/was closed/);
  });
});

describe('tokens', () => {
  function tokens(...given: (string | null | Error)[]) {
    const reasons: TokenReason[] = [];
    const getToken = ({ reason }: { reason: TokenReason }) => {
      reasons.push(reason);
      const token = given.length > 1 ? given.shift() : given[0];
      if (token instanceof Error) throw token;
      return token;
    };
    return { reasons, getToken };
  }

  it('are asked for each time, and never stand in the address', async () => {
    const { reasons, getToken } = tokens('t1', 't2');
    const hub = client({ url: server.url, getToken });
    hub.connect();
    const first = await server.peer();
    const connect = await first.take('connect');
    expect(connect.token).toBe('t1');
    first.reply(connect, {
      type: 'connected',
      user: 'ann',
      conn: 'c',
      ping_ms: 1000,
      server: '',
      version: 1,
    });
    expect((await next(hub, 'connected')).user).toEqual({ id: 'ann', name: 'ann', guest: false });
    first.cut();
    expect((await (await server.peer()).take('connect')).token).toBe('t2');
    expect(reasons).toEqual(['connect', 'connect']);
  });

  it('are replaced on the live connection before they run out', async () => {
    const { reasons, getToken } = tokens('t1', 't2', 't3');
    const hub = client({ url: server.url, getToken });
    hub.connect();
    const peer = await server.welcome('ann', { expires_at: Date.now() + 500 } as never);
    const refresh = await peer.take('refresh');
    expect(refresh.token).toBe('t2');
    peer.reply(refresh, { type: 'refreshed', expires_at: Date.now() + 500 });
    expect((await peer.take('refresh')).token).toBe('t3');
    expect(reasons).toEqual(['connect', 'expiring', 'expiring']);
    expect(hub.status.getSnapshot().state).toBe('connected');
  });

  it('that have run out are asked for anew', async () => {
    const { reasons, getToken } = tokens('t1', 't2', 't3');
    const hub = client({ url: server.url, getToken });
    hub.connect();
    const peer = await server.welcome();
    await next(hub, 'connected');
    peer.close(3003, 'token_expired');
    const second = await server.peer();
    const connect = await second.take('connect');
    expect(connect.token).toBe('t2');
    second.refuse(connect, 'token_expired');
    second.close(3003);
    expect((await (await server.peer()).take('connect')).token).toBe('t3');
    expect(reasons).toEqual(['connect', 'expired', 'expired']);
  });

  it('that are refused are asked for once more, and then it stops', async () => {
    const { reasons, getToken } = tokens('t1', 't2', 't3');
    const hub = client({ url: server.url, getToken });
    hub.connect();
    for (let i = 0; i < 2; i++) {
      const peer = await server.peer();
      const connect = await peer.take('connect');
      peer.refuse(connect, 'unauthorized', {
        message: 'token: is signed with a key that this hub does not know',
      });
      peer.close(3500, 'unauthorized');
    }
    const status = await until(hub.status, (s) => s.state === 'disconnected' && s.retryAt === undefined);
    expect(status).toMatchObject({ code: 'unauthorized', reason: /signed with a key/ });
    expect(reasons).toEqual(['connect', 'refused']);
    hub.connect();
    expect((await (await server.peer()).take('connect')).token).toBe('t3');
  });

  it('that cannot be got are tried for again, and the failure is told', async () => {
    const { getToken } = tokens(new Error('the sign-in server is down'), 't2');
    const hub = client({ url: server.url, getToken });
    hub.connect();
    const error: HubbubError = await next(hub, 'error');
    expect(error).toMatchObject({ code: 'no_token', message: /sign-in server is down/ });
    expect(hub.status.getSnapshot()).toMatchObject({
      state: 'disconnected',
      reason: /sign-in server is down/,
    });
    expect((await (await server.peer()).take('connect')).token).toBe('t2');
  });

  it('of a guest that are refused are dropped', async () => {
    const hub = client({ url: server.url, guestName: 'Ann' });
    hub.connect();
    const peer = await server.welcome('guest-1', { token: 'old' } as never);
    await next(hub, 'connected');
    peer.cut();
    const second = await server.peer();
    const connect = await second.take('connect');
    expect(connect.token).toBe('old');
    second.refuse(connect, 'unauthorized');
    second.close(3500);
    const third = await (await server.peer()).take('connect');
    expect(third).not.toHaveProperty('token');
    expect(third.name).toBe('Ann');
  });

  it('of a guest are replaced by connecting anew', async () => {
    const hub = client({ url: server.url });
    hub.connect();
    await server.welcome('guest-1', { token: 'one', expires_at: Date.now() + 300 } as never);
    expect((await (await server.peer()).take('connect')).token).toBe('one');
    expect(hub.status.getSnapshot().state).not.toBe('disconnected');
  });

  it('give a guest another name by connecting anew', async () => {
    const hub = client({ url: server.url, guestName: 'Ann' });
    hub.connect();
    await server.welcome('guest-1', { token: 'one' } as never);
    await next(hub, 'connected');
    hub.setName('Anna');
    expect(await (await server.peer()).take('connect')).toMatchObject({ name: 'Anna', token: 'one' });
  });
});
