import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Message, StoredEvent } from '../src/index.js';
import { Window } from '../src/window.js';
import { type Command, decode, encode } from '../src/wire.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function load<T>(path: string): T {
  return JSON.parse(readFileSync(`${root}${path}`, 'utf8')) as T;
}

interface FoldCase {
  name: string;
  events: StoredEvent[];
  messages: {
    seq: number;
    event: StoredEvent['event'];
    edited_at?: number;
    deleted?: boolean;
    reactions?: Message['reactions'];
  }[];
}

/** A message of this package in the terms of the golden files; what has no place in a message is left out. */
function golden(m: Message) {
  const { seq, id, user, name, text, data, replyTo, at, editedAt, deleted, reactions } = m;
  return { seq, id, user, name, text, data, replyTo, at, editedAt, deleted, reactions };
}

function expected({ seq, event, edited_at, deleted, reactions }: FoldCase['messages'][number]) {
  const { id, user, name = user, text = '', data, reply_to: replyTo, at } = event;
  return {
    seq,
    id,
    user,
    name,
    text,
    data,
    replyTo,
    at,
    editedAt: edited_at,
    deleted,
    reactions: reactions ?? [],
  };
}

describe('what events mean', () => {
  const files = readdirSync(`${root}room/testdata/fold`).filter((f) => f.endsWith('.json'));
  it.each(files)('%s', (file) => {
    const cases = load<FoldCase[]>(`room/testdata/fold/${file}`);
    expect(cases.length).toBeGreaterThan(0);
    for (const { name, events, messages } of cases) {
      const want = messages.map(expected);
      for (const [how, got] of [
        ['live', live(events)],
        ['as a page', page(events)],
      ] as const) {
        expect(got.map(golden), `${name}, ${how}`).toEqual(want);
      }
    }
  });

  function live(events: StoredEvent[]): Message[] {
    const window = new Window({ events: [], hasOlder: false, hasNewer: false }, () => 'ann');
    window.live = true;
    for (const { seq, event } of events) window.apply(seq, event);
    return collect(window);
  }

  function page(events: StoredEvent[]): Message[] {
    return collect(new Window({ events, hasOlder: false, hasNewer: false }, () => undefined));
  }

  function collect(window: Window): Message[] {
    const messages: Message[] = [];
    window.collect(messages);
    return messages;
  }
});

interface FrameCase {
  name: string;
  frame?: string;
  frame_base64?: string;
  reads_as?: string;
}

describe('frames', () => {
  const replies = load<FrameCase[]>('transport/wire/testdata/replies.json');
  it.each(replies)('reads: $name', ({ frame = '', reads_as = frame }) => {
    const known = decode(frame);
    const want = JSON.parse(reads_as);
    // What is not known is ignored: as a whole, or field by field.
    if (known) expect(known).toMatchObject(want);
    else
      expect(want.type).not.toBeOneOf(['connected', 'joined', 'event', 'ack', 'error', 'history', 'reset']);
  });

  const commands = load<FrameCase[]>('transport/wire/testdata/commands.json');
  it.each(commands)('writes: $name', ({ frame = '', reads_as = frame }) => {
    const { id = 0, ...command } = JSON.parse(reads_as) as Command & { id?: number };
    expect(JSON.parse(encode(command as Command, id))).toEqual(JSON.parse(reads_as));
  });

  it.each([
    ['no JSON', 'hello', /not JSON/],
    ['no object', '[1]', /without a type/],
    ['null', 'null', /without a type/],
    ['no type', '{"seq":1}', /without a type/],
    ['an event without its seq', '{"type":"event","room":"a","event":{}}', /"event".*"seq"/],
    ['an event without content', '{"type":"event","room":"a","seq":1,"event":null}', /"event".*"event"/],
    [
      'joined with a hole in its list',
      '{"type":"joined","room":"a","epoch":"e","seq":1,"live":true,"events":[null]}',
      /"events"/,
    ],
  ])('refuses: %s', (_, frame, why) => {
    expect(() => decode(frame)).toThrow(why);
  });

  it('ignores types that it does not know, whatever they are called', () => {
    expect(decode('{"type":"hologram"}')).toBeNull();
    expect(decode('{"type":"constructor"}')).toBeNull();
  });
});
