import type { Dial } from './connection.js';
import { HubbubError } from './errors.js';
import type { CloseInfo, Link, LinkEvents, Reply } from './link.js';
import type { Answer, Request, Unsigned } from './share.js';
import type { Command, ConnectedFrame, JoinCommand } from './wire.js';

/** What the trunk needs of those who share it. */
export interface TrunkHost {
  say(word: Unsigned<Answer>): void;
  /** What other tabs are told of the connection. */
  told(frame: ConnectedFrame): ConnectedFrame;
  toldEnd(info: CloseInfo): CloseInfo;
}

/** This tab among those that use the connection. */
const OWN = '';

/**
 * The connection that all tabs share, in the tab that holds it. The hub takes them for one member of a room:
 * the first join makes it one, each further join gives that tab what it lacks, and the last leave ends it.
 */
export class Trunk implements Link {
  readonly #own: LinkEvents;
  readonly #host: TrunkHost;
  /** Which tabs are in a room, and whether they want presence. */
  readonly #rooms = new Map<string, Map<string, boolean>>();
  #link: Link | undefined;
  #frame: ConnectedFrame | undefined;
  #over = false;

  constructor(own: LinkEvents, host: TrunkHost) {
    this.#own = own;
    this.#host = host;
  }

  get kind(): Link['kind'] {
    return this.#link?.kind ?? 'websocket';
  }

  async open(dial: Dial, credentials: Parameters<Dial>[0]): Promise<void> {
    const link = await dial(credentials, {
      ...this.#own,
      connected: (frame) => this.#connected(frame),
      push: (frame) => {
        this.#own.push(frame);
        if (!('room' in frame)) return; // documents are this tab's alone
        if (frame.type === 'left') this.#rooms.delete(frame.room);
        this.#host.say({ kind: 'push', frame });
      },
      closed: (info) => {
        this.#finish(info);
        this.#own.closed(info);
      },
    });
    if (this.#over) link.close();
    else this.#link = link;
  }

  call(command: Command, reply: Reply, longer?: number): void {
    this.#route(OWN, command, reply, longer);
  }

  notify(command: Command): void {
    this.#link?.notify(command);
  }

  probe(): void {
    this.#link?.probe();
  }

  roomsChanged(): void {
    this.#link?.roomsChanged();
  }

  close(): void {
    this.#finish({ reason: 'the connection was handed over', opened: true });
    this.#link?.close();
  }

  /** Does what another tab asks for. */
  serve(word: Request): void {
    const { from: to } = word;
    switch (word.kind) {
      case 'open':
        if (this.#frame) this.#tell(this.#frame, to);
        return;
      case 'gone':
        this.gone(to);
        return;
      case 'probe':
        this.#host.say({ kind: 'alive', to });
        this.#link?.probe();
        return;
      case 'notify':
        this.#link?.notify(word.command);
        return;
      case 'call':
        this.#route(to, word.command, (error, frame) => this.#answer(to, word.id, error, frame), word.longer);
    }
  }

  /** A tab is no more: rooms that only it was in are left. */
  gone(tab: string): void {
    for (const room of [...this.#rooms.keys()]) {
      if (this.#leaves(tab, room)) this.#link?.notify({ type: 'leave', room });
    }
  }

  #connected(frame: ConnectedFrame): void {
    this.#frame = frame;
    this.#own.connected(frame);
    this.#tell(frame);
  }

  /** A stream serves the rooms of one tab: then each has its own. */
  #tell(frame: ConnectedFrame, to?: string): void {
    const whom = to === undefined ? {} : { to };
    if (this.kind === 'sse') this.#host.say({ kind: 'apart', ...whom });
    else this.#host.say({ kind: 'connected', frame: this.#host.told(frame), ...whom });
  }

  #answer(to: string, id: number, error: HubbubError | null, frame: Parameters<Reply>[1]): void {
    if (frame) this.#host.say({ kind: 'reply', to, id, frame });
    if (!error) return;
    const { code, message, retryAfter } = error;
    this.#host.say({
      kind: 'reply',
      to,
      id,
      error: { code, message, ...(retryAfter ? { retryAfter } : {}) },
    });
  }

  #route(tab: string, command: Command, reply: Reply, longer?: number): void {
    if (!this.#link || this.#over)
      reply(new HubbubError('disconnected', 'there is no connection to the hub'), null);
    else if (command.type === 'join') this.#join(this.#link, tab, command, reply);
    else if (command.type === 'leave' && !this.#leaves(tab, command.room))
      reply(null, { type: 'left', room: command.room, code: '', message: '' });
    else this.#link.call(command, reply, longer);
  }

  #join(link: Link, tab: string, command: JoinCommand, reply: Reply): void {
    const { room, presence = false } = command;
    const tabs = this.#rooms.get(room) ?? new Map<string, boolean>();
    this.#rooms.set(room, tabs.set(tab, presence));
    const watched = [...tabs.values()].some((wants) => wants);
    link.call({ ...command, ...(watched ? { presence: true } : {}) }, (error, frame) => {
      if (error && !error.retryable) this.#leaves(tab, room);
      reply(error, frame);
    });
  }

  /** Takes a tab out of a room. True: it was the last one there. */
  #leaves(tab: string, room: string): boolean {
    const tabs = this.#rooms.get(room);
    if (!tabs?.delete(tab) || tabs.size > 0) return tabs === undefined;
    this.#rooms.delete(room);
    return true;
  }

  #finish(info: CloseInfo): void {
    if (this.#over) return;
    this.#over = true;
    this.#frame = undefined;
    this.#host.say({ kind: 'over', info: this.#host.toldEnd(info) });
  }
}
