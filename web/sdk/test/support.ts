import { WebSocket } from 'ws';
import type {
  HubbubEvents,
  HubbubOptions,
  Room,
  RoomEvent,
  RoomEvents,
  Store,
  StoredEvent,
} from '../src/index.js';
import { Hubbub } from '../src/index.js';

/** Resolves once the store's value fits. */
export function until<T>(store: Store<T>, fits: (value: T) => boolean): Promise<T> {
  return new Promise((resolve) => {
    let off: (() => void) | undefined;
    let done = false;
    off = store.subscribe((value) => {
      if (done || !fits(value)) return;
      done = true;
      off?.();
      resolve(value);
    });
    if (done) off();
  });
}

/** The next event of that name. */
export function next<K extends keyof RoomEvents>(room: Room, event: K): Promise<RoomEvents[K]>;
export function next<K extends keyof HubbubEvents>(hub: Hubbub, event: K): Promise<HubbubEvents[K]>;
export function next(from: { on(event: never, fn: (value: unknown) => void): () => void }, event: string) {
  return new Promise((resolve) => {
    const off = from.on(event as never, (value) => {
      off();
      resolve(value);
    });
  });
}

const open = new Set<Hubbub>();

/** A client that the test's end closes. */
export function client(options: HubbubOptions): Hubbub {
  const hub = new Hubbub({ WebSocket, ...options });
  open.add(hub);
  return hub;
}

export function closeClients(): void {
  for (const hub of open) hub.close();
  open.clear();
}

/** The texts that a room's list shows. */
export function texts(room: Room): string[] {
  return room.messages.getSnapshot().messages.map((m) => m.text);
}

export function message(seq: number, text: string, more: Partial<RoomEvent> = {}): StoredEvent {
  return { seq, event: { v: 1, kind: 'message', user: 'bo', at: seq, text, ...more } };
}

export function edit(seq: number, target: number, text: string, more: Partial<RoomEvent> = {}): StoredEvent {
  return { seq, event: { v: 1, kind: 'edit', user: 'bo', at: seq, target, text, ...more } };
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
