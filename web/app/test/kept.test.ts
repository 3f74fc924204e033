// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from 'vitest';
import { Drafts } from '../src/lib/drafts';
import { openShortcode, RecentEmoji } from '../src/lib/emoji';
import { ReadMarks, roomOfKey } from '../src/lib/readmarks';
import { isString, isStrings, prefix, Shelf } from '../src/lib/storage';

const shelf = () => new Shelf(() => localStorage);
const broken = () =>
  new Shelf(() => {
    throw new DOMException('no storage here', 'SecurityError');
  });

beforeEach(() => localStorage.clear());

describe('the shelf', () => {
  it('keeps values for the next page', () => {
    shelf().write('a', ['x']);
    expect(shelf().read('a', isStrings)).toEqual(['x']);
  });

  it('gives nothing that is not what it should be', () => {
    localStorage.setItem(`${prefix}a`, '{"x":1}');
    localStorage.setItem(`${prefix}b`, 'not json');
    expect(shelf().read('a', isString)).toBeUndefined();
    expect(shelf().read('b', isString)).toBeUndefined();
    expect(shelf().read('c', isString)).toBeUndefined();
  });

  it('works without storage for as long as the page lives', () => {
    const kept = broken();
    kept.write('a', 'x');
    expect(kept.read('a', isString)).toBe('x');
    kept.remove('a');
    expect(kept.read('a', isString)).toBeUndefined();
  });
});

describe('drafts', () => {
  it('are one a room, with what they answer', () => {
    const drafts = new Drafts(shelf());
    drafts.write('a', { text: 'half a thou', replyTo: 7 });
    drafts.write('b', { text: 'other' });
    expect(new Drafts(shelf()).read('a')).toEqual({ text: 'half a thou', replyTo: 7 });
    expect(new Drafts(shelf()).read('b')).toEqual({ text: 'other' });
    expect(new Drafts(shelf()).read('c')).toEqual({ text: '' });
  });

  it('go when nothing is left of them', () => {
    const drafts = new Drafts(shelf());
    drafts.write('a', { text: 'x' });
    drafts.write('a', { text: '  ' });
    expect(localStorage).toHaveLength(0);
  });

  it('bear rubbish', () => {
    localStorage.setItem(`${prefix}draft:a`, '{"text":5}');
    localStorage.setItem(`${prefix}draft:b`, '{"text":"x","replyTo":"7"}');
    expect(new Drafts(shelf()).read('a')).toEqual({ text: '' });
    expect(new Drafts(shelf()).read('b')).toEqual({ text: 'x' });
  });
});

describe('read marks', () => {
  it('only move forward', () => {
    const marks = new ReadMarks(shelf());
    marks.advance('a', { epoch: 'e', seq: 10 });
    expect(marks.advance('a', { epoch: 'e', seq: 4 })).toEqual({ epoch: 'e', seq: 10 });
    expect(marks.read('a')).toEqual({ epoch: 'e', seq: 10 });
  });

  it('start again with another epoch', () => {
    const marks = new ReadMarks(shelf());
    marks.advance('a', { epoch: 'e', seq: 10 });
    expect(marks.advance('a', { epoch: 'f', seq: 2 })).toEqual({ epoch: 'f', seq: 2 });
  });

  it('heed what another tab has written', () => {
    const one = new ReadMarks(shelf());
    const two = new ReadMarks(shelf());
    one.advance('a', { epoch: 'e', seq: 3 });
    two.advance('a', { epoch: 'e', seq: 9 });
    expect(one.advance('a', { epoch: 'e', seq: 5 }).seq).toBe(9);
  });

  it('are known by their key', () => {
    expect(roomOfKey(`${prefix}read:team/a`, prefix)).toBe('team/a');
    expect(roomOfKey(`${prefix}draft:a`, prefix)).toBeUndefined();
  });
});

describe('emoji', () => {
  it('used last come first, once each', () => {
    const recent = new RecentEmoji(shelf());
    for (const emoji of ['👍', '🎉', '👍']) recent.use(emoji);
    expect(recent.list()).toEqual(['👍', '🎉']);
  });

  it('are completed after a colon that begins a word', () => {
    expect(openShortcode('so :smi', 7)).toEqual({ query: 'smi', start: 3 });
    expect(openShortcode(':+1', 3)).toEqual({ query: '+1', start: 0 });
    expect(openShortcode('at 12:30', 8)).toBeNull();
    expect(openShortcode('http://x', 8)).toBeNull();
    expect(openShortcode(':s', 2)).toBeNull();
    expect(openShortcode(':smile and', 10)).toBeNull();
  });
});
