// One bit that is turned over on disk under a running hub, while clients of every version
// edit. Slow, because the engine lets go of what it has in memory after seconds only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { kinds } from '../src/stock/clients.js';
import { flip } from '../src/stock/disk.js';
import { converges, Hub, saved, until } from '../src/stock/hub.js';

test('a bit turned over under the running hub', { timeout: 180_000 }, async (t) => {
  const hub = await Hub.open(t);
  const clients = kinds.map((kind) => hub.connect(kind, 'stock/live', { user: kind }));
  await saved(clients);
  const parts = [];
  // One after the other, so that each part is a record of its own.
  const type = async (what) => {
    for (const [i, client] of clients.entries()) {
      parts.push(`<${i} ${what}>`);
      client.type(parts.at(-1));
      await converges(clients, parts);
      await saved(clients);
    }
  };
  await type('before');
  assert.equal(await flip(hub, parts[2]), 1);
  await type('after');
  for (const client of clients) client.leave();

  // A newcomer is given all, or, once the hub reads it from the disk, what stands before the
  // damage, since the rest was written behind it and waits for it. Then the hub has said so.
  await until(
    () => `what was damaged is missed, or was replaced: ${hub.server.said}`,
    async () => {
      const fresh = hub.connect('y-websocket 3', 'stock/live');
      await until(
        () => `the newcomer is synced, but ${JSON.stringify(fresh.closes)}`,
        () => fresh.synced,
      );
      const missing = parts.filter((part) => !fresh.text.includes(part));
      fresh.destroy();
      if (missing.length === 0) {
        await delay(15_000); // each reading keeps the block in memory for ten seconds more
        return false;
      }
      assert.deepEqual(missing, parts.slice(2));
      assert.match(hub.server.said, /1 of \d+ records cannot be read/);
      return true;
    },
    120_000,
  );
  for (const client of clients) client.comeBack();
  const late = hub.connect('hocuspocus 4', 'stock/live');
  await converges([...clients, late], parts, 30_000);
  await saved(clients, 30_000);
});
