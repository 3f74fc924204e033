// The servers under test, each as a child process that can be killed and started again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

// hubbub refuses a HUBBUB_ variable that is none of its settings.
const { HUBBUB_BIN, ...inherited } = process.env;

// A package of its own: SQLite and LevelDB are native, and no check needs them.
const peers = fileURLToPath(new URL('../peers/', import.meta.url));

// How each is started, how it says that it is ready, and where each kind of client connects.
const adapters = {
  hubbub: (port, data) => ({
    run: [binary()],
    args: ['serve', '--addr', `127.0.0.1:${port}`, '--data', data, '--admin-addr', ''],
    ready: `http://127.0.0.1:${port}/readyz`,
    urls: {
      'y-websocket': `ws://127.0.0.1:${port}/yjs`,
      hocuspocus: `ws://127.0.0.1:${port}/hocuspocus`,
    },
  }),
  hocuspocus: (port, data) => peer('hocuspocus.js', port, { DATA: data }, 'hocuspocus'),
  'hocuspocus-durable': (port, data) =>
    peer('hocuspocus.js', port, { DATA: data, DURABLE: '1' }, 'hocuspocus'),
  // Answers a first client before it has read its disk, with an empty document.
  'y-websocket': (port, data) => ({
    ...peer(
      'node_modules/@y/websocket-server/src/server.js',
      port,
      { HOST: '127.0.0.1', YPERSISTENCE: data },
      'y-websocket',
    ),
    loadsLate: true,
  }),
  'y-websocket-durable': (port, data) =>
    peer('y-websocket-durable.js', port, { HOST: '127.0.0.1', DATA: data }, 'y-websocket'),
};

export const serverNames = Object.keys(adapters);

function peer(script, port, env, kind) {
  if (!existsSync(join(peers, 'node_modules'))) {
    throw new Error('the servers are not installed: npm --prefix web run peers -w interop');
  }
  return {
    run: [process.execPath],
    args: [join(peers, script)],
    env: { PORT: String(port), ...env },
    ready: `http://127.0.0.1:${port}/`,
    urls: { [kind]: `ws://127.0.0.1:${port}` },
  };
}

function binary() {
  if (!HUBBUB_BIN) throw new Error('HUBBUB_BIN is not set: it must be the path of the hubbub binary');
  return HUBBUB_BIN;
}

// Neither a server nor its folder outlives the one who tests it.
const running = new Set();
process.on('exit', () => {
  for (const { child, data } of running) {
    child.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

export class Server {
  // The folder is the server's alone, and goes with close().
  static async open(name, flags = []) {
    if (!adapters[name]) throw new Error(`no server "${name}": there are ${serverNames.join(', ')}`);
    const data = mkdtempSync(join(tmpdir(), 'interop-'));
    const how = adapters[name](await freePort(), data);
    const server = new Server(name, data, { ...how, args: [...how.args, ...flags] });
    await server.start();
    return server;
  }

  constructor(name, data, how) {
    Object.assign(this, { name, data, how, urls: how.urls, kinds: Object.keys(how.urls) });
  }

  get pid() {
    return this.child.pid;
  }

  async start(patience = 30_000) {
    const { run, args, env } = this.how;
    this.child = spawn(run[0], args, {
      env: { ...inherited, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    running.add(this);
    this.said = '';
    this.child.stderr.on('data', (text) => {
      this.said = (this.said + text).slice(-2000);
    });
    this.exited = once(this.child, 'exit');
    const until = Date.now() + patience;
    while (!(await answers(this.how.ready))) {
      const gone = this.child.exitCode !== null || this.child.signalCode !== null;
      if (gone || Date.now() > until) {
        await this.kill();
        throw new Error(`${this.name} did not become ready at ${this.how.ready}; it said:\n${this.said}`);
      }
      await delay(20);
    }
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  async close() {
    await this.kill();
    running.delete(this);
    rmSync(this.data, { recursive: true, force: true });
  }
}

async function answers(url) {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(1000) });
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
