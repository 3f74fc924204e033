// Whether a server gives back what a document took. See --help.
import { setTimeout as delay } from 'node:timers/promises';
import { flags } from './flags.js';
import { bench, common, targets, together } from './load/bench.js';
import { cpu, mb, round, rss } from './load/figures.js';
import { serverNames } from './servers.js';

const about = `Opens documents, makes an edit in each and closes them, a few at a time. Prints the
server's RSS in MB before, after each quarter, and after a rest.`;

const options = flags(about, {
  ...common(serverNames),
  total: [20_000, 'how many are opened and closed'],
  width: [16, 'how many are open at once, in each process'],
  rest: [15, 'seconds after which RSS is read once more'],
});

// A closed connection keeps its port for a minute, and one address has 28,000 of them.
function address(target, i) {
  return { ...target, localAddress: `127.0.0.${2 + (i % 50)}` };
}

await bench(options, async ({ server, pool, deadline }) => {
  const { total, width, rest, token } = options;
  const all = Array.from({ length: total }, (_, i) => `churn-${i}`);
  const [begun, before] = [Date.now(), cpu(server.pid)];
  const sizes = [mb(rss(server.pid))];
  const results = [];
  for (let quarter = 0; quarter < 4; quarter++) {
    const names = all.slice((quarter * total) / 4, ((quarter + 1) * total) / 4);
    const hands = pool.deal(names).map((hand) => targets(server, token, hand).map(address));
    const part = await pool.all('churn', (i) => ({ targets: hands[i], width, deadline }));
    results.push(...part);
    sizes.push(mb(rss(server.pid)));
  }
  const seconds = (Date.now() - begun) / 1000;
  await delay(rest * 1000);
  const spent = (cpu(server.pid) - before) * 1000;
  const { done: closed, failed, why } = together(results);
  const [first, , , , last] = sizes;
  return {
    asked: total,
    documents: closed,
    failed,
    why,
    perSecond: Math.round(closed / seconds),
    cpuPerDocument: round(spent / closed),
    rssMB: { before: first, quarters: sizes.slice(1), rested: mb(rss(server.pid)) },
    grownPerDocument: Math.round(((last - first) * 1e6) / closed),
  };
});
