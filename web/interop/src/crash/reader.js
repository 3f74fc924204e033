// Somebody who has never seen the document opens it.
import { setTimeout as delay } from 'node:timers/promises';
import * as Y from 'yjs';
import { connect } from './providers.js';

const patience = 60_000; // ms for a server to say that one is synced, or to load
const quiet = 3000; // ms without an update, after which nothing more is expected

// Reads until is(document) or all is quiet. From a server that loadsLate, an empty document
// may be one that it has yet to load, however large that is.
export async function read(kind, { url, name, token, loadsLate }, is) {
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
      const enough = loadsLate && document.text === '' ? patience : quiet;
      if (is(document) || Date.now() - last > enough) return document;
    }
  } finally {
    provider.close();
    doc.destroy();
  }
}
