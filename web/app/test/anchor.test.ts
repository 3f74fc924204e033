import { expect, it } from 'vitest';
import * as Y from 'yjs';
import { anchorAt, placeOf } from '../src/lib/docs/anchor';

const words = 'One two three';

function anchored() {
  const text = new Y.Doc().getText('codemirror');
  text.insert(0, words);
  const anchor = JSON.parse(JSON.stringify(anchorAt(text, { from: 4, to: 7 })));
  const quoted = () => {
    const range = placeOf(text, anchor);
    return range && text.toString().slice(range.from, range.to);
  };
  return { text, anchor, quoted };
}

it('an anchor stays on its words while text comes and goes around them', () => {
  const { text, quoted } = anchored();
  text.insert(0, 'Zero ');
  expect(quoted()).toBe('two');
  text.delete(0, 7);
  expect(quoted()).toBe('two');
  text.insert(text.length, ' four');
  expect(quoted()).toBe('two');
});

it('what is written at the borders is outside, what is written between is inside', () => {
  const { text, quoted } = anchored();
  text.insert(7, '!');
  expect(quoted()).toBe('two');
  text.insert(4, '?');
  expect(quoted()).toBe('two');
  text.insert(6, '-');
  expect(quoted()).toBe('t-wo');
});

it('words that were removed have no place; what remains of them has', () => {
  const { text, quoted } = anchored();
  text.delete(4, 2);
  expect(quoted()).toBe('o');
  text.delete(4, 1);
  expect(quoted()).toBeUndefined();
});

it('an anchor in another text, or none at all, has no place', () => {
  const { text, anchor } = anchored();
  const other = text.doc?.getText('other') ?? new Y.Text();
  expect(placeOf(other, anchor)).toBeUndefined();
  expect(placeOf(text, { start: 'x', end: null })).toBeUndefined();
});
