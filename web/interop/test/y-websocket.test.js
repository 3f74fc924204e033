// What unmodified providers of y-websocket make of a hub's answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { websocketKinds } from '../src/stock/clients.js';
import { converges, Hub, saved, until } from '../src/stock/hub.js';

const writes = { 'stock/*': ['doc:write'] };
const reads = { 'stock/*': ['doc:read'] };

test('who is not let in is told why, and stays away', async (t) => {
  const hub = await Hub.open(t);
  for (const [token, code, reason] of [
    ['nonsense', 4401, /not a JWT/],
    [await hub.token({ elsewhere: ['doc:read'] }), 4403, /the grants do not cover "doc:read"/],
  ]) {
    const said = hub.said.length;
    const client = hub.connect('y-websocket 3', 'stock/denied', { token });
    client.type('never seen');
    await until(
      () => 'the closed event',
      () => client.closed.length > 0,
    );
    assert.equal(client.closed[0].code, code);
    assert.match(client.closed[0].reason, reason);
    assert.match(hub.said.slice(said).join(), /Permission denied to access .*\n.*/);
    assert.match(hub.said.slice(said).join(), reason);
    assert.equal(client.provider.shouldConnect, false, 'it does not come back');
    assert.equal(client.closes.length, 1);
  }
  const other = hub.connect('y-websocket 3', 'stock/denied');
  await saved([other]);
  assert.equal(other.text, '');
});

for (const kind of websocketKinds) {
  test(`${kind}: what a reader writes nobody sees`, async (t) => {
    const hub = await Hub.open(t);
    const writer = hub.connect(kind, 'stock/reading', { token: await hub.token(writes) });
    writer.type('written;');
    const reader = hub.connect(kind, 'stock/reading', { token: await hub.token(reads, { sub: 'eve' }) });
    await converges([writer, reader], ['written;']);
    assert.match(hub.said.join(), /Permission denied.*doc:write/s, 'it is told before it writes');
    reader.type('by the reader;');
    writer.type('on;');
    await until(
      () => `the reader has what was written after its edit, but ${reader.text}`,
      () => reader.text.includes('on;'),
    );
    assert.equal(writer.text, 'written;on;');
    assert.deepEqual([...reader.closes, ...reader.closed], []);
  });

  test(`${kind}: it comes back after a close that may be retried`, async (t) => {
    const hub = await Hub.open(t);
    const client = hub.connect(kind, 'stock/back', { token: await hub.token(writes) });
    await saved([client]);
    await hub.server.kill(); // 1006
    client.type('while it was gone;');
    await hub.server.start();
    const other = hub.connect(kind, 'stock/back');
    await converges([client, other], ['while it was gone;']);
    hub.server.child.kill('SIGTERM'); // the hub says goodbye
    await hub.server.exited;
    await until(
      () => `two closes, but ${JSON.stringify(client.closes)}`,
      () => client.closes.length >= 2,
    );
    client.type('and again;');
    await hub.server.start();
    await converges([client, other], ['while it was gone;', 'and again;']);
    assert.deepEqual(client.closed, []);
  });
}
