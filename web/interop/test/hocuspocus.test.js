// What unmodified providers of Hocuspocus make of a hub's answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HocuspocusProviderWebsocket } from '@hocuspocus/provider';
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { hocuspocusKinds, WebSocket } from '../src/stock/clients.js';
import { converges, Hub, saved, until } from '../src/stock/hub.js';

const writes = { 'stock/*': ['doc:write'] };
const reads = { 'stock/*': ['doc:read'] };
const nothing = { elsewhere: ['doc:read'] };

function promised() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

// Reads what the document is to somebody who comes anew.
async function newcomer(hub, name, parts) {
  const client = hub.connect('hocuspocus 4', name, { token: await hub.token(writes) });
  await converges([client], parts);
  return client;
}

for (const kind of hocuspocusKinds) {
  test(`${kind}: a denied token is told with its reason`, async (t) => {
    const hub = await Hub.open(t);
    for (const [token, reason] of [
      ['nonsense', /not a JWT/],
      [await hub.token(nothing), /the grants do not cover "doc:read"/],
    ]) {
      const client = hub.connect(kind, 'stock/denied', { token });
      client.type('never seen');
      await until(
        () => 'a refusal',
        () => client.reasons.length > 0,
      );
      assert.match(client.reasons[0], reason);
      assert.equal(client.reasons.length, 1, 'once');
      assert.ok(client.unsaved > 0);
    }
    await newcomer(hub, 'stock/denied', []);
  });

  test(`${kind}: what a reader writes is not saved, and nobody sees it`, async (t) => {
    const hub = await Hub.open(t);
    const writer = hub.connect(kind, 'stock/reading', { token: await hub.token(writes) });
    writer.type('written;');
    const reader = hub.connect(kind, 'stock/reading', { token: await hub.token(reads, { sub: 'eve' }) });
    await converges([writer, reader], ['written;']);
    await saved([writer, reader]);
    assert.deepEqual([writer.scopes, reader.scopes], [['read-write'], ['readonly']]);
    reader.type('by the reader;');
    writer.type('on;');
    await until(
      () => `the reader has what was written after its edit, but ${reader.text}`,
      () => reader.text.includes('on;'),
    );
    await saved([writer]);
    assert.ok(reader.unsaved > 0, 'the reader knows');
    assert.deepEqual(reader.reasons, [], 'and was not sent away');
    await newcomer(hub, 'stock/reading', ['written;', 'on;']);
  });

  test(`${kind}: without a token it is a guest, and what is written before the token has come is kept`, async (t) => {
    const hub = await Hub.open(t);
    const guest = hub.connect(kind, 'stock/early', { tokens: null });
    guest.type('guest;');
    await saved([guest]);
    const fetched = promised();
    const client = hub.connect(kind, 'stock/early', { tokens: () => fetched.promise });
    await until(
      () => 'the socket is open',
      () => client.socket.webSocket?.readyState === 1,
    );
    client.type('early;');
    guest.type('meanwhile;');
    await saved([guest]);
    fetched.resolve(await hub.token(writes));
    await converges([client, guest], ['guest;', 'early;', 'meanwhile;']);
    await saved([client, guest]);
    assert.deepEqual([client.reasons, guest.reasons], [[], []]);
  });

  test(`${kind}: POST /api/disconnect cuts the socket`, async (t) => {
    const hub = await Hub.open(t);
    const client = hub.connect(kind, 'stock/cut', { token: await hub.token(writes) });
    client.type('before;');
    await saved([client]);
    assert.deepEqual(await hub.call('disconnect', { user: 'ann' }), { disconnected: 1 });
    await until(
      () => 'the socket is closed',
      () => client.closes.length > 0,
      1000,
    );
    client.type('behind;'); // it comes back by itself while its token is good
    await converges(
      [client, await newcomer(hub, 'stock/cut', ['before;', 'behind;'])],
      ['before;', 'behind;'],
    );
    await saved([client]);
  });

  test(`${kind}: a stateless message reaches the others, and opcode 6 is refused`, async (t) => {
    const hub = await Hub.open(t);
    const [one, two] = [1, 2].map(() => hub.connect(kind, 'stock/stateless'));
    await saved([one, two]);
    one.provider.sendStateless('to all others');
    await until(
      () => 'the message came',
      () => two.messages.length > 0,
    );
    assert.deepEqual([one.messages, two.messages], [[], ['to all others']]);
    const frame = encoding.createEncoder();
    encoding.writeVarString(frame, 'stock/stateless');
    encoding.writeVarUint(frame, 6);
    encoding.writeVarString(frame, 'to all of you');
    one.socket.send(encoding.toUint8Array(frame));
    await until(
      () => 'a refusal',
      () => one.reasons.length > 0,
    );
    assert.match(one.reasons[0], /type 6/);
    two.type('still here;');
    await saved([two]);
    assert.deepEqual(two.messages, ['to all others']);
  });
  if (kind === 'hocuspocus 2') continue; // it has no way to send another token

  test(`${kind}: a token that ends is asked for anew, and the document stays`, async (t) => {
    const hub = await Hub.open(t, '--grace', '3s');
    const client = hub.connect(kind, 'stock/renewed', { token: await hub.token(writes, { ttl: '2s' }) });
    client.type('before;');
    await saved([client]);
    const asked = client.asked;
    client.token = await hub.token(writes);
    await until(
      () => 'the provider is asked for its token',
      () => client.asked > asked,
    );
    await until(
      () => `granted twice, but ${client.scopes}`,
      () => client.scopes.length === 2,
    );
    client.type('after;');
    await saved([client]);
    await newcomer(hub, 'stock/renewed', ['before;', 'after;']);
    assert.deepEqual([client.closes, client.reasons], [[], []]);
  });

  test(`${kind}: a token that grants less makes it read-only, and one that grants nothing ends it`, async (t) => {
    const hub = await Hub.open(t);
    const client = hub.connect(kind, 'stock/less', { token: await hub.token(writes) });
    const other = hub.connect(kind, 'stock/less', { token: await hub.token(writes, { sub: 'bo' }) });
    client.type('mine;');
    await converges([client, other], ['mine;']);
    await saved([client, other]);
    client.token = await hub.token(reads);
    await client.provider.sendToken();
    await until(
      () => `a scope of readonly, but ${client.scopes}`,
      () => client.scopes.at(-1) === 'readonly',
    );
    client.type('too late;');
    other.type('theirs;');
    await until(
      () => client.text,
      () => client.text.includes('theirs;'),
    );
    assert.ok(client.unsaved > 0);
    assert.deepEqual(client.closes, [], 'the connection is the same');

    client.token = await hub.token(nothing);
    await client.provider.sendToken();
    await until(
      () => 'the document is closed',
      () => client.reasons.length > 0,
    );
    assert.match(client.reasons[0], /doc:read/);
    other.type('alone;');
    await saved([other]);
    assert.ok(!client.text.includes('alone;'));
    await newcomer(hub, 'stock/less', ['mine;', 'theirs;', 'alone;']);
  });
}

