// How soon everybody has an edit, and what that costs. See --help.
import { setTimeout as delay } from 'node:timers/promises';
import { flags } from './flags.js';
import { bench, common, targets, together } from './load/bench.js';
import { cpu, files, mb, quantiles, round, rss } from './load/figures.js';
import { serverNames } from './servers.js';

const about = `One document, many editors, a few of whom type at a fixed rate. Prints ms from an edit
to each other editor (delivery) and to the last of them (everybody), and the server's CPU in µs.`;

const options = flags(about, {
  ...common(serverNames),
  editors: [500, 'how many have the document open'],
  typists: [4, 'how many of them type'],
  rate: [5, 'edits a second of each typist'],
  seconds: [20, 'how long they type'],
});

// Waits until nothing more comes, 10 s at the most.
async function quiet(pool) {
  for (let before = -1, i = 0; i < 20; i++) {
    const heard = (await pool.all('heard', () => null)).reduce((a, b) => a + b);
    if (heard === before) return;
    before = heard;
    await delay(500);
  }
}

await bench(options, async ({ server, pool, deadline }) => {
  const { editors, typists, rate, seconds, processes, token } = options;
  const rssEmpty = rss(server.pid);
  const hands = pool.deal(Array(editors).fill('fanout')).map((names) => targets(server, token, names));
  const {
    done: opened,
    failed,
    why,
  } = together(await pool.all('open', (i) => ({ targets: hands[i], width: 20, deadline })));
  await delay(1000);
  const rssOpen = rss(server.pid);
  const before = cpu(server.pid);
  const share = (i) => Math.floor((typists + i) / processes);
  const typed = await pool.all('type', (i) => ({ typists: share(i), rate, seconds }));
  await quiet(pool);
  const spent = (cpu(server.pid) - before) * 1000;
  const edits = typed.reduce((a, b) => a + b);
  const reports = await pool.all('report', () => null);
  const deliveries = reports.flatMap((report) => report.deliveries);
  return {
    editors: opened,
    failed,
    why,
    typists,
    edits,
    deliveries: deliveries.length,
    missing: edits * (opened - 1) - deliveries.length,
    delivery: quantiles(deliveries),
    everybody: quantiles(everybody(reports)),
    cpuPerEdit: round(spent / edits),
    cpuPerDelivery: round(spent / deliveries.length),
    rssMB: { empty: mb(rssEmpty), open: mb(rssOpen), after: mb(rss(server.pid)) },
    nofile: files(),
  };
});

// The last of all processes has the edit when everybody has it.
function everybody(reports) {
  const last = new Map();
  for (const { lasts } of reports) {
    for (const [mark, [, ms]] of lasts) last.set(mark, Math.max(ms, last.get(mark) ?? 0));
  }
  return last.values();
}
