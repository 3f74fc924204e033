import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';

const SECRET = 'a secret of the tests that is long enough';

/** The program itself, on a folder of its own, to be killed and started again at the same address. */
export class RealHub {
  readonly #dir = mkdtempSync(join(tmpdir(), 'hubbub-test-'));
  readonly #flags: string[];
  #process: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  #log = '';
  #ran = false;
  // Below the ports that the system gives out by itself, so that it is free again after a restart.
  port = 12_000 + Math.floor(Math.random() * 18_000);

  private constructor(flags: string[]) {
    this.#flags = flags;
  }

  static async start(...flags: string[]): Promise<RealHub> {
    const hub = new RealHub(flags);
    await hub.start();
    return hub;
  }

  /** A hub that knows the tokens of `token` and lets guests in too. */
  static async withTokens(...flags: string[]): Promise<RealHub> {
    const hub = new RealHub(flags);
    const key = join(hub.#dir, 'key');
    writeFileSync(key, SECRET);
    hub.#flags.push('--key', key, '--guests', 'on');
    await hub.start();
    return hub;
  }

  get url(): string {
    return `${this.#flags.includes('--tls-cert') ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** What it has said. */
  get log(): string {
    return this.#log;
  }

  /** Starts the program, at its old address if it ran before. */
  async start(data = 'data'): Promise<void> {
    for (;;) {
      const end = await this.#run(data);
      if (end === 'up') return;
      if (this.#ran || !/address already in use/.test(end))
        throw new Error(`the hub ended. It said:\n${end}`);
      this.port++;
    }
  }

  async #run(data: string): Promise<string> {
    const args = [
      'serve',
      '--addr',
      `127.0.0.1:${this.port}`,
      '--admin-addr',
      '',
      '--data',
      join(this.#dir, data),
    ];
    const env = { PATH: process.env.PATH, HOME: this.#dir };
    const child = spawn(inject('hubbub'), [...args, ...this.#flags], { env });
    this.#process = child;
    this.#gone = new Promise((resolve) => child.once('exit', () => resolve()));
    child.stderr.on('data', (text) => {
      this.#log += text;
    });
    return new Promise((resolve) => {
      let said = '';
      child.stdout.on('data', (text) => {
        said += text;
        this.#log += text;
        if (!said.includes(this.url)) return;
        this.#ran = true;
        resolve('up');
      });
      child.once('close', () => resolve(this.#log));
    });
  }

  /** `SIGKILL`, as `kill -9` and a fault of the machine; `SIGTERM` to go down in order. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#process?.kill(signal);
    await this.#gone;
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** A token of those hubs. */
export function token(
  sub: string,
  { ttl = 600, caps = { '*': ['*'] } as Record<string, string[]>, name = '' } = {},
): string {
  const now = Math.floor(Date.now() / 1000);
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub, iat: now, exp: now + ttl, caps, ...(name ? { info: { name } } : {}) };
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}
