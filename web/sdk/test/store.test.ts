import { afterEach, describe, expect, it, vi } from 'vitest';
import { Emitter } from '../src/emitter.js';
import { Derived, Value } from '../src/store.js';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('a value', () => {
  it('is told at once, and after each change', () => {
    const value = new Value(1);
    const seen: number[] = [];
    const off = value.subscribe((v) => seen.push(v));
    value.set(2);
    value.set(2);
    off();
    value.set(3);
    expect(seen).toEqual([1, 2]);
    expect(value.getSnapshot()).toBe(3);
  });

  it('works as a React external store does: without its object', () => {
    const { subscribe, getSnapshot } = new Value('a');
    const seen: string[] = [];
    subscribe((v) => seen.push(v))();
    expect([...seen, getSnapshot()]).toEqual(['a', 'a']);
  });

  it('counts the same listener twice if it subscribes twice', () => {
    const value = new Value(0);
    const fn = vi.fn();
    const off = value.subscribe(fn);
    value.subscribe(fn);
    off();
    value.set(1);
    expect(fn.mock.calls).toEqual([[0], [0], [1]]);
  });

  it('survives a listener that throws', () => {
    const report = vi.fn();
    vi.stubGlobal('reportError', report);
    const value = new Value(0);
    value.subscribe(() => {
      throw new Error('theirs');
    });
    const seen: number[] = [];
    value.subscribe((v) => seen.push(v));
    value.set(1);
    expect(seen).toEqual([0, 1]);
    expect(report).toHaveBeenCalledTimes(2);
  });
});

describe('a derived value', () => {
  it('is built when somebody looks, and stays the same object until something changes', () => {
    let builds = 0;
    const derived = new Derived(() => ({ n: ++builds }));
    expect(builds).toBe(0);
    const first = derived.getSnapshot();
    expect(derived.getSnapshot()).toBe(first);
    derived.invalidate();
    derived.invalidate();
    expect(derived.getSnapshot()).toEqual({ n: 2 });
  });

  it('tells of many changes once a frame, with the newest value', async () => {
    vi.useFakeTimers();
    let n = 0;
    const derived = new Derived(() => n);
    const seen: number[] = [];
    derived.subscribe((v) => seen.push(v));
    for (let ms = 0; ms < 160; ms++) {
      n++;
      derived.invalidate();
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(100);
    expect(seen[0]).toBe(0);
    expect(seen.at(-1)).toBe(160);
    expect(seen.length).toBeLessThanOrEqual(13);
    expect(seen.length).toBeGreaterThan(8);
  });
});

describe('an emitter', () => {
  it('lets a listener go away while it is told', () => {
    const emitter = new Emitter<{ a: number }>();
    const seen: string[] = [];
    const off = emitter.on('a', () => {
      seen.push('once');
      off();
    });
    emitter.on('a', () => seen.push('always'));
    emitter.emit('a', 1);
    emitter.emit('a', 2);
    expect(seen).toEqual(['once', 'always', 'always']);
  });
});
