// Answers for Yjs 13 about what a document reads as, and what comes of edits.
import * as Y from 'yjs';
import { apply } from './apply.js';
import { applyAll } from './many-updates.js';
import { positions, resolve } from './positions.js';
import { read } from './read.js';
import { remembered } from './scenario.js';
import { serve } from './serve.js';

function open(updates) {
  const doc = new Y.Doc();
  // Attributes that have become redundant are not to be deleted by this reader.
  doc.on('afterTransaction', (transaction) => {
    transaction._needFormattingCleanup = false;
  });
  // A text that is made a Y.Text only after its formats have come looks for places by
  // markers, and loses sight of the attributes that hold there.
  doc.getText('text');
  applyAll(Y, doc, updates);
  return doc;
}

// How many marks there are in a text that are not deleted.
function marks(text) {
  let n = 0;
  for (let item = text._start; item !== null; item = item.right) {
    if (!item.deleted && item.content instanceof Y.ContentFormat) n++;
  }
  return n;
}

await serve({
  scenario: (args) => remembered(Y, args),
  read: ({ updates }) => {
    const began = performance.now();
    const doc = open(updates);
    return {
      openMS: performance.now() - began,
      read: read(Y, doc),
    };
  },
  positions: ({ updates, root, indices }) => positions(Y, open(updates), root, indices),
  resolve: ({ updates, encoded }) => resolve(Y, open(updates), encoded),
  // What comes of edits, and the update that they are.
  edit: ({ updates, client, operations }) => {
    const doc = open(updates);
    doc.clientID = client;
    let update = null;
    doc.on('update', (u) => {
      update = u;
    });
    apply(Y, doc, operations);
    return { read: read(Y, doc), update, marks: marks(doc.getText('text')) };
  },
});
