import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HistoryQuery, Message, Position, StoredEvent } from '../src/index.js';
import { Timeline } from '../src/timeline.js';
import { MAX_ROWS, Window } from '../src/window.js';
import type { HistoryFrame } from '../src/wire.js';
import { RoomLog } from './room-log.js';
import { edit, message } from './support.js';

/** A timeline beside a log, with every step between them in the test's hand. */
class Rig {
  readonly log = new RoomLog();
  readonly timeline: Timeline;
  position: Position | null = null;
  /** Read requests that the log has not looked at, and answers that have not arrived. */
  readonly asked: { query: HistoryQuery; resolve: (frame: HistoryFrame) => void }[] = [];
  readonly answered: { frame: HistoryFrame; resolve: (frame: HistoryFrame) => void }[] = [];
  /** Live events that have not arrived. */
  readonly coming: StoredEvent[] = [];
  readonly work: Promise<unknown>[] = [];

  constructor() {
    this.timeline = new Timeline({
      read: (query) => new Promise((resolve) => this.asked.push({ query, resolve })),
      me: () => 'ann',
      position: () => this.position,
      waiting: () => [],
      membership: () => ({ status: 'joined' }),
    });
  }

  join(history: number): void {
    const { events, more_before } = this.log.history({ limit: history });
    this.position = { epoch: this.log.epoch, seq: this.log.tail };
    this.timeline.start(
      { events: history ? events : [], hasOlder: history ? more_before : this.log.tail > 0, hasNewer: false },
      this.position,
    );
  }

  append(stored: StoredEvent): void {
    this.coming.push(this.log.append(stored));
  }

  serve(): void {
    const asked = this.asked.shift();
    if (asked) this.answered.push({ frame: this.log.history(asked.query), resolve: asked.resolve });
  }

  async arrive(): Promise<void> {
    const answer = this.answered.shift();
    answer?.resolve(answer.frame);
    await settle();
  }

  ingest(): void {
    const stored = this.coming.shift();
    if (!stored) return;
    this.position = { epoch: this.log.epoch, seq: stored.seq };
    this.timeline.ingest(stored);
  }

  async finish(): Promise<void> {
    while (this.coming.length + this.asked.length + this.answered.length > 0) {
      this.ingest();
      this.serve();
      await this.arrive();
    }
    await Promise.all(this.work);
  }

  /** Runs a call to its end, with an idle log. */
  async run<T>(call: Promise<T>): Promise<T> {
    this.work.push(call);
    await this.finish();
    return call;
  }

  get list() {
    return this.timeline.store.getSnapshot();
  }

