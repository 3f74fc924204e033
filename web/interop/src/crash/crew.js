// The clients of a run: worker threads that write into one journal.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

export class Crew {
  // Half of the clients speak one protocol and half the other, if the server has both.
  constructor(journal, server, { clients, seed, ...rest }, life) {
    const { kinds, urls } = server;
    this.journal = journal;
    this.workers = Array.from({ length: clients }, (_, client) => {
      const kind = kinds[client % kinds.length];
      const workerData = { ...rest, kind, url: urls[kind], client, life, seed: seed + 1000 * life + client };
      const worker = new Worker(new URL('./client.js', import.meta.url), { workerData });
      worker.on('message', ({ made, claimed }) => {
        if (made) journal.made(client, made);
        if (claimed) journal.claim(client, claimed);
      });
      return worker;
    });
    this.allTyping = Promise.all(this.workers.map((worker) => told(worker, 'typing')));
  }

  async typing(patience = 30_000) {
    const all = await Promise.race([this.allTyping, delay(patience, null, { ref: false })]);
    if (!all) throw new Error(`not every client was synced within ${patience} ms of a start`);
  }

  // Whether all come to be connected and equal, when nobody types any more.
  async settles(patience) {
    for (const worker of this.workers) worker.postMessage('stop');
    for (const until = Date.now() + patience; Date.now() < until; await delay(100)) {
      const states = await Promise.all(this.workers.map(ask));
      const [{ digest }] = states;
      if (states.every((state) => state.synced && state.digest === digest)) return true;
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
