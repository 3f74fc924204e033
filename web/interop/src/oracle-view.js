// Answers for Yjs 13 about what a document reads as, and what comes of edits.
import * as Y from 'yjs';
import { positions, resolve } from './positions.js';
import { read } from './read.js';
import { scenario } from './scenario.js';
import { serve } from './serve.js';

function open(updates) {
  const doc = new Y.Doc();
  // Attributes that have become redundant are not to be deleted by this reader.
  doc.on('afterTransaction', (transaction) => {
    transaction._needFormattingCleanup = false;
  });
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

await serve({
  scenario: (args) => scenario(Y, args),
  read: ({ updates }) => {
    const doc = open(updates);
    return {
      read: read(Y, doc),
      pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
      state: Y.encodeStateAsUpdate(doc),
    };
  },
  positions: ({ updates, root, indices }) => positions(Y, open(updates), root, indices),
  resolve: ({ updates, encoded }) => resolve(Y, open(updates), encoded),
  type: ({ client, value }) => {
    const doc = new Y.Doc();
    doc.clientID = client;
    doc.getMap('map').set('value', value);
    return { state: Y.encodeStateAsUpdate(doc) };
  },
});
