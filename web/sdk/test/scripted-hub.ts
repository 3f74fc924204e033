import { type AddressInfo, type WebSocket as Socket, WebSocketServer } from 'ws';
import type { Command, Frame } from '../src/wire.js';

type Taken = Command & { id?: number };

/** A queue that can be waited on. */
class Waiting<T> {
  #items: T[] = [];
  #takers: ((item: T) => void)[] = [];

  put(item: T): void {
    const taker = this.#takers.shift();
    if (taker) taker(item);
    else this.#items.push(item);
  }

  take(): Promise<T> {
    const item = this.#items.shift();
    if (item !== undefined) return Promise.resolve(item);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  get size(): number {
    return this.#items.length;
  }
}

/** A real WebSocket server whose every word is the test's: for what a right hub does only at rare moments. */
export class ScriptedHub {
  readonly #server: WebSocketServer;
  readonly #peers = new Waiting<Peer>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      this.#peers.put(new Peer(socket, request.headers['sec-websocket-protocol'] ?? ''));
    });
  }

  static async start(port = 0): Promise<ScriptedHub> {
    const server = new WebSocketServer({
      port,
      host: '127.0.0.1',
      path: '/ws',
      handleProtocols: () => 'hubbub.v1.json',
    });
    await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
    return new ScriptedHub(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The next connection, before it was greeted. */
  peer(): Promise<Peer> {
    return this.#peers.take();
  }

  /** The next connection, let in as that user. */
  async welcome(user = 'ann', more: Partial<Frame & { type: 'connected' }> = {}): Promise<Peer> {
    const peer = await this.peer();
    const connect = await peer.take('connect');
    peer.reply(connect, {
      type: 'connected',
      user,
      conn: 'c',
      ping_ms: 25_000,
      server: 'scripted',
      version: 1,
      ...more,
    });
    return peer;
  }

  /** Connections that nobody has looked at yet. */
  get unseen(): number {
    return this.#peers.size;
  }

  async stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The hub's side of one connection. */
export class Peer {
  readonly protocol: string;
  readonly closed: Promise<number>;
  readonly #socket: Socket;
  readonly #commands = new Waiting<Taken>();

  constructor(socket: Socket, protocol: string) {
    this.#socket = socket;
    this.protocol = protocol;
    socket.on('message', (data) => this.#commands.put(JSON.parse(String(data))));
    this.closed = new Promise((resolve) => socket.once('close', resolve));
  }

  /** The next command, which must be of that type. */
  async take<T extends Command['type']>(type: T): Promise<Extract<Command, { type: T }> & { id: number }> {
    const command = await this.#commands.take();
    if (command.type !== type) throw new Error(`a ${type} was expected; it is ${JSON.stringify(command)}`);
    return command as Extract<Command, { type: T }> & { id: number };
  }

  /** Commands that nobody has taken yet. */
  get waiting(): number {
    return this.#commands.size;
  }

  reply(command: { id?: number }, frame: Frame): void {
    this.send({ ...frame, ...(command.id === undefined ? {} : { id: command.id }) });
  }

  refuse(
    command: { id?: number },
    code: string,
    more: { message?: string; retry_after_ms?: number } = {},
  ): void {
    this.reply(command, { type: 'error', code, message: code, ...more });
  }

  send(...frames: Frame[]): void {
    for (const frame of frames) this.#socket.send(JSON.stringify(frame));
  }

  raw(data: string | Buffer): void {
    this.#socket.send(data);
  }

  close(code: number, reason = ''): void {
    this.#socket.close(code, reason);
  }

  /** Cuts the connection as a broken network does. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Reads nothing and answers nothing any more, not even on the protocol's own level. */
  freeze(): void {
    this.#socket.pause();
  }
}
