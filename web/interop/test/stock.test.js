// Stock clients of every version at once, at one document of a real hub.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kinds } from '../src/stock/clients.js';
import { converges, Hub, saved, see } from '../src/stock/hub.js';

const names = [...kinds].sort();

test('all versions write one document, see one another, and go on after the hub was killed', async (t) => {
  const hub = await Hub.open(t);
  const clients = kinds.map((kind) => hub.connect(kind, 'stock/all', { user: kind }));
  await saved(clients);
  for (const [i, client] of clients.entries()) client.type(`<${i} at first>`);
  const first = kinds.map((_, i) => `<${i} at first>`);
  await converges(clients, first);
  await saved(clients);
  await see(clients, names);

  await hub.server.kill();
  for (const [i, client] of clients.entries()) client.type(`<${i} alone>`);
  await hub.server.start();
  const all = [...first, ...kinds.map((_, i) => `<${i} alone>`)];
  await converges(clients, all, 20_000);
  await saved(clients);
  // A state that comes again under its old clock is passed over by whoever had seen it, until
  // its client renews it, which each does every 15 s.
  await see(clients, names, 25_000);

  const newcomers = kinds.map((kind) => hub.connect(kind, 'stock/all'));
  await converges([...clients, ...newcomers], all);
  assert.deepEqual(hub.said, [], 'nothing is said on the console');
});

test('all versions come back from a hub that sends them away one by one', async (t) => {
  const hub = await Hub.open(t, '--drain', '2s');
  const clients = kinds.map((kind) => hub.connect(kind, 'stock/moved'));
  await saved(clients);
  for (const [i, client] of clients.entries()) client.type(`<${i} at first>`);
  hub.server.child.kill('SIGTERM');
  for (const [i, client] of clients.entries()) client.type(`<${i} on the way>`);
  const [status] = await hub.server.exited;
  assert.equal(status, 0, hub.server.said);
  await hub.server.start();
  const all = kinds.flatMap((_, i) => [`<${i} at first>`, `<${i} on the way>`]);
  await converges(clients, all, 20_000);
  await saved(clients);
  const newcomers = kinds.map((kind) => hub.connect(kind, 'stock/moved'));
  await converges([...clients, ...newcomers], all);
  assert.deepEqual(hub.said, [], 'nothing is said on the console');
});

test('what one writes the other reads, whoever they are', async (t) => {
  const hub = await Hub.open(t);
  for (const one of kinds) {
    for (const other of kinds) {
      const name = `stock/${one} and ${other}`.replaceAll(' ', '-');
      const writer = hub.connect(one, name);
      writer.type('before;');
      await saved([writer]);
      const reader = hub.connect(other, name);
      await converges([writer, reader], ['before;']);
      writer.type('live;');
      reader.type('back;');
      await converges([writer, reader], ['before;', 'live;', 'back;']);
      await saved([writer, reader]);
      for (const client of [writer, reader]) client.destroy();
    }
  }
  assert.deepEqual(hub.said, []);
});
