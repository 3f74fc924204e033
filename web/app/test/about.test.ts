import type { Json } from '@hubbub-im/sdk';
import { expect, it } from 'vitest';
import { aboutOf } from '../src/lib/about';

it('a message that begins a comment is about a document of its room', () => {
  const data = { document: 'team/a/notes', comment: 'c1', quote: 'two' };
  expect(aboutOf(data, 'team/a')).toEqual({ tab: 'notes', quote: 'two' });
  expect(aboutOf({ ...data, quote: 7 }, 'team/a')).toEqual({ tab: 'notes', quote: '' });
});

it.each<Json | undefined>([
  undefined,
  null,
  7,
  [],
  { document: 'b/notes', comment: 'c1' },
  { document: 'a/secrets', comment: 'c1' },
  { document: 'a/notes' },
])('%j is about none', (data) => {
  expect(aboutOf(data, 'a')).toBeUndefined();
});
