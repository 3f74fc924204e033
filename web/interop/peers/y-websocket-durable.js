// The y-websocket server, with a file that is read and written without waiting, where its
// own store writes behind its back. The other half of what hocuspocus.js does with DURABLE.
import { join } from 'node:path';
import { setPersistence } from '@y/websocket-server/utils';
import * as Y from 'yjs';
import { append, updates } from './log.js';

const log = join(process.env.DATA, 'updates.log');

setPersistence({
  // The server's own listener sends updates back, and came first. A kill between that and
  // the file does happen: the file has to be the first of all.
  bindState(_, doc) {
    for (const update of updates(log)) Y.applyUpdate(doc, update);
    const others = [...doc._observers.get('update')];
    for (const listener of others) doc.off('update', listener);
    doc.on('update', (update) => append(log, update));
    for (const listener of others) doc.on('update', listener);
  },
  async writeState() {},
});

await import('./node_modules/@y/websocket-server/src/server.js');
