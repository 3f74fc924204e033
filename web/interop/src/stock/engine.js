// A NATS server of one test's own, which can be stopped in the middle, killed and started
// again, while the hub that keeps its log there goes on.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../servers.js';
import { until } from './hub.js';

export class Engine {
  static async open(t) {
    const binary = process.env.NATS_SERVER_BIN;
    assert.ok(binary, 'NATS_SERVER_BIN is not set: make web-slow builds one and sets it');
    const engine = new Engine();
    const data = mkdtempSync(join(tmpdir(), 'interop-nats-'));
    const port = await freePort();
    const config = join(data, 'nats.conf');
    writeFileSync(
      config,
      `listen: "127.0.0.1:${port}", max_payload: 2MB
       jetstream { store_dir: ${JSON.stringify(data)}, sync_interval: always }`,
    );
    engine.run = () => spawn(binary, ['-c', config], { stdio: 'ignore' });
    Object.assign(engine, { port, url: `nats://127.0.0.1:${port}` });
    t.after(async () => {
      await engine.kill();
      rmSync(data, { recursive: true });
    });
    await engine.start();
    return engine;
  }

  async start() {
    this.child = this.run();
    this.exited = once(this.child, 'exit');
    await until(
      () => 'NATS listens',
      () => listens(this.port),
    );
  }

  // Stops it, and waits until it stands still.
  async stop() {
    this.child.kill('SIGSTOP');
    await until(
      () => 'NATS stands still',
      () => / T /.test(readFileSync(`/proc/${this.child.pid}/stat`, 'utf8')),
    );
  }

  goOn() {
    this.child.kill('SIGCONT');
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }
}

async function listens(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
