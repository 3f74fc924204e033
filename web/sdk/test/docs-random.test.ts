import { afterAll, beforeAll, expect, it } from 'vitest';
import { DocProvider } from '../src/docs/index.js';
import { Network } from './network.js';
import { RealHub, token } from './real-hub.js';
import { client, closeClients, random, until } from './support.js';

const STEPS = Number(process.env.FAULT_STEPS ?? 80);
const SEED = Number(process.env.FAULT_SEED ?? 7);

let hub: RealHub;

beforeAll(async () => {
  hub = await RealHub.withTokens('--rate', '40', '--burst', '40');
});

afterAll(async () => {
  closeClients();
  await hub?.end();
});

it(`comes through broken networks, a hub that is killed, and a low rate (seed ${SEED})`, async () => {
  const next = random(SEED);
  const people = await Promise.all(
    ['ann', 'bo', 'cy'].map(async (user) => {
      const network = await Network.to(hub);
      const c = client({ url: network.url, getToken: () => token(user) });
      c.connect();
      return { user, network, provider: new DocProvider(c, 'room/random') };
    }),
  );
  const written: string[] = [];
  for (let step = 0; step < STEPS; step++) {
    const { user, network, provider } = people[Math.floor(next() * people.length)] ?? people[0] ?? never();
    const body = provider.doc.getText('body');
    const what = next();
    if (what < 0.7) {
      const word = `<${user}${step}>`;
      written.push(word);
      body.insert(Math.floor(next() * (body.length + 1)), word);
    } else if (what < 0.8) network.cut();
    else if (what < 0.84)
      body.insert(0, '.'.repeat(200_000)); // in pieces
    else if (what < 0.88) {
      await hub.stop('SIGKILL');
      await hub.start();
    } else if (what < 0.94) await until(provider.saved, Boolean);
    else await new Promise((resolve) => setTimeout(resolve, next() * 60));
  }
  for (const { provider } of people) await until(provider.saved, Boolean);

  const fresh = client({ url: hub.url, getToken: () => token('dee') });
  fresh.connect();
  const reader = new DocProvider(fresh, 'room/random');
  await new Promise<void>((resolve) => {
    reader.on('sync', (synced) => synced && resolve());
  });
  const stored = reader.doc.getText('body').toString();
  const letters = [...stored].sort().join('');
  const dots = stored.length - written.join('').length;
  expect(letters).toBe([...`${written.join('')}${'.'.repeat(dots)}`].sort().join(''));
  for (const { provider, network } of people) {
    await until(changes(provider), (text) => text === stored);
    provider.destroy();
    await network.end();
  }
  reader.destroy();
}, 120_000);

/** A provider's text as a store. */
function changes({ doc }: DocProvider) {
  const getSnapshot = () => doc.getText('body').toString();
  return {
    getSnapshot,
    subscribe: (fn: (text: string) => void) => {
      const tell = () => fn(getSnapshot());
      tell();
      doc.on('update', tell);
      return () => doc.off('update', tell);
    },
  };
}

function never(): never {
  throw new Error('there is nobody');
}
