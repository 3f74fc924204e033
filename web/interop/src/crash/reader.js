// Somebody who has never seen the document opens it.
import { setTimeout as delay } from 'node:timers/promises';
import * as Y from 'yjs';
import { connect } from './providers.js';

// Reads until is(document) or until nothing has come for `quiet` ms: a server may say that
// one is synced (y-websocket does) before it has read its own disk.
export async function read(kind, { url, name, token }, is, quiet = 3000, patience = 60_000) {
  const doc = new Y.Doc();
  let last = Date.now();
  doc.on('update', () => {
    last = Date.now();
  });
  const provider = connect(kind, { url, name, doc, token });
  const begun = Date.now();
  try {
    for (;;) {
      await delay(20);
      if (!provider.isSynced()) {
        if (Date.now() - begun > patience)
          throw new Error(`a ${kind} reader was not synced within ${patience} ms`);
        last = Date.now();
        continue;
      }
      const document = { text: doc.getText('text').toString(), keys: doc.getMap('keys').toJSON() };
      if (is(document) || Date.now() - last > quiet) return document;
    }
  } finally {
    provider.close();
    doc.destroy();
  }
}
