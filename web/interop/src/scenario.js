import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from './describe.js';
import { edit } from './edit.js';
import { randomOf } from './random.js';
import { fromWire, toWire } from './serve.js';

// A scenario is asked for by several tests, which may share what has been made: in the
// folder INTEROP_SCENARIOS, if there is one.
export function remembered(Y, args) {
  const folder = process.env.INTEROP_SCENARIOS;
  if (!folder) return scenario(Y, args);
  const name = join(folder, `${args.seed}-${args.edits}-${args.clients}.json`);
  if (existsSync(name)) return JSON.parse(readFileSync(name), fromWire);
  const made = scenario(Y, args);
  writeFileSync(`${name}.${process.pid}`, JSON.stringify(made, toWire));
  renameSync(`${name}.${process.pid}`, name);
  return made;
}

// Several clients edit a document, each seeing what the others did late, twice and out
// of order. Gives every update that was made, and what all come to in the end.
export function scenario(Y, { seed, clients = 3, edits = 100 }) {
  const random = randomOf(seed);
  const updates = [];
  const docs = Array.from({ length: clients }, (_, i) => {
    const doc = new Y.Doc({ gc: random.chance(0.7) });
    doc.clientID = random.client(32, i);
    return doc;
  });
  const inboxes = docs.map(() => []);
  docs.forEach((doc, i) => {
    let v1 = null;
    doc.on('update', (update, origin) => {
      v1 = origin === 'remote' ? null : update;
    });
    doc.on('updateV2', (v2, origin) => {
      if (origin === 'remote') return;
      updates.push({ v1, v2 });
      for (let j = 0; j < docs.length; j++) {
        if (j !== i) inboxes[j].push(v1);
      }
    });
  });
  const undo = new Y.UndoManager([docs[0].getText('text'), docs[0].getMap('map')], { captureTimeout: 0 });
  let n = 0;
  while (n < edits) {
    const i = random.int(docs.length);
    docs[i].transact(() => receive(Y, docs[i], inboxes[i], random), 'remote');
    if (i === 0 && random.chance(0.1)) {
      if (random.chance(0.7)) undo.undo();
      else undo.redo();
      n++;
    } else {
      docs[i].transact(() => {
        do {
          edit(Y, docs[i], random);
          n++;
        } while (random.chance(0.2));
      });
    }
  }
  const whole = new Y.Doc();
  whole.transact(() => {
    for (const { v1 } of updates) Y.applyUpdate(whole, v1);
  });
  // What a client deleted by itself, without being asked to, is in its own state only.
  for (const doc of docs) Y.applyUpdate(whole, Y.encodeStateAsUpdate(doc));
  return { updates, ...stateOf(Y, whole) };
}

function receive(Y, doc, inbox, random) {
  const n = random.int(inbox.length + 1);
  for (let k = 0; k < n; k++) {
    const at = random.chance(0.8) ? 0 : random.int(inbox.length);
    const update = random.chance(0.1) ? inbox[at] : inbox.splice(at, 1)[0];
    if (update !== undefined) Y.applyUpdate(doc, update, 'remote');
  }
}

export function stateOf(Y, doc, stateVector) {
  return {
    document: JSON.stringify(describe(Y, doc), (_, v) => (typeof v === 'bigint' ? `${v}n` : v)),
    vector: Y.encodeStateVector(doc),
    state: Y.encodeStateAsUpdate(doc, stateVector),
    stateV2: Y.encodeStateAsUpdateV2(doc, stateVector),
    pending: doc.store.pendingStructs !== null || doc.store.pendingDs !== null,
  };
}
