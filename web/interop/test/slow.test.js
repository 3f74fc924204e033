// What takes its time: clients that vanish, and clients that say nothing. A minute in all,
// since these tests run side by side.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, hocuspocusKinds, kinds } from '../src/stock/clients.js';
import { converges, Hub, saved, see } from '../src/stock/hub.js';
import { Tunnel } from '../src/stock/tunnel.js';

describe('clients that are gone, or silent', { concurrency: true, timeout: 120_000 }, () => {
  for (const kind of kinds) {
    test(`${kind}: who closes is gone within 2 s, for newcomers too`, async (t) => {
      const hub = await Hub.open(t);
      const ann = hub.connect(kind, 'stock/close', { user: 'ann' });
      const bob = hub.connect(kind, 'stock/close', { user: 'bob' });
      await see([ann, bob], ['ann', 'bob']);
      bob.destroy();
      await see([ann], ['ann'], 2000);
      const cid = hub.connect(kind, 'stock/close', { user: 'cid' });
      await see([ann, cid], ['ann', 'cid']);
    });

    test(`${kind}: who vanishes is gone within 35 s, for newcomers too`, async (t) => {
      const hub = await Hub.open(t);
      const tunnel = await Tunnel.open(t, hub.server.how.ready);
      const ann = hub.connect(kind, 'stock/vanish', { user: 'ann' });
      const bob = connect(kind, tunnel.through(hub.server.urls), 'stock/vanish', { user: 'bob' });
      hub.clients.push(bob);
      await see([ann, bob], ['ann', 'bob']);
      tunnel.silent = true;
      const since = Date.now();
      await see([ann], ['ann'], 35_000);
      t.diagnostic(`gone after ${Date.now() - since} ms`);
      const cid = hub.connect(kind, 'stock/vanish', { user: 'cid' });
      await see([ann, cid], ['ann', 'cid'], 35_000 - (Date.now() - since));
    });

    test(`${kind}: who has nothing to say for a minute`, async (t) => {
      const hub = await Hub.open(t);
      const quiet = hocuspocusKinds.includes(kind) ? { awareness: null } : {};
      const [one, two] = [1, 2].map(() => hub.connect(kind, 'stock/quiet', quiet));
      for (const { awareness } of [one, two]) awareness?.setLocalState(null);
      await saved([one, two]);
      await delay(65_000);
      t.diagnostic(`closed ${one.closes.length} times: ${JSON.stringify(one.closes)}`);
      if (kind === 'hocuspocus 4')
        assert.deepEqual([...one.closes, ...two.closes], [], 'the hub keeps it alive');
      one.type('still here;');
      await converges([one, two], ['still here;']);
      await saved([one, two]);
    });
  }
});
