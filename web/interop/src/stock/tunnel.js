// A TCP proxy whose connections can go silent without an end, as those of a laptop do whose
// lid was closed.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Tunnel {
  sockets = [];
  silent = false;

  static async open(t, target) {
    const tunnel = new Tunnel();
    const { hostname, port } = new URL(target);
    tunnel.server = createServer((near) => tunnel.carry(near, connect(Number(port), hostname)));
    tunnel.server.listen(0, '127.0.0.1');
    await once(tunnel.server, 'listening');
    t.after(() => tunnel.close());
    return tunnel;
  }

  carry(near, far) {
    this.sockets.push(near, far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.on('data', (data) => this.silent || to.write(data));
      from.on('close', () => this.silent || to.destroy());
      from.on('error', () => {});
    }
  }

  // The urls of a hub, by way of this tunnel.
  through(urls) {
    const { port } = this.server.address();
    const move = (url) => url.replace(/:\d+\//, `:${port}/`);
    return Object.fromEntries(Object.entries(urls).map(([kind, url]) => [kind, move(url)]));
  }

  close() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }
}
