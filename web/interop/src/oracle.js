// Answers for Yjs 13, so that the tests in Go can ask what it would do.
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import * as awareness from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { applyAll } from './many-updates.js';
import { remembered, stateOf } from './scenario.js';
import { serve } from './serve.js';
import { trace } from './trace.js';

const convert = { '1to2': Y.convertUpdateFormatV1ToV2, '2to1': Y.convertUpdateFormatV2ToV1 };

await serve({
  scenario: (args) => remembered(Y, args),
  // A new document that has been given updates, in their order.
  open: ({ updates, version = 1, vector }) => {
    const doc = new Y.Doc();
    // Yjs deletes attributes that have become redundant, which ones depends on what
    // comes in one transaction. That is an edit by this reader, and not asked for here.
    doc.on('afterTransaction', (transaction) => {
      transaction._needFormattingCleanup = false;
    });
    if (version === 2) for (const update of updates) Y.applyUpdateV2(doc, update);
    else applyAll(Y, doc, updates);
    return stateOf(Y, doc, vector);
  },
  merge: ({ updates }) => ({ update: Y.mergeUpdates(updates) }),
  diff: ({ update, vector }) => ({ update: Y.diffUpdate(update, vector) }),
  convert: ({ update, how }) => ({ update: convert[how](update) }),
  trace: (args) => trace(Y, args),
  // A value as lib0 writes it, and what JSON has of it.
  any: ({ text }) => {
    const encoder = encoding.createEncoder();
    encoding.writeAny(encoder, JSON.parse(text));
    const bytes = encoding.toUint8Array(encoder);
    return { bytes, text: JSON.stringify(decoding.readAny(decoding.createDecoder(bytes))) };
  },
  // What y-protocols makes of a sync message, and what it says itself.
  sync: ({ message, updates }) => {
    const doc = new Y.Doc();
    for (const update of updates) Y.applyUpdate(doc, update);
    const answer = encoding.createEncoder();
    const type = sync.readSyncMessage(decoding.createDecoder(message), answer, doc, null);
    const step1 = encoding.createEncoder();
    sync.writeSyncStep1(step1, doc);
    return {
      type,
      answer: encoding.toUint8Array(answer),
      step1: encoding.toUint8Array(step1),
      ...stateOf(Y, doc),
    };
  },
  // What y-protocols comes to after awareness updates, and says itself.
  awareness: ({ updates }) => {
    const doc = new Y.Doc();
    const all = new awareness.Awareness(doc);
    all.setLocalState(null);
    const own = all.clientID;
    for (const update of updates) awareness.applyAwarenessUpdate(all, update, null);
    const clients = [...all.getStates().keys()].filter((id) => id !== own).sort((a, b) => a - b);
    const update = awareness.encodeAwarenessUpdate(all, clients);
    doc.destroy();
    return { update };
  },
});
