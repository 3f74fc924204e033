import type { HubbubEvents, HubbubOptions, Off, Position, Room, Status, Store, User } from './types.js';

/** A client of one hub, as one user. It holds one connection, whatever the number of rooms. */
export class Hubbub {
  readonly status!: Store<Status>;
  readonly user!: Store<User | null>;

  constructor(readonly options: HubbubOptions = {}) {}

  /** Connects, and stays connected until `disconnect`. */
  connect(): void {
    throw new Error('not written yet');
  }

  /** Ends the connection. Rooms and the outbox stay; `connect` goes on from there. */
  disconnect(): void {
    throw new Error('not written yet');
  }

  /** Ends the client for good and lets go of everything. What `persist` keeps, stays. */
  close(): void {
    throw new Error('not written yet');
  }

  /** The room of that id: always the same object. */
  room(_id: string): Room {
    throw new Error('not written yet');
  }

  /** Gives a guest another name. */
  setName(_name: string): void {
    throw new Error('not written yet');
  }

  /** Where rooms stand, 1,000 at most; rooms that may not be seen are left out. */
  positions(_rooms: string[]): Promise<Record<string, Position>> {
    throw new Error('not written yet');
  }

  on<K extends keyof HubbubEvents>(_event: K, _fn: (value: HubbubEvents[K]) => void): Off {
    throw new Error('not written yet');
  }
}