  get seqs(): (number | undefined)[] {
    return this.list.messages.map((m) => m.seq);
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** What the whole log says, folded from its beginning to its end. */
function whole(log: RoomLog): Message[] {
  const window = new Window({ events: log.events, hasOlder: false, hasNewer: false }, () => 'ann');
  const messages: Message[] = [];
  window.collect(messages);
  return messages;
}

/** The list must be a stretch of the room without a hole, as it stands now. */
function check(rig: Rig): void {
  const all = whole(rig.log);
  const { messages, live, hasOlder } = rig.list;
  const first = all.findIndex((m) => m.seq === messages[0]?.seq);
  if (messages.length > 0) expect(messages).toEqual(all.slice(first, first + messages.length));
  if (live && (messages.length > 0 || !hasOlder)) expect(messages.at(-1)?.seq).toBe(all.at(-1)?.seq);
  if (!hasOlder) expect(messages[0]?.seq).toBe(all[0]?.seq);
}

const USERS = ['ann', 'bo', 'cy'];
const KINDS = ['message', 'message', 'message', 'edit', 'delete', 'react', 'unreact', 'custom'] as const;

type Step =
  | { do: 'append' | 'race'; kind: (typeof KINDS)[number]; user: number; back: number; hole: number }
  | { do: 'ingest' | 'serve' | 'arrive' | 'back' }
  | { do: 'older' | 'newer'; n: number }
  | { do: 'jump'; to: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('append' as const, 'append' as const, 'race' as const),
      kind: fc.constantFrom(...KINDS),
      user: fc.nat(2),
      back: fc.nat(30),
      hole: fc.nat(2),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('ingest' as const, 'serve' as const, 'arrive' as const) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('older' as const, 'newer' as const),
      n: fc.integer({ min: 1, max: 8 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('jump' as const), to: fc.nat(1000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('back' as const) }) },
);

function eventOf(rig: Rig, s: Step & { do: 'append' | 'race' }): StoredEvent {
  const seq = rig.log.tail + 1 + s.hole;
  const user = USERS[s.user] ?? 'bo';
  const target = rig.log.events.at(-1 - s.back)?.seq ?? 1;
  const base = { v: 1, kind: s.kind, user, at: seq };
  if (s.kind === 'message')
    return { seq, event: { ...base, text: `m${seq}`, ...(seq % 3 ? { id: `id${seq}` } : {}) } };
  if (s.kind === 'edit') return { seq, event: { ...base, target, text: `e${seq}` } };
  if (s.kind === 'custom') return { seq, event: { ...base, type: 'x', data: seq } };
  return { seq, event: { ...base, target, ...(s.kind === 'delete' ? {} : { emoji: seq % 2 ? 'a' : 'b' }) } };
}

async function take(rig: Rig, s: Step): Promise<void> {
  switch (s.do) {
    case 'append':
      return rig.append(eventOf(rig, s));
    case 'race':
      // The log answers, something happens and arrives, and only then does the answer.
      while (rig.asked.length > 0) rig.serve();
      rig.append(eventOf(rig, s));
      while (rig.coming.length > 0) rig.ingest();
      return rig.arrive();
    case 'ingest':
      return rig.ingest();
    case 'serve':
      return rig.serve();
    case 'arrive':
      return rig.arrive();
    case 'older':
      rig.work.push(rig.timeline.loadOlder(s.n));
      break;
    case 'newer':
      rig.work.push(rig.timeline.loadNewer(s.n));
      break;
    case 'back':
      rig.work.push(rig.timeline.backToLive());
      break;
    case 'jump':
      rig.work.push(rig.timeline.jumpTo(rig.log.events[s.to % rig.log.events.length]?.seq ?? 1));
  }
  await settle();
}

describe('a timeline', () => {
  it('shows a stretch of the room without a hole, however pages and live events cross', async () => {
    const runs = Number(process.env.FC_RUNS ?? 400);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40),
        fc.nat(12),
        fc.array(step, { minLength: 20, maxLength: 120 }),
        async (before, history, steps) => {
          const rig = new Rig();
          for (let i = 1; i <= before; i++) rig.log.append(message(i * 2, `m${i}`));
          rig.join(history);
          for (const s of steps) await take(rig, s);
          await rig.finish();
          check(rig);
          await rig.run(rig.timeline.backToLive());
          check(rig);
          expect(rig.list.live).toBe(true);
          for (let i = 0; i < 40 && rig.list.hasOlder; i++) await rig.run(rig.timeline.loadOlder(9));
          check(rig);
          expect(rig.list.hasOlder).toBe(false);
        },
      ),
      { numRuns: runs },
    );
  });

  it('keeps an unchanged message the same object', async () => {
    const rig = new Rig();
    rig.log.append(message(1, 'one'));
    rig.log.append(message(2, 'two'));
    rig.join(50);
    const before = rig.list.messages;
    rig.append(edit(3, 2, 'TWO'));
    rig.ingest();
    const after = rig.list.messages;
    expect(after).not.toBe(before);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toMatchObject({ text: 'TWO', editedAt: 3, key: before[1]?.key });
    expect(rig.timeline.store.getSnapshot()).toBe(rig.timeline.store.getSnapshot());
  });

