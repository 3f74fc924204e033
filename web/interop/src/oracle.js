// Answers for Yjs, so that the tests in Go can ask what it would do. A line of JSON
// in, a line of JSON out; bytes travel as {"b64": "…"}.
import { createInterface } from 'node:readline';
import * as Y from 'yjs';
import { scenario, stateOf } from './scenario.js';
import { trace } from './trace.js';

const convert = { '1to2': Y.convertUpdateFormatV1ToV2, '2to1': Y.convertUpdateFormatV2ToV1 };

const commands = {
  scenario: (args) => scenario(Y, args),
  // A new document that has been given updates, in their order.
  open: ({ updates, version = 1, vector }) => {
    const doc = new Y.Doc();
    // Yjs deletes attributes that have become redundant, which ones depends on what
    // comes in one transaction. That is an edit by this reader, and not asked for here.
    doc.on('afterTransaction', (transaction) => {
      transaction._needFormattingCleanup = false;
    });
    const apply = version === 2 ? Y.applyUpdateV2 : Y.applyUpdate;
    for (const update of updates) apply(doc, update);
    return stateOf(Y, doc, vector);
  },
  merge: ({ updates }) => ({ update: Y.mergeUpdates(updates) }),
  diff: ({ update, vector }) => ({ update: Y.diffUpdate(update, vector) }),
  convert: ({ update, how }) => ({ update: convert[how](update) }),
  trace: (args) => trace(Y, args),
};

const fromWire = (_, v) =>
  v !== null && typeof v === 'object' && typeof v.b64 === 'string'
    ? Uint8Array.from(Buffer.from(v.b64, 'base64'))
    : v;
function toWire(key, v) {
  const raw = this[key];
  return raw instanceof Uint8Array ? { b64: Buffer.from(raw).toString('base64') } : v;
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
  const { command, ...args } = JSON.parse(line, fromWire);
  let answer;
  try {
    answer = commands[command](args);
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer, toWire)}\n`);
}
