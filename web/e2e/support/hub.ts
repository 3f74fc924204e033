import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A hub of a test's own: the real program, on a port and in a folder that nobody else uses. */
export class Hub {
  readonly url: string;
  readonly #address: string;
  readonly #data: string;
  readonly #args: readonly string[];
  #process: ChildProcess | undefined;
  #said = '';

  private constructor(address: string, data: string, args: readonly string[]) {
    this.#address = address;
    this.#data = data;
    this.#args = args;
    this.url = `http://${address}`;
  }

  /** Starts one, with flags of `hubbub serve` beside address and folder. */
  static async start(...args: string[]): Promise<Hub> {
    const data = await mkdtemp(join(tmpdir(), 'hubbub-e2e-data-'));
    const hub = new Hub(`127.0.0.1:${await freePort()}`, data, args);
    await hub.start();
    return hub;
  }

  /** Starts it on what it had before it was killed; ready when this resolves. */
  async start(): Promise<void> {
    const child = spawn(
      program(),
      ['serve', '--addr', this.#address, '--admin-addr', '', '--data', this.#data, ...this.#args],
      { stdio: ['ignore', 'pipe', 'pipe'], env: environment() },
    );
    this.#process = child;
    const keep = (chunk: Buffer) => {
      this.#said += chunk.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    for (;;) {
      if (child.exitCode !== null)
        throw new Error(`hubbub serve ended with ${child.exitCode}:\n${this.#said}`);
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 20)); // between two looks at the condition
    }
  }

  /** kill -9: no word to anybody, nothing flushed. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    this.#process = undefined;
  }

  /** Loses the log while it is down, as a folder restored from nothing would; the keys stay. */
  async lose(): Promise<void> {
    for (const name of await readdir(this.#data)) {
      if (!name.endsWith('.key')) await rm(join(this.#data, name), { recursive: true });
    }
  }

  /** Ends it for good and takes its folder away. */
  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#data, { recursive: true, force: true });
  }

  /** Sends lines as messages, one each, and waits until all are stored. */
  async send(room: string, lines: readonly string[], token = ''): Promise<void> {
    const args = ['send', room, '--url', this.url.replace('http', 'ws')];
    await run([...args, ...(token ? ['--token', token] : [])], `${lines.join('\n')}\n`);
  }

  /** The texts of a room as the log has them, from its beginning. */
  async tail(room: string, limit: number): Promise<string[]> {
    const out = await run(
      ['tail', room, '--since', '0', '--limit', String(limit), '--url', this.url.replace('http', 'ws')],
      '',
    );
    return out.split('\n').filter(Boolean);
  }

  /** The sequence of the message with that text, among the first `limit` events. */
  async seqOf(room: string, text: string, limit: number): Promise<number> {
    const url = this.url.replace('http', 'ws');
    const out = await run(
      ['tail', room, '--since', '0', '--limit', String(limit), '--format', 'json', '--url', url],
      '',
    );
    for (const line of out.split('\n').filter(Boolean)) {
      const { seq, event } = JSON.parse(line) as { seq: number; event: { text?: string } };
      if (event.text === text) return seq;
    }
    throw new Error(`${room} has no message ${text} among its first ${limit} events`);
  }

  /** Deletes a document for good. */
  async delete(doc: string): Promise<void> {
    const token = await this.token('admin', 'Admin', '{"*":["*"]}');
    const answer = await fetch(`${this.url}/api/docs/${encodeURIComponent(doc)}`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${token}` },
    });
    if (!answer.ok) throw new Error(`${doc} was not deleted: ${answer.status} ${await answer.text()}`);
  }

  /** A token for a person, signed with the key that the hub made for itself. */
  async token(sub: string, name: string, caps: string): Promise<string> {
    const key = join(this.#data, 'token.key');
    return (await run(['token', '--sub', sub, '--name', name, '--caps', caps, '--key', key], '')).trim();
  }
}

/** Ours without the program's own settings, HUBBUB_BIN among them, which it would not know. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HUBBUB_')));
}

function program(): string {
  const bin = process.env.HUBBUB_BIN;
  if (!bin) throw new Error('HUBBUB_BIN is not set: the global setup should have built the program');
  return bin;
}

async function run(args: string[], input: string): Promise<string> {
  const child = spawn(program(), args, { stdio: ['pipe', 'pipe', 'pipe'], env: environment() });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  child.stdin.on('error', () => undefined); // one that reads nothing may be gone by now
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`hubbub ${args.join(' ')} ended with ${code}: ${err}`);
  return out;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  server.close();
  await once(server, 'close');
  return port;
}
