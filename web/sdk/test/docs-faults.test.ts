import { afterEach, beforeEach, expect, it } from 'vitest';
import { Doc, encodeStateAsUpdate, encodeStateVector } from 'yjs';
import { toBase64 } from '../src/docs/base64.js';
import { DocProvider } from '../src/docs/index.js';
import type { Hubbub } from '../src/index.js';
import type { DocOpenedFrame } from '../src/wire.js';
import { type Peer, ScriptedHub } from './scripted-hub.js';
import { client, closeClients, until } from './support.js';

const name = 'room/notes';
let hub: ScriptedHub;
let c: Hubbub;
let peer: Peer;
let provider: DocProvider;
/** What the hub has. */
let copy: Doc;

beforeEach(async () => {
  hub = await ScriptedHub.start();
  c = client({ url: hub.url });
  c.connect();
  peer = await hub.welcome();
  copy = new Doc();
  copy.getText('body').insert(0, 'from the hub');
  provider = new DocProvider(c, name, { awareness: null });
});

afterEach(async () => {
  provider.destroy();
  closeClients();
  await hub.stop();
});

function opened(more: Partial<DocOpenedFrame> = {}): DocOpenedFrame {
  return {
    type: 'doc_opened',
    doc: name,
    access: 'write',
    epoch: 'e',
    seq: 1,
    sv: toBase64(encodeStateVector(copy)),
    diff: toBase64(encodeStateAsUpdate(copy)),
    ...more,
  };
}

const saved = { type: 'doc_saved', doc: name, epoch: 'e', seq: 2 } as const;
const write = (words: string) => provider.doc.getText('body').insert(0, words);
const text = () => provider.doc.getText('body').toString();

/** Brings both copies together, and gives the client's answer to it. */
async function meet(): Promise<void> {
  peer.reply(await peer.take('doc_open'), opened());
  await until(provider.status, (s) => s.state === 'connected');
}

it('has nothing to send where nothing is written, and is saved', async () => {
  await meet();
  expect(text()).toBe('from the hub');
  expect(provider.synced).toBe(true);
  expect(provider.saved.getSnapshot()).toBe(true);
  expect(peer.waiting).toBe(0);
});

it('sends edits that are made close together as one', async () => {
  await meet();
  for (const words of ['c', 'b', 'a']) write(words);
  const update = await peer.take('doc_update');
  expect(provider.saved.getSnapshot()).toBe(false);
  peer.reply(update, saved);
  await until(provider.saved, Boolean);
  expect(peer.waiting).toBe(0);
});

it('brings the copies together anew when an update was refused for now', async () => {
  await meet();
  write('mine ');
  peer.refuse(await peer.take('doc_update'), 'rate_limited', { retry_after_ms: 1 });
  const again = await peer.take('doc_open');
  expect(provider.status.getSnapshot().state).toBe('connected');
  expect(again.sv).toBe(toBase64(encodeStateVector(provider.doc)));
  expect(provider.saved.getSnapshot()).toBe(false);
  peer.reply(again, opened());
  peer.reply(await peer.take('doc_update'), saved);
  await until(provider.saved, Boolean);
  expect(provider.synced).toBe(true);
});

it('stops sending what the hub will never take, and says so', async () => {
  await meet();
  const refused = new Promise((resolve) => provider.on('error', resolve));
  write('mine ');
  peer.refuse(await peer.take('doc_update'), 'too_large');
  expect(await refused).toMatchObject({ code: 'too_large' });
  write('more ');
  expect(provider.status.getSnapshot()).toMatchObject({ state: 'connected', error: { code: 'too_large' } });
  expect(provider.saved.getSnapshot()).toBe(false);
  expect(peer.waiting).toBe(0);
});

it('opens a document again that the hub has lost for now, and not one that it refuses', async () => {
  await meet();
  peer.send({ type: 'doc_lost', doc: name, code: 'unavailable', message: 'later', retry_after_ms: 1 });
  await until(provider.status, (s) => s.state === 'connecting');
  expect(provider.synced).toBe(false);
  await meet();
  peer.send({ type: 'doc_lost', doc: name, code: 'forbidden', message: 'no' });
  const { error } = await until(provider.status, (s) => s.state === 'denied');
  expect(error?.code).toBe('forbidden');
});

it('is not synced before the last piece has come, and takes no piece of another opening', async () => {
  const diff = encodeStateAsUpdate(copy);
  const half = diff.length >> 1;
  const first = toBase64(diff.subarray(0, half));
  const rest = { type: 'doc_diff', doc: name, diff: toBase64(diff.subarray(half)) } as const;
  peer.reply(await peer.take('doc_open'), opened({ diff: first, more: true }));
  peer.cut();
  peer = await hub.welcome();
  const again = await peer.take('doc_open');
  peer.send(rest);
  peer.reply(again, opened({ diff: first, more: true }));
  await until(provider.access, (access) => access === 'write');
  expect(provider.synced).toBe(false);
  peer.send(rest);
  await until(provider.status, (s) => s.state === 'connected');
  expect(text()).toBe('from the hub');
});

it('begins anew when the hub sends what cannot be read', async () => {
  await meet();
  peer.send({ type: 'doc_update', doc: name, update: toBase64(new Uint8Array([9, 9])) });
  await until(provider.status, (s) => s.error?.code === 'internal');
  await meet();
  expect(text()).toBe('from the hub');
});

it('sends what is large in pieces', async () => {
  await meet();
  write('x'.repeat(300_000));
  const pieces = [
    await peer.take('doc_update'),
    await peer.take('doc_update'),
    await peer.take('doc_update'),
  ];
  expect(pieces.map(({ id, offset, more }) => [id !== undefined, offset, more])).toEqual([
    [false, undefined, true],
    [false, 131_072, true],
    [true, 262_144, undefined],
  ]);
});
