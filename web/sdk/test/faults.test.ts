import 'fake-indexeddb/auto';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { Hubbub, Room, StoredEvent } from '../src/index.js';
import { kept } from './kept.js';
import { Network } from './network.js';
import { RealHub, token } from './real-hub.js';
import { client, closeClients, random, until } from './support.js';

const SENDERS = ['ann', 'bo', 'cy'];
const STEPS = Number(process.env.FAULT_STEPS ?? 80);
const SEED = Number(process.env.FAULT_SEED ?? 7);

let hub: RealHub;

beforeAll(async () => {
  // Ids are forgotten after a second: what is sent twice is stored twice.
  hub = await RealHub.withTokens('--dedup-window', '1s');
});

afterEach(closeClients);

afterAll(async () => {
  await hub?.end();
});

/** One person's page: it sends, loses its network, is closed and opened again. */
class Page {
  readonly user: string;
  readonly network: Network;
  readonly heard: number[] = [];
  readonly breaks: string[] = [];
  readonly failures: string[] = [];
  sent = 0;
  known: Promise<void> = Promise.resolve();
  hub!: Hubbub;
  room!: Room;

  private constructor(user: string, network: Network) {
    this.user = user;
    this.network = network;
  }

  static async open(user: string): Promise<Page> {
    const page = new Page(user, await Network.to(hub));
    page.open();
    await until(page.hub.status, (s) => s.state === 'connected');
    return page;
  }

  /** Opens the page; what it hears goes on where the page before stopped. */
  open(): void {
    const { user, network } = this;
    let asked = () => {};
    this.known = new Promise((resolve) => {
      asked = () => setImmediate(resolve);
    });
    const getToken = () => {
      asked();
      return token(user);
    };
    this.hub = client({ url: network.url, getToken, persist: `faults-${user}` });
    const since = this.room?.position;
    this.room = this.hub.room('faults');
    this.room.on('message', (m) => this.heard.push(m.seq ?? 0));
    this.room.on('gap', (d) => this.breaks.push(`gap ${d.reason}`));
    this.room.on('reset', (d) => this.breaks.push(`reset ${d.reason}`));
    void this.room.join({ since: since ?? { epoch: '', seq: 0 } });
    this.hub.connect();
  }

  /** Closes and opens it, at whatever moment this is. */
  async reload(): Promise<void> {
    this.hub.close();
    this.open();
    // Before it is known who the user is, nothing can be kept for them.
    await this.known;
  }

  send(): void {
    const text = `${this.user} ${this.sent++}`;
    this.room.send({ text }).catch((error) => {
      if (error.code !== 'discarded') this.failures.push(`${text}: ${error.message}`);
    });
  }
}

it(`through every fault, each message is there once, in its sender’s order, at everybody (seed ${SEED})`, async () => {
  const dice = random(SEED);
  const pages = await Promise.all(SENDERS.map((user) => Page.open(user)));
  const pick = () => pages[Math.floor(dice() * pages.length)] as Page;
  const steps: [number, (page: Page) => unknown][] = [
    [50, (page) => page.send()],
    [10, (page) => page.network.cut()],
    [
      6,
      (page) => {
        page.network.deaf = true;
      },
    ],
    [12, heal],
    [6, (page) => page.reload()],
    [3, restart],
    [13, (page) => until(page.hub.status, (s) => s.state === 'connected' || page.network.deaf)],
  ];
  const bag = steps.flatMap(([weight, step]) => Array(weight).fill(step) as (typeof step)[]);
  for (let i = 0; i < STEPS; i++) {
    const step = bag[Math.floor(dice() * bag.length)];
    await step?.(pick());
  }
  pages.forEach(heal);
  const late = setTimeout(() => console.error(JSON.stringify(pages.map(describePage), null, 1)), 60_000);
  // The database is what counts: a page that was just opened has not read it yet.
  const left = () => Promise.all(SENDERS.map(async (user) => (await kept(`hubbub-faults-${user}`)).length));
  await vi.waitFor(async () => expect(await left()).toEqual(SENDERS.map(() => 0)), 100_000);
  await Promise.all(pages.map((page) => until(page.room.messages, (l) => l.status === 'joined')));
  clearTimeout(late);
  const [first] = pages as [Page];
  const stored = (await log(first.room)).filter((e) => e.event.kind === 'message');
  for (const { user, sent } of pages) {
    const texts = stored.filter((e) => e.event.user === user).map((e) => e.event.text);
    expect(texts).toEqual(Array.from({ length: sent }, (_, i) => `${user} ${i}`));
  }
  const order = stored.map((e) => e.seq);
  for (const page of pages) {
    await vi.waitFor(() => expect(page.heard.at(-1)).toBe(order.at(-1)), 10_000);
    expect(page.heard).toEqual(order);
    expect(page.breaks).toEqual([]);
    expect(page.failures).toEqual([]);
    await page.network.end();
  }
}, 120_000);

/** What a page knows, for a run that does not end. */
function describePage({ user, hub: { status }, room, heard }: Page) {
  const { messages, ...list } = room.messages.getSnapshot();
  return [
    user,
    status.getSnapshot(),
    { ...list, messages: messages.length },
    heard.length,
    room.outbox.getSnapshot(),
  ];
}

function heal(page: Page): void {
  if (page.network.deaf) page.network.cut();
  page.network.deaf = false;
}

async function restart(): Promise<void> {
  await hub.stop('SIGKILL');
  await hub.start();
}

async function log(room: Room): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (;;) {
    const page = await room.history({ after: events.at(-1)?.seq ?? 0, limit: 200 });
    events.push(...page.events);
    if (!page.moreAfter) return events;
  }
}
