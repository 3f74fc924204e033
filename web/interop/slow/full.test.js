// A disk that fills up while clients of every version edit. On Linux, where a process may
// have a file system of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hocuspocusKinds, kinds } from '../src/stock/clients.js';
import { converges, Hub, saved, see, until } from '../src/stock/hub.js';

const within = process.env.INTEROP_SMALL_DISK;

if (within) {
  test('the reserve is reached', (t) => fillsUp(t, 2 << 20));
  test('nothing is left at all', (t) => fillsUp(t, 0));
} else {
  test('on a small disk', { skip: process.platform !== 'linux', timeout: 240_000 }, inSmallDisk);
}

// Runs this file once more, with a disk of 64 MB for what it stores.
async function inSmallDisk(t) {
  const folder = mkdtempSync(join(tmpdir(), 'interop-disk-'));
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const inner = 'mount -t tmpfs -o size=64m tmpfs "$TMPDIR" && exec "$0" --test --test-force-exit "$1"';
  const args = ['-rm', 'sh', '-c', inner, process.execPath, fileURLToPath(import.meta.url)];
  const child = spawn('unshare', args, { env: { ...env, TMPDIR: folder, INTEROP_SMALL_DISK: folder } });
  let said = '';
  for (const out of [child.stdout, child.stderr]) {
    out.on('data', (text) => {
      said += text;
    });
  }
  const [code] = await once(child, 'close');
  rmSync(folder, { recursive: true });
  t.diagnostic(said);
  assert.equal(code, 0, said);
}

// Takes all but some bytes of the disk; what is given back frees them.
async function fill(leave) {
  const ballast = join(within, 'ballast');
  const { bavail, bsize } = statfsSync(within);
  const [code] = await once(spawn('fallocate', ['-l', `${bavail * bsize - leave}`, ballast]), 'close');
  assert.equal(code, 0);
  return () => rmSync(ballast);
}

async function fillsUp(t, leave) {
  const hub = await Hub.open(t);
  const clients = kinds.map((kind) => hub.connect(kind, 'stock/full', { user: kind }));
  await saved(clients);
  for (const [i, client] of clients.entries()) client.type(`<${i} before>`);
  const before = kinds.map((_, i) => `<${i} before>`);
  await converges(clients, before);
  await saved(clients);

  const free = await fill(leave);
  t.after(() => rmSync(join(within, 'ballast'), { force: true }));
  await until(
    () => 'the hub is not ready',
    async () => !(await fetch(hub.server.how.ready)).ok,
    20_000,
  );
  const all = [...before];
  await until(
    () => `all were sent away, but ${JSON.stringify(clients.map(({ closes }) => closes))}`,
    async () => {
      // What is written before the hub has noticed may have been stored.
      for (const [i, client] of clients.entries()) {
        if (client.closes.length > 0) continue;
        all.push(`<${i} wrote number ${all.length} ${'.'.repeat(1000)}>`);
        client.type(all.at(-1));
      }
      await delay(500);
      return clients.every(({ closes }) => closes.length > 0);
    },
    40_000,
  );
  t.diagnostic(JSON.stringify(clients.map(({ closes }) => closes[0])));
  for (const [i, client] of clients.entries()) {
    assert.match(client.closes[0].reason, /full|space/, kinds[i]);
    if (hocuspocusKinds.includes(kinds[i])) assert.ok(client.unsaved > 0, `${kinds[i]} knows`);
  }
  const reads = await hub.token({ 'stock/*': ['doc:read'] });
  const reader = hub.connect('y-websocket 3', 'stock/full', { token: reads });
  await until(
    () => `a reader is given all that was saved, but ${reader.text}`,
    () => before.every((part) => reader.text.includes(part)),
    20_000,
  );
  const writer = hub.connect('y-websocket 3', 'stock/full');
  await until(
    () => 'a newcomer who would write is refused',
    () => writer.closes.length > 0,
  );
  assert.equal(writer.synced, false);

  free();
  await converges([...clients, reader, writer], all, 60_000);
  await saved(clients, 30_000);
  await see(clients, [...kinds].sort(), 30_000);
  await hub.server.kill();
  for (const client of hub.clients) client.destroy();
  await hub.server.start();
  const late = hub.connect('hocuspocus 4', 'stock/full');
  await converges([late], all);
}
