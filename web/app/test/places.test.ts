import { describe, expect, it } from 'vitest';
import { formatPlace, parsePlace, parseSeq } from '../src/lib/permalink';
import { roomProblem, tidyRoomName } from '../src/lib/roomname';

const at = (address: string) => parsePlace(new URL(address, 'https://hub.example'));

describe('addresses', () => {
  it.each(['lobby', 'team/a', 'a.b', 'a:b@c+d~e=f', 'Ünïcode', '日本語', 'a/../b', 'é', '1'])(
    'of %s lead back to it',
    (room) => {
      expect(at(formatPlace({ room }))).toEqual({ room });
      expect(at(formatPlace({ room, seq: 42 }))).toEqual({ room, seq: 42 });
      expect(at(formatPlace({ room, tab: 'notes' }))).toEqual({ room, tab: 'notes' });
    },
  );

  it.each(['/', '/r/', '/r/a b', '/x/lobby', '/r/%E0%A4%A', '/r/%00', '/r/a/b'])(
    '%s is no room',
    (address) => {
      expect(at(address)).toBeNull();
    },
  );

  it('lead to the chat where they name no document that there is, and wherever they name a message', () => {
    expect(at('/r/lobby?tab=chat')).toEqual({ room: 'lobby' });
    expect(at('/r/lobby?tab=drawings')).toEqual({ room: 'lobby' });
    expect(at('/r/lobby?tab=notes#m=7')).toEqual({ room: 'lobby', seq: 7 });
  });

  it('join what one keyboard writes as one character and another as two', () => {
    expect(at(`/r/${encodeURIComponent('e\u0301')}`)).toEqual({ room: 'é' });
  });

  it.each(['#m=0', '#m=-1', '#m=1.5', '#m=', '#m=12x', '#12', '#m=99999999999999999', ''])(
    '%s names no message',
    (hash) => {
      expect(parseSeq(hash)).toBeUndefined();
    },
  );
});

describe('room names', () => {
  it.each(['lobby', 'a_b-c.d:e/f@g+h~i=j', '日本語', 'é', 'x'.repeat(128)])('%s is one', (name) => {
    expect(roomProblem(name)).toBe('');
  });

  it.each(['', 'a b', 'a#b', 'a?b', '<b>', 'x'.repeat(129), 'é'.repeat(65), '.', '..', 'a\u0000'])(
    '%j is none, and says why',
    (name) => {
      expect(roomProblem(name)).not.toBe('');
    },
  );

  it('are tidied as they were most likely meant', () => {
    expect(tidyRoomName('  #My  room ')).toBe('My-room');
  });
});