  it('drops the far end when it grows too long, and gets it back', async () => {
    const rig = new Rig();
    for (let i = 1; i <= 3 * MAX_ROWS; i++) rig.log.append(message(i, `m${i}`));
    rig.join(200);
    while (rig.list.hasOlder) {
      await rig.run(rig.timeline.loadOlder(200));
      expect(rig.list.messages.length).toBeLessThanOrEqual(MAX_ROWS);
    }
    expect(rig.seqs[0]).toBe(1);
    expect(rig.list).toMatchObject({ live: false, hasNewer: true });
    check(rig);
    while (rig.list.hasNewer) {
      await rig.run(rig.timeline.loadNewer(200));
      expect(rig.list.messages.length).toBeLessThanOrEqual(MAX_ROWS);
    }
    expect(rig.list).toMatchObject({ live: true, hasOlder: true });
    check(rig);
    rig.append(message(3 * MAX_ROWS + 1, 'new'));
    rig.ingest();
    check(rig);
  });

  it('goes back to the end at once when the list was pushed off it by older pages', async () => {
    const rig = new Rig();
    for (let i = 1; i <= 2 * MAX_ROWS; i++) rig.log.append(message(i, `m${i}`));
    rig.join(200);
    while (rig.list.live) await rig.run(rig.timeline.loadOlder(200));
    rig.append(message(2 * MAX_ROWS + 1, 'meanwhile'));
    rig.ingest();
    await rig.timeline.backToLive();
    expect(rig.list.live).toBe(true);
    check(rig);
  });

  it('jumps to the same message twice, and of two jumps the last one counts', async () => {
    const rig = new Rig();
    for (let i = 1; i <= 300; i++) rig.log.append(message(i, `m${i}`));
    rig.join(50);
    expect((await rig.run(rig.timeline.jumpTo(20)))?.text).toBe('m20');
    expect(rig.list.live).toBe(false);
    const shown = rig.list.messages;
    expect((await rig.timeline.jumpTo(20))?.text).toBe('m20');
    expect(rig.list.messages).toBe(shown);
    const first = rig.timeline.jumpTo(100);
    const second = rig.timeline.jumpTo(200);
    rig.serve();
    rig.serve();
    const late = rig.answered.shift();
    await rig.arrive();
    late?.resolve(late.frame);
    expect((await second)?.seq).toBe(200);
    expect(await first).toBeUndefined();
    expect(rig.seqs).toContain(200);
    expect(await rig.run(rig.timeline.jumpTo(5000))).toBeUndefined();
  });

  it('shows a message as it was changed while its page was on the way', async () => {
    const rig = new Rig();
    for (let i = 1; i <= 300; i++) rig.log.append(message(i, `m${i}`));
    rig.join(50);
    const jump = rig.timeline.jumpTo(20);
    rig.serve();
    rig.append(edit(301, 20, 'changed'));
    rig.ingest();
    await rig.arrive();
    expect((await jump)?.text).toBe('changed');
    check(rig);
  });

  it('does not follow the end on the word of a log that lags', async () => {
    const rig = new Rig();
    for (let i = 1; i <= 100; i++) rig.log.append(message(i, `m${i}`));
    rig.join(10);
    await rig.run(rig.timeline.jumpTo(20));
    const lagging = new RoomLog();
    for (const stored of rig.log.events.slice(0, 60)) lagging.append(stored);
    const loaded = rig.timeline.loadNewer(50);
    await settle();
    const asked = rig.asked.shift();
    asked?.resolve(lagging.history(asked.query));
    await loaded;
    expect(rig.list).toMatchObject({ live: false, hasNewer: true });
    expect(rig.seqs.at(-1)).toBe(60);
    await rig.run(rig.timeline.loadNewer(50));
    expect(rig.list.live).toBe(true);
    check(rig);
  });

  it('takes a hundred thousand events at a cost that does not grow', () => {
    const rig = new Rig();
    rig.join(0);
    const start = performance.now();
    for (let i = 1; i <= 100_000; i++) {
      rig.position = { epoch: 'e1', seq: i };
      rig.timeline.ingest(i % 5 ? message(i, 'hello') : edit(i, i - 1, 'changed'));
    }
    const each = ((performance.now() - start) / 100_000) * 1000;
    expect(rig.list.messages.length).toBeLessThanOrEqual(MAX_ROWS);
    expect(rig.list.messages.at(-1)?.seq).toBe(99_999);
    console.info(`ingest: ${each.toFixed(2)} µs an event`);
    expect(each).toBeLessThan(200);
  });
});
