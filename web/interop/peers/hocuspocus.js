// Hocuspocus as its documentation starts it, with SQLite on disk. With DURABLE it writes
// each update to a file before it looks at it: a run of `crash` then comes out clean, which
// shows that the harness does not cry wolf.
import { join } from 'node:path';
import { SQLite } from '@hocuspocus/extension-sqlite';
import { Server } from '@hocuspocus/server';
import * as Y from 'yjs';
import { append, updates } from './log.js';

const { PORT, DATA, DURABLE } = process.env;
const log = join(DATA, 'updates.log');

const durable = {
  async onLoadDocument({ document }) {
    for (const update of updates(log)) Y.applyUpdate(document, update);
  },
  // Type 0 is a question; 1 and 2 bring an update.
  async beforeSync({ type, payload }) {
    if (type !== 0) append(log, payload);
  },
};

const server = new Server({
  port: Number(PORT),
  address: '127.0.0.1',
  quiet: true,
  stopOnSignals: false,
  extensions: DURABLE ? [durable] : [new SQLite({ database: join(DATA, 'hocuspocus.sqlite') })],
});
await server.listen();
