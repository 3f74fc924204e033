import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HubbubError, type Position } from '../src/index.js';
import { resume } from '../src/sse-resume.js';
import type { JoinCommand, JoinedFrame } from '../src/wire.js';
import { RoomLog } from './room-log.js';
import { message } from './support.js';

/** What a stream says when it opens: the newest events. */
function opened(log: RoomLog, history: number): JoinedFrame {
  const { events, more_before: more } = log.history({ limit: Math.max(history, 1) });
  const newest = history === 0 ? [] : events;
  return {
    type: 'joined',
    room: 'r',
    epoch: log.epoch,
    seq: log.tail,
    live: true,
    events: newest,
    more: history === 0 ? log.tail > 0 : more,
  };
}

/** Joins as a membership does, until it is live or told of a reset. */
async function join(log: RoomLog, joined: JoinedFrame, command: Partial<JoinCommand>) {
  const seqs: number[] = [];
  let { since } = command;
  for (let rounds = 0; ; rounds++) {
    if (rounds > 100) throw new Error('it goes on for ever');
    const ask: JoinCommand = { type: 'join', room: 'r', ...command, ...(since ? { since } : {}) };
    const read = async (query: object) => log.history(query);
    const frame = await new Promise<JoinedFrame | HubbubError>((resolve) =>
      resume(ask, joined, read, (error, answer) =>
        resolve(answer ?? error ?? new HubbubError('internal', '')),
      ),
    );
    if (frame instanceof HubbubError) throw frame;
    if (frame.reset) return { reset: frame.reset.reason, seqs: frame.events.map((e) => e.seq) };
    seqs.push(...frame.events.map((e) => e.seq));
    if (frame.live) return { seqs, more: frame.more };
    since = { epoch: frame.epoch, seq: frame.seq };
  }
}

function logOf(...seqs: number[]): RoomLog {
  const log = new RoomLog();
  for (const seq of seqs) log.append(message(seq, `m${seq}`));
  return log;
}

const at = (seq: number, epoch = 'e1'): Position => ({ epoch, seq });

describe('a join over a stream', () => {
  it('gives exactly the rest, whatever the stream began with', async () => {
    const logs = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 700 });
    await fc.assert(
      fc.asyncProperty(logs, fc.nat(60), fc.nat(), async (holes, history, pick) => {
        const seqs = holes.map((_, i) => holes.slice(0, i + 1).reduce((a, b) => a + b, 0));
        const log = logOf(...seqs);
        const since = [0, ...seqs][pick % (seqs.length + 1)] ?? 0;
        const got = await join(log, opened(log, history), { since: at(since) });
        expect(got).toMatchObject({ seqs: seqs.filter((seq) => seq > since) });
        expect(got.reset).toBeUndefined();
      }),
      { numRuns: 150 },
    );
  });

  it('begins with as many of the newest events as it asked for', async () => {
    const log = logOf(1, 2, 3, 4, 5);
    expect(await join(log, opened(log, 4), { history: 2 })).toEqual({ seqs: [4, 5], more: true });
    expect(await join(log, opened(log, 50), { history: 50 })).toEqual({ seqs: [1, 2, 3, 4, 5], more: false });
    expect(await join(log, opened(log, 4), {})).toEqual({ seqs: [], more: true });
  });

  it('tells of a log that was reset, or is behind what was seen', async () => {
    const log = logOf(1, 2, 3);
    expect(await join(log, opened(log, 2), { since: at(2, 'e0') })).toEqual({ reset: 'epoch', seqs: [2, 3] });
    expect(await join(log, opened(log, 2), { since: at(9) })).toEqual({ reset: 'ahead', seqs: [2, 3] });
  });

  it('tells of what was trimmed between', async () => {
    const log = logOf(50, 51, 52, 53, 54, 55);
    const joined = { ...opened(log, 2), more: true };
    expect(await join(log, joined, { since: at(3) })).toEqual({ reset: 'trimmed', seqs: [54, 55] });
    expect(await join(log, joined, { since: at(50) })).toMatchObject({ seqs: [51, 52, 53, 54, 55] });
  });

  it('gives the whole of what is kept to whoever asks from the beginning', async () => {
    const log = logOf(50, 51, 52);
    expect(
      await join(log, { ...opened(log, 1), more: true }, { since: { epoch: '', seq: 0 } }),
    ).toMatchObject({ seqs: [50, 51, 52] });
  });

  it('hands on the failure of a read', async () => {
    const log = logOf(1, 2, 3);
    log.history = () => {
      throw new HubbubError('unavailable', 'the log is unavailable');
    };
    const joined: JoinedFrame = {
      type: 'joined',
      room: 'r',
      epoch: 'e1',
      seq: 3,
      live: true,
      events: [],
      more: true,
    };
    await expect(join(log, joined, { since: at(1) })).rejects.toMatchObject({ code: 'unavailable' });
  });
});
