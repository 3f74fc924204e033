// The processes that editors live in, so that measuring does not wait for itself.
import { fork } from 'node:child_process';
import { once } from 'node:events';

export class Pool {
  calls = new Map();
  next = 0;

  constructor(size) {
    this.processes = Array.from({ length: size }, () => {
      const child = fork(new URL('./process.js', import.meta.url), { serialization: 'advanced' });
      child.on('message', ({ id, result, error }) => {
        const { resolve, reject } = this.calls.get(id);
        this.calls.delete(id);
        error ? reject(new Error(error)) : resolve(result);
      });
      return child;
    });
  }

  // Calls all processes, each with its own arguments, and gives their answers.
  all(call, argsOf) {
    const one = (child, i) => {
      const id = this.next++;
      child.send({ id, call, args: argsOf(i) });
      return new Promise((resolve, reject) => this.calls.set(id, { resolve, reject }));
    };
    return Promise.all(this.processes.map(one));
  }

  // Deals items out in turn.
  deal(items) {
    const size = this.processes.length;
    return Array.from({ length: size }, (_, i) => items.filter((_, at) => at % size === i));
  }

  async close() {
    for (const child of this.processes) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
  }
}
