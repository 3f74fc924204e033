import { describe, expect, it } from 'vitest';
import { docNews } from '../src/lib/docs/state';

describe('what is said of a document', () => {
  it.each([
    ['connecting', true, null, 'opening'],
    ['connecting', false, 'write', 'opening'],
    ['synced', false, 'write', 'saving'],
    ['synced', true, 'write', 'saved'],
    ['synced', true, 'read', 'readonly'],
    ['synced', true, 'comment', 'readonly'],
    ['offline', true, 'write', 'offline'],
    ['offline', false, null, 'offline'],
    ['refused', true, null, 'refused'],
  ] as const)('%s, saved %s, access %s: %s', (state, saved, access, kind) => {
    expect(docNews({ state }, saved, access).kind).toBe(kind);
  });

  it('gives the reason of the hub where there is one', () => {
    const reason = 'not granted: doc:read';
    expect(docNews({ state: 'refused', reason }, true, null).detail).toBe(reason);
    expect(docNews({ state: 'synced', reason }, false, 'write')).toMatchObject({
      kind: 'unsaved',
      detail: reason,
    });
  });

  it('promises to keep what is written offline to those alone who may write', () => {
    expect(docNews({ state: 'offline' }, true, 'write').text).toContain('kept on this device');
    expect(docNews({ state: 'offline' }, true, 'read').text).toBe('Offline');
  });

  it('says why one may not write', () => {
    expect(docNews({ state: 'synced' }, true, 'comment').detail).toContain('comment here, but not write');
    expect(docNews({ state: 'synced' }, true, 'read').detail).toContain('neither write nor comment');
  });
});
