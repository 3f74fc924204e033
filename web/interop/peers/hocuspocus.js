// Hocuspocus as its documentation starts it, with SQLite on disk. With DURABLE it
// writes each update to a file before it looks at it, which is what makes a run of
// `crash` come out clean and so shows that the harness does not cry wolf.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SQLite } from '@hocuspocus/extension-sqlite';
import { Server } from '@hocuspocus/server';
import * as Y from 'yjs';

const { PORT, DATA, DURABLE } = process.env;
const log = join(DATA, 'updates.log');

function* updates() {
  const bytes = existsSync(log) ? readFileSync(log) : Buffer.alloc(0);
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) return; // torn by the kill, and so never acked
    yield bytes.subarray(at + 4, end);
    at = end;
  }
}

const durable = {
  async onLoadDocument({ document }) {
    for (const update of updates()) Y.applyUpdate(document, update);
  },
  // Type 0 is a question; 1 and 2 bring an update.
  async beforeSync({ type, payload }) {
    if (type === 0) return;
    const size = Buffer.alloc(4);
    size.writeUInt32LE(payload.length);
    appendFileSync(log, Buffer.concat([size, payload]));
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
