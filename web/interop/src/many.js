// What a document costs that is open and rests, and an edit in each. See --help.
import { setTimeout as delay } from 'node:timers/promises';
import { flags } from './flags.js';
import { bench, common, targets, together } from './load/bench.js';
import { cpu, files, mb, quantiles, round, rss } from './load/figures.js';
import { serverNames } from './servers.js';

const about = `Many documents with one connected editor each, then one edit in each. Prints the server's
RSS in bytes for each document (its connection is in it), CPU in µs and ms to the answer.
Each connection is a file of the server's, so the limit on files (nofile) is the bound.`;

const options = flags(about, {
  ...common(serverNames),
  documents: [10_000, 'how many are open'],
  width: [32, 'how many are opened or edited at once, in each process'],
});

await bench(options, async ({ server, pool, deadline }) => {
  const spare = 200; // files of the server's own
  const documents = Math.min(options.documents, files() - spare);
  const names = Array.from({ length: documents }, (_, i) => `many-${i}`);
  const hands = pool.deal(names).map((hand) => targets(server, options.token, hand));
  const [empty, idle] = [rss(server.pid), cpu(server.pid)];
  const opens = together(
    await pool.all('open', (i) => ({ targets: hands[i], width: options.width, deadline })),
  );
  const opened = opens.done;
  await delay(2000);
  const [open, opening] = [rss(server.pid), cpu(server.pid)];
  const answers = await pool.all('edit', () => ({ width: options.width, deadline }));
  const took = answers.flatMap((answer) => answer.took);
  const edits = together(answers);
  await delay(1000);
  const [edited, spent] = [rss(server.pid), cpu(server.pid)];
  return {
    asked: options.documents,
    documents: opened,
    edits: edits.done,
    failed: opens.failed + edits.failed,
    why: opens.why ?? edits.why,
    rssPerDocument: Math.round((open - empty) / opened),
    rssPerEdited: Math.round((edited - empty) / opened),
    cpuPerOpen: round(((opening - idle) * 1000) / opened),
    cpuPerEdit: round(((spent - opening) * 1000) / took.length),
    answer: quantiles(took),
    rssMB: { empty: mb(empty), open: mb(open), edited: mb(edited) },
    nofile: files(),
  };
});
