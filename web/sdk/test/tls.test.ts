import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { RealHub, token } from './real-hub.js';
import { client, closeClients, next, texts, until } from './support.js';

// A certificate of the tests, which vouches for itself and is good until 2126.
const file = (name: string) => fileURLToPath(new URL(`testdata/tls/${name}.pem`, import.meta.url));
const ca = readFileSync(file('cert'));

/** A WebSocket that takes the hub's certificate. */
class Trusting extends WebSocket {
  constructor(url: string, protocols?: string | string[]) {
    super(url, protocols, { ca });
  }
}

let hub: RealHub;

beforeAll(async () => {
  hub = await RealHub.withTokens('--tls-cert', file('cert'), '--tls-key', file('key'));
});

afterAll(() => hub?.end());
afterEach(closeClients);

it('chats with a hub that serves TLS itself, and resumes after the hub was killed', async () => {
  expect(hub.url).toMatch(/^https:/);
  const enter = async (user: string) => {
    const c = client({ url: hub.url, getToken: () => token(user), WebSocket: Trusting });
    c.connect();
    const room = c.room('secret');
    await room.join();
    return room;
  };
  const [ann, bo] = await Promise.all([enter('ann'), enter('bo')]);
  await ann.send({ text: 'over wss' });
  await until(bo.messages, () => texts(bo).includes('over wss'));
  await hub.stop();
  const sent = ann.send({ text: 'while it was away' });
  await hub.start();
  await sent;
  await until(bo.messages, () => texts(bo).includes('while it was away'));
  expect(texts(bo)).toEqual(['over wss', 'while it was away']);
});

it('does not chat with a hub whose certificate it does not trust', async () => {
  const c = client({ url: hub.url, getToken: () => token('eve'), WebSocket });
  let connected = false;
  c.on('connected', () => {
    connected = true;
  });
  const refused = next(c, 'disconnected');
  c.connect();
  await refused;
  expect(connected).toBe(false);
});
