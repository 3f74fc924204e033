import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A network between a client and a hub, with the faults of one. */
export class Network {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  /** Bytes from the hub are lost: what the client sends arrives all the same. */
  deaf = false;
  /** Nothing passes, and nobody is told. */
  stalled = false;
  /** Requests to change to WebSocket are refused, as some networks do. */
  noWebSockets = false;
  upgrades = 0;

  private constructor(target: () => number) {
    this.#server = createServer((near) => {
      const far = connect(target(), '127.0.0.1');
      const pair: [Socket, Socket] = [near, far];
      this.#pairs.add(pair);
      for (const socket of pair) {
        socket.on('error', () => {});
        socket.on('close', () => {
          near.destroy();
          far.destroy();
          this.#pairs.delete(pair);
        });
      }
      near.on('data', (data) => this.#up(data, near, far));
      far.on('data', (data) => {
        if (!this.stalled && !this.deaf) near.write(data);
      });
    });
  }

  static async to(target: { port: number }): Promise<Network> {
    const network = new Network(() => target.port);
    await new Promise<void>((resolve) => network.#server.listen(0, '127.0.0.1', resolve));
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Breaks every connection. */
  cut(): void {
    for (const [near, far] of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async end(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #up(data: Buffer, near: Socket, far: Socket): void {
    if (this.stalled) return;
    if (/^upgrade: websocket/im.test(data.toString('latin1'))) {
      this.upgrades++;
      if (this.noWebSockets) {
        near.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
        return;
      }
    }
    far.write(data);
  }
}
