import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Announcer } from '../src/lib/announcer';
import { estimate } from '../src/lib/estimate';
import { dayOf, pause, startsDay, startsGroup } from '../src/lib/grouping';
import { displayName, hueOf, initials, listNames, nameProblem } from '../src/lib/names';
import { insideFence } from '../src/lib/text';
import { dayLabel } from '../src/lib/time';

const noon = new Date(2026, 10, 24, 12, 0).getTime();
const ann = { user: 'ann', name: 'Ann', at: noon };

describe('grouping', () => {
  it('joins what one person says in one go', () => {
    expect(startsGroup(ann, { ...ann, at: noon + 1000 })).toBe(false);
  });

  it('begins anew with another person, another name, an answer, a pause, a day', () => {
    expect(startsGroup(undefined, ann)).toBe(true);
    expect(startsGroup(ann, { ...ann, user: 'bob' })).toBe(true);
    expect(startsGroup(ann, { ...ann, name: 'Anna' })).toBe(true);
    expect(startsGroup(ann, { ...ann, replyTo: 3 })).toBe(true);
    expect(startsGroup(ann, { ...ann, at: noon + pause + 1 })).toBe(true);
    const night = new Date(2026, 10, 24, 23, 59).getTime();
    expect(startsGroup({ ...ann, at: night }, { ...ann, at: night + 2 * 60_000 })).toBe(true);
  });

  it('knows days by the calendar, not by 24 hours', () => {
    const late = new Date(2026, 11, 31, 23, 59).getTime();
    expect(startsDay({ ...ann, at: late }, { ...ann, at: late + 60_000 })).toBe(true);
    expect(dayOf(late + 60_000)).toBeGreaterThan(dayOf(late));
  });

  it('labels them as people say it', () => {
    expect(dayLabel(noon, noon)).toMatch(/today/i);
    expect(dayLabel(noon - 86_400_000, noon)).toMatch(/yesterday/i);
    expect(dayLabel(noon - 3 * 86_400_000, noon)).toContain('21');
    expect(dayLabel(new Date(2024, 1, 29).getTime(), noon)).toContain('2024');
  });
});

describe('estimated heights', () => {
  const message = { ...ann, text: 'hello', reactions: [] };

  it('grow with what a row has to show', () => {
    const plain = estimate(message, { ...message, at: noon + 1 });
    expect(estimate(undefined, message)).toBeGreaterThan(plain);
    expect(estimate(message, { ...message, text: 'a\nb\nc' })).toBeGreaterThan(plain);
    expect(estimate(message, { ...message, text: 'x'.repeat(500) })).toBeGreaterThan(plain);
    expect(estimate(message, { ...message, reactions: [1] })).toBeGreaterThan(plain);
  });
});

describe('names', () => {
  it('become one or two letters', () => {
    expect(initials('Ann Lindqvist')).toBe('AL');
    expect(initials('bob')).toBe('B');
    expect(initials('👩‍💻 dev')).toBe('👩‍💻D');
    expect(initials('  ')).toBe('?');
  });

  it('have a colour that stays', () => {
    expect(hueOf('ann')).toBe(hueOf('ann'));
    for (const user of ['', 'a', 'guest-1234', '日本']) expect(hueOf(user)).toBeLessThan(360);
  });

  it('are listed as people say it', () => {
    expect(listNames([])).toBe('');
    expect(listNames(['A'])).toBe('A');
    expect(listNames(['A', 'B'])).toBe('A and B');
    expect(listNames(['A', 'B', 'C'])).toBe('A, B and C');
    expect(listNames(['A', 'B', 'C', 'D', 'E'])).toBe('A, B and 3 others');
  });

  it('are found for those who gave none', () => {
    expect(displayName({ user: 'alice', name: ' ' })).toBe('alice');
    expect(displayName({ user: '' })).toBe('Guest');
    expect(displayName({ user: 'u', name: ' Ann ' })).toBe('Ann');
  });

  it('have to be there and to fit', () => {
    expect(nameProblem(' ')).not.toBe('');
    expect(nameProblem('é'.repeat(33))).not.toBe('');
    expect(nameProblem('é'.repeat(32))).toBe('');
  });
});

describe('fences', () => {
  it('hold the caret only while they are open', () => {
    expect(insideFence('```go\nx', 7)).toBe(true);
    expect(insideFence('```go\nx\n```', 11)).toBe(false);
    expect(insideFence('no ``` here', 11)).toBe(false);
  });
});

describe('the announcer', () => {
  let said: string[] = [];
  beforeEach(() => {
    vi.useFakeTimers();
    said = [];
  });
  afterEach(() => vi.useRealTimers());

  it('says the first at once, and the next after a while', () => {
    const announcer = new Announcer((text) => said.push(text), 1000);
    announcer.message({ who: 'Ann', text: 'hello' });
    announcer.message({ who: 'Bob', text: 'hi' });
    expect(said).toEqual(['Ann: hello']);
    vi.advanceTimersByTime(1000);
    expect(said).toEqual(['Ann: hello', 'Bob: hi']);
  });

  it('says how many there are when there are too many to hear', () => {
    const announcer = new Announcer((text) => said.push(text), 1000);
    for (let i = 0; i < 20; i++) announcer.message({ who: 'Ann', text: String(i) });
    vi.advanceTimersByTime(10_000);
    expect(said).toEqual(['Ann: 0', '19 new messages']);
  });

  it('says nothing more once it was told to stop', () => {
    const announcer = new Announcer((text) => said.push(text), 1000);
    announcer.message({ who: 'Ann', text: 'a' });
    announcer.message({ who: 'Ann', text: 'b' });
    announcer.clear();
    vi.advanceTimersByTime(10_000);
    expect(said).toEqual(['Ann: a']);
  });
});
