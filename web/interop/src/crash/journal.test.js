import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as Y from 'yjs';
import { Journal, tokenOf } from './journal.js';
import { contentOf, covers } from './providers.js';

const [one, two, three] = [1, 2, 3].map((number) => tokenOf(0, number));

// A client that inserted two tokens, deleted the first, and set a key twice.
function journal(...claimed) {
  const journal = new Journal();
  journal.made(0, { number: 1, kind: 'insert', target: one });
  journal.made(0, { number: 2, kind: 'insert', target: two });
  journal.made(0, { number: 3, kind: 'delete', target: one });
  journal.made(0, { number: 4, kind: 'set', target: '0.0' });
  journal.made(0, { number: 5, kind: 'set', target: '0.0' });
  journal.claim(0, claimed);
  return journal;
}

const verdicts = [
  { name: 'all there', claimed: [1, 2, 3, 4, 5], text: two, keys: { '0.0': 5 }, lost: [] },
  { name: 'nothing claimed', claimed: [], text: '', keys: {}, lost: [] },
  { name: 'everything gone', claimed: [1, 2, 3, 4, 5], text: '', keys: {}, lost: [2, 4, 5] },
  { name: 'a deletion undone', claimed: [1, 2, 3], text: one + two, keys: {}, lost: [3] },
  { name: 'a deletion that was not claimed', claimed: [1, 2], text: one + two, keys: {}, lost: [] },
  { name: 'an older value', claimed: [4, 5], text: '', keys: { '0.0': 4 }, lost: [5] },
  { name: 'a newer value', claimed: [4], text: '', keys: { '0.0': 5 }, lost: [] },
  { name: 'twice', claimed: [], text: two + two, keys: {}, lost: [], doubled: [two] },
  { name: 'torn', claimed: [], text: `${two}c0-`, keys: {}, lost: [], torn: 3 },
  { name: 'one that nobody reported', claimed: [], text: three, keys: {}, lost: [] },
];

for (const { name, claimed, text, keys, lost, doubled = [], torn = 0 } of verdicts) {
  test(name, () => {
    const verdict = journal(...claimed).judge({ text, keys });
    const numbers = verdict.lost.map((edit) => edit.number);
    assert.deepEqual({ ...verdict, lost: numbers }, { lost, doubled, torn });
  });
}

test('an update that came back covers what it carries, merged or not', () => {
  const doc = new Y.Doc();
  const updates = [];
  doc.on('update', (update) => updates.push(update));
  const text = doc.getText('text');
  text.insert(0, one);
  text.insert(0, two);
  text.delete(0, two.length);
  const content = (update) => contentOf(update, doc.clientID);
  const [first, second, deletion] = updates.map(content);
  const merged = content(Y.mergeUpdates(updates));
  for (const part of [first, second, deletion]) assert.ok(covers(merged, part));
  assert.ok(covers(second, second));
  assert.ok(!covers(first, second));
  assert.ok(!covers(second, deletion));
});
