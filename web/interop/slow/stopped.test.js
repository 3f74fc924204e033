// Storage that stops while clients of every version edit: a NATS server that stands still,
// and one that is killed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hocuspocusKinds, kinds } from '../src/stock/clients.js';
import { Engine } from '../src/stock/engine.js';
import { converges, Hub, saved, until } from '../src/stock/hub.js';

test('storage stands still', { timeout: 180_000 }, (t) =>
  stops(
    t,
    (engine) => engine.stop(),
    (engine) => engine.goOn(),
  ),
);

test('storage is killed', { timeout: 180_000 }, (t) =>
  stops(
    t,
    (engine) => engine.kill(),
    (engine) => engine.start(),
  ),
);

async function stops(t, stop, goOn) {
  const engine = await Engine.open(t);
  const hub = await Hub.open(t, '--nats', engine.url);
  const clients = kinds.map((kind) => hub.connect(kind, 'stock/stop', { user: kind }));
  await saved(clients);
  const parts = [];
  const type = (what) => {
    for (const [i, client] of clients.entries()) {
      parts.push(`<${i} ${what}>`);
      client.type(parts.at(-1));
    }
  };
  type('before');
  await converges(clients, parts);
  await saved(clients);

  await stop(engine);
  type('while it is stopped');
  await converges(clients, parts); // an edit is told to the others before it is stored
  const unsaved = clients.filter((_, i) => hocuspocusKinds.includes(kinds[i]));
  await until(
    () => `all were sent away, but ${JSON.stringify(clients.map(({ closes }) => closes))}`,
    () => clients.every(({ closes }) => closes.length > 0),
    60_000,
  );
  t.diagnostic(JSON.stringify(clients.map(({ closes }) => closes[0])));
  for (const client of unsaved) assert.ok(client.unsaved > 0, 'nothing is called saved');
  assert.equal((await fetch(hub.server.how.ready)).ok, false);
  const newcomer = hub.connect('y-websocket 3', 'stock/stop');
  await until(
    () => 'a newcomer is refused',
    () => newcomer.closes.length > 0,
    60_000,
  );
  assert.equal(newcomer.synced, false);
  assert.ok(newcomer.closes[0].code < 4400, 'it comes back');

  await goOn(engine);
  await converges([...clients, newcomer], parts, 60_000);
  await saved(clients, 60_000);
  await hub.server.kill();
  for (const client of hub.clients) client.destroy();
  await hub.server.start();
  const late = hub.connect('hocuspocus 4', 'stock/stop');
  await converges([late], parts, 30_000);
}
