import { describe, expect, it } from 'vitest';
import { backoff } from '../src/backoff.js';

describe('the wait before another try', () => {
  it('is anything between nothing and a bound that doubles up to 20 s', () => {
    const most = (n: number) => backoff(n, 0, () => 1 - Number.EPSILON);
    expect(most(0)).toBeCloseTo(300);
    expect(most(1)).toBeCloseTo(600);
    expect(most(6)).toBeCloseTo(19_200);
    expect(most(7)).toBeCloseTo(20_000);
    expect(most(100_000)).toBeCloseTo(20_000);
  });

  it('is at least 0.3 s after the first one', () => {
    expect(backoff(0, 0, () => 0)).toBe(0);
    expect(backoff(1, 0, () => 0)).toBe(300);
    expect(backoff(9, 0, () => 0)).toBe(300);
  });

  it('is never shorter than what the hub asked for', () => {
    expect(backoff(0, 5000, () => 0.5)).toBe(5000);
    expect(backoff(9, 100, () => 0.5)).toBe(10_000);
  });

  it('differs from client to client', () => {
    const waits = new Set(Array.from({ length: 50 }, () => backoff(5)));
    expect(waits.size).toBeGreaterThan(40);
  });
});
