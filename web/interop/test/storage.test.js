// One bit that is turned over in what the hub has on disk.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { flip } from '../src/stock/disk.js';
import { converges, Hub, saved, until } from '../src/stock/hub.js';

const run = promisify(execFile);

async function doctor(hub) {
  const { HUBBUB_BIN: binary, ...env } = process.env;
  try {
    return (await run(binary, ['doctor', '--data', hub.server.data], { env })).stdout;
  } catch ({ stdout }) {
    return stdout;
  }
}

async function stop(hub, signal) {
  hub.server.child.kill(signal);
  await hub.server.exited;
}

for (const signal of ['SIGTERM', 'SIGKILL']) {
  for (const lost of ['<first>', '<second>', '<third>']) {
    test(`a bit of ${lost} turned over while stopped by ${signal}`, async (t) => {
      const hub = await Hub.open(t);
      const kept = hub.connect('hocuspocus 4', 'stock/flipped');
      for (const part of ['<first>', '<second>', '<third>']) {
        kept.type(part);
        await saved([kept]);
      }
      kept.socket.disconnect();
      await stop(hub, signal);
      assert.equal(await flip(hub, lost), 1);
      // With an index the engine's start sees nothing, and the document's opening does; without
      // one all from there on is cut off.
      if (signal === 'SIGKILL') assert.match(await doctor(hub), /WRONG .*could not be read and were cut off/);
      await hub.server.start();
      const fresh = hub.connect('y-websocket 3', 'stock/flipped');
      await until(
        () => 'the newcomer is synced',
        () => fresh.synced,
      );
      assert.ok(!fresh.text.includes(lost));
      if (signal === 'SIGTERM') assert.match(hub.server.said, /1 of 3 records cannot be read/);
      kept.socket.connect();
      await converges([kept, fresh], ['<first>', '<second>', '<third>']);
      await saved([kept]);
    });
  }
}

test('a bit of the only record turned over: nobody is given an empty document', async (t) => {
  const hub = await Hub.open(t);
  const kept = hub.connect('hocuspocus 4', 'stock/only');
  kept.type('<all there is>');
  await saved([kept]);
  await stop(hub, 'SIGTERM');
  await flip(hub, '<all there is>');
  await hub.server.start();
  const fresh = hub.connect('y-websocket 3', 'stock/only');
  await until(
    () => `a refusal, but ${JSON.stringify(fresh.closes)}`,
    () => fresh.closes.length > 1,
  );
  assert.match(fresh.closes[0].reason, /its disk is damaged/);
  assert.ok(fresh.closes[0].code < 4400, 'it comes back');
  assert.equal(fresh.synced, false);
  assert.equal(kept.text, '<all there is>');
});