test('hocuspocus 2: a token that ends ends the document, and says so', async (t) => {
  const hub = await Hub.open(t, '--grace', '1s');
  const client = hub.connect('hocuspocus 2', 'stock/ends', { token: await hub.token(writes, { ttl: '2s' }) });
  client.type('before;');
  await saved([client]);
  await until(
    () => 'a refusal',
    () => client.reasons.length > 0,
  );
  assert.match(client.reasons[0], /the token is over/);
});

test('two providers of one document on one socket, by sessionAwareness', async (t) => {
  const hub = await Hub.open(t);
  const socket = new HocuspocusProviderWebsocket({
    url: hub.server.urls.hocuspocus,
    WebSocketPolyfill: WebSocket,
  });
  t.after(() => socket.destroy());
  const options = { socket, sessionAwareness: true };
  const [one, two] = [1, 2].map((n) =>
    hub.connect('hocuspocus 4', 'stock/twice', { ...options, user: `${n}` }),
  );
  one.type('one;');
  two.type('two;');
  await converges([one, two], ['one;', 'two;']);
  await saved([one, two]);
  await until(
    () => one.seen.join(),
    () => one.seen.join() === '1,2' && two.seen.join() === '1,2',
  );
  two.destroy();
  await until(
    () => `only itself, but ${one.seen}`,
    () => one.seen.join() === '1',
    2000,
  );
  one.type('more;');
  await saved([one]);
});

test('1,000 documents over one socket', { timeout: 120_000 }, async (t) => {
  const hub = await Hub.open(t, '--burst', '5000', '--rate', '5000');
  const many = () => {
    const socket = new HocuspocusProviderWebsocket({
      url: hub.server.urls.hocuspocus,
      WebSocketPolyfill: WebSocket,
    });
    t.after(() => socket.destroy());
    socket.setMaxListeners?.(0);
    return Array.from({ length: 1000 }, (_, i) =>
      hub.connect('hocuspocus 4', `stock/many-${i}`, { socket, awareness: null, doc: new Y.Doc() }),
    );
  };
  const here = many();
  await saved(here, 60_000);
  const there = many();
  await saved(there, 60_000);
  for (const [i, client] of here.entries()) client.type(`edit of ${i}`);
  await until(
    () => `each edit on the other side, but ${there.filter(({ text }) => text).length} are`,
    () => there.every(({ text }, i) => text === `edit of ${i}`),
    60_000,
  );
  await saved(here, 60_000);
  assert.deepEqual(
    [...here, ...there].flatMap(({ reasons }) => reasons),
    [],
  );
});
