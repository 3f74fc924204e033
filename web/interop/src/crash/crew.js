// The clients of a run: worker threads that write into one journal.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

export class Crew {
  // Half of the clients speak one protocol and half the other, if the server has both.
  constructor(journal, server, { clients, seed, ...rest }, life) {
    const { kinds, urls } = server;
    this.journal = journal;
    this.kinds = Array.from({ length: clients }, (_, i) => kinds[i % kinds.length]);
    this.workers = Array.from({ length: clients }, (_, client) => {
      const kind = this.kinds[client];
      const workerData = { ...rest, kind, url: urls[kind], client, life, seed: seed + 1000 * life + client };
      const worker = new Worker(new URL('./client.js', import.meta.url), { workerData });
      worker.on('message', ({ made, claimed }) => {
        if (made) journal.made(client, made);
        if (claimed) journal.claim(client, claimed);
      });
      worker.on('error', (error) => {
        console.error(`client ${client} (${kind}): ${error.message}`);
        process.exit(2);
      });
      return worker;
    });
    this.synced = new Set();
    const begin = async (worker, i) => {
      await told(worker, 'typing');
      this.synced.add(i);
    };
    this.allTyping = Promise.all(this.workers.map(begin));
  }

  async typing(patience = 30_000) {
    const all = await Promise.race([this.allTyping, delay(patience, null, { ref: false })]);
    if (all) return;
    const late = this.kinds.filter((_, i) => !this.synced.has(i)).join(', ');
    throw new Error(`clients that were not synced within ${patience} ms of a start: ${late}`);
  }

  // Whether all come to be connected and equal, when nobody types any more.
  settles(patience) {
    for (const worker of this.workers) worker.postMessage('stop');
    return this.come(patience, ({ synced, digest }, _, [first]) => synced && digest === first.digest);
  }

  // Whether each comes to be synced after a kill; one who types is not at every moment.
  connects(patience) {
    const were = new Set();
    return this.come(patience, ({ synced }, i) => (synced ? were.add(i) : were).has(i));
  }

  async come(patience, is) {
    for (const until = Date.now() + patience; Date.now() < until; await delay(100)) {
      const states = await Promise.all(this.workers.map(ask));
      if (states.every(is)) return true;
    }
    return false;
  }

  // What a worker has said is heard before its exit is.
  async end() {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}

function ask(worker) {
  const answer = told(worker, 'state');
  worker.postMessage('state');
  return answer;
}

function told(worker, what) {
  return new Promise((resolve) => {
    const hear = (message) => {
      if (!(what in message)) return;
      worker.off('message', hear);
      resolve(message[what]);
    };
    worker.on('message', hear);
  });
}
