// A hub for a test, and what tests of stock clients share.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Server } from '../servers.js';
import { connect } from './clients.js';

const run = promisify(execFile);
const apiKey = 'a-key-that-is-only-for-these-tests';

// Waits for a condition, and says what it waited for in vain.
export async function until(what, condition, patience = 10_000) {
  const end = Date.now() + patience;
  while (!(await condition())) {
    if (Date.now() > end) assert.fail(`not within ${patience} ms: ${what()}`);
    await delay(10);
  }
}

// Hub is a hub of one test's own; its clients end with it.
export class Hub {
  clients = [];
  said = [];

  static async open(t, ...flags) {
    const hub = new Hub();
    hub.server = await Server.open('hubbub', ['--api-key', apiKey, ...flags]);
    const silenced = ['warn', 'error'].map((level) =>
      t.mock.method(console, level, (...words) => hub.said.push(words)),
    );
    t.after(async () => {
      for (const client of hub.clients) client.destroy();
      for (const { mock } of silenced) mock.restore();
      await hub.server.close();
    });
    return hub;
  }

  connect(kind, name, options) {
    const client = connect(kind, this.server.urls, name, options);
    this.clients.push(client);
    return client;
  }

  async token(caps, { sub = 'ann', ttl = '1h' } = {}) {
    const args = ['token', '--sub', sub, '--caps', JSON.stringify(caps), '--ttl', ttl];
    const { HUBBUB_BIN: binary, ...env } = process.env;
    const { stdout } = await run(binary, [...args, '--key', join(this.server.data, 'token.key')], { env });
    return stdout.trim();
  }

  async call(name, body) {
    const url = new URL(`/api/${name}`, this.server.how.ready);
    const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' };
    const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    const json = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(json));
    return json;
  }
}

export function saved(clients, patience) {
  const states = () => JSON.stringify(clients.map(({ synced, unsaved }) => ({ synced, unsaved })));
  return until(
    () => `all synced and saved, but ${states()}`,
    () => clients.every((c) => c.synced && c.unsaved === 0),
    patience,
  );
}

// Waits until all have the same text, which has each of the parts once.
export function converges(clients, parts, patience) {
  const length = parts.join('').length;
  const good = ({ text }) => text === clients[0].text && parts.every((part) => text.split(part).length === 2);
  return until(
    () => `${parts} everywhere, but ${JSON.stringify(clients.map(({ text }) => text))}`,
    () => clients.every((client) => good(client) && client.text.length === length),
    patience,
  );
}

export function see(clients, names, patience) {
  return until(
    () => `${names} seen by all, but ${JSON.stringify(clients.map(({ seen }) => seen))}`,
    () => clients.every(({ seen }) => seen.join() === names.join()),
    patience,
  );
}
