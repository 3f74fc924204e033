// Answers for Yjs 14, whose client ids have 53 bits and whose updates have Skips in the
// middle of a whole state.
import * as Y from '@y/y';
import { randomOf, randomValue, randomWord } from './random.js';
import { serve } from './serve.js';

const roots = ['text', 'array', 'map'];

function edit(doc, random) {
  const type = targetOf(doc.get(random.pick(roots)), random);
  const at = random.int(type.length + 1);
  const length = Math.min(random.int(6), type.length - at);
  switch (random.int(7)) {
    case 0:
    case 1:
      if (length > 0) type.delete(at, length);
      return;
    case 2:
      if (length > 0) type.format(at, length, { bold: random.pick([true, null]) });
      return;
    case 3:
      type.setAttr(random.pick(['a', 'b']), random.chance(0.3) ? new Y.Type() : randomValue(random));
      return;
    case 4:
      type.insert(at, [random.chance(0.5) ? new Y.Type(random.pick([null, 'p'])) : randomValue(random)]);
      return;
    default:
      type.insert(at, randomWord(random));
  }
}

function targetOf(root, random) {
  const inner = [...root.toArray(), ...root.attrValues()].filter((v) => v instanceof Y.Type);
  return inner.length > 0 && random.chance(0.4) ? random.pick(inner) : root;
}

// The order of attributes is that in which they came, and means nothing.
function sorted(_, v) {
  const plain = v !== null && typeof v === 'object' && !Array.isArray(v);
  return plain ? Object.fromEntries(Object.entries(v).sort((a, b) => (a[0] < b[0] ? -1 : 1))) : v;
}

function stateOf(doc) {
  return {
    document: JSON.stringify(
      roots.map((name) => doc.get(name).toDeltaDeep().toJSON()),
      sorted,
    ),
    vector: Y.encodeStateVector(doc),
    state: Y.encodeStateAsUpdate(doc),
    stateV2: Y.encodeStateAsUpdateV2(doc),
  };
}

await serve({
  scenario: ({ seed, clients = 3, edits = 100 }) => {
    const random = randomOf(seed);
    const updates = [];
    const docs = Array.from({ length: clients }, (_, i) => {
      const doc = new Y.Doc();
      doc.clientID = random.client(53, i);
      let v1 = null;
      doc.on('update', (update, origin) => {
        v1 = origin === 'remote' ? null : update;
      });
      doc.on('updateV2', (v2, origin) => {
        if (origin !== 'remote') updates.push({ v1, v2 });
      });
      return doc;
    });
    const seen = docs.map(() => 0);
    for (let n = 0; n < edits; n++) {
      const i = random.int(docs.length);
      for (; seen[i] < updates.length && random.chance(0.8); seen[i]++) {
        Y.applyUpdate(docs[i], updates[seen[i]].v1, 'remote');
      }
      docs[i].transact(() => edit(docs[i], random));
    }
    const whole = new Y.Doc();
    for (const { v1 } of updates) Y.applyUpdate(whole, v1);
    return { updates, ...stateOf(whole) };
  },
  open: ({ updates }) => {
    const doc = new Y.Doc();
    for (const update of updates) Y.applyUpdate(doc, update);
    return stateOf(doc);
  },
});
