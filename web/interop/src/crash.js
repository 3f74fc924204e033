// Does a Yjs server forget edits that it has said are saved? See --help.
import { setTimeout as delay } from 'node:timers/promises';
import { Crew } from './crash/crew.js';
import { Journal } from './crash/journal.js';
import { read } from './crash/reader.js';
import { flags } from './flags.js';
import { randomOf } from './random.js';
import { Server, serverNames } from './servers.js';

const about = `Kills a server (SIGKILL) while clients type into one document, starts it again, and holds
what it then has against what it had told the clients was saved: by unsyncedChanges
(Hocuspocus) or by sending an update back to its author (y-websocket). Prints one line of
JSON; the exit code is 1 if something was lost, doubled or torn, or the clients differ, and
2 if there was no verdict.

--mode amnesia ends all clients at each kill, so that nobody can bring back what the server
forgot. --mode heal lets them live and reconnect, as users do.

A killed process leaves what it wrote to the kernel: this is no loss of power.`;

const options = flags(about, {
  server: ['hubbub', serverNames.join(', ')],
  mode: ['amnesia', 'amnesia or heal'],
  kills: [20, 'how often the server is killed under load, 98 at most'],
  clients: [8, 'how many type, 9 at most'],
  rate: [20, 'edits a second of each client'],
  between: ['500-2500', 'ms from when all are connected to the kill'],
  seed: [1, 'decides the moments of the kills and the edits'],
  settle: [30_000, 'ms in which the clients must become equal at the end'],
  token: ['', 'what the clients present'],
});

if (!['amnesia', 'heal'].includes(options.mode))
  throw new Error(`--mode is "${options.mode}": it must be amnesia or heal`);
if (options.kills > 98) throw new Error(`--kills is ${options.kills}: tokens have numbers for 98 at most`);
if (options.clients < 1 || options.clients > 9)
  throw new Error(`--clients is ${options.clients}: it must be 1 to 9`);

const journal = new Journal();
const random = randomOf(options.seed);
const [least, most] = options.between.split('-').map(Number);
const document = { name: `crash-${options.seed}`, token: options.token };
const amnesia = options.mode === 'amnesia';

async function look(server, kind) {
  const clean = (document) => {
    const { lost, doubled, torn } = journal.judge(document);
    return lost.length + doubled.length + torn === 0;
  };
  return journal.judge(
    await read(kind, { url: server.urls[kind], loadsLate: server.how.loadsLate, ...document }, clean),
  );
}

// Kills until all were had, and gives how many of the kills cost something.
async function kills(server, crewOf) {
  let crew = crewOf(0);
  let costly = 0;
  let known = 0;
  await crew.typing();
  for (let kill = 1; kill <= options.kills; kill++) {
    await delay(least + random.int(most - least + 1));
    await server.kill();
    if (amnesia) await crew.end();
    await server.start();
    if (!amnesia) {
      await crew.connects(10_000); // or the next kill would meet nobody
      continue;
    }
    const { lost } = await look(server, server.kinds[kill % server.kinds.length]);
    if (lost.length > known) costly++;
    known = lost.length;
    crew = crewOf(kill);
    await crew.typing();
  }
  return { crew, costly };
}

async function run(server) {
  const crewOf = (life) => new Crew(journal, server, { ...document, ...options }, life);
  const { crew, costly } = await kills(server, crewOf);
  const equal = await crew.settles(options.settle);
  await server.kill();
  await crew.end();
  await server.start();
  const verdicts = [];
  for (const kind of server.kinds) verdicts.push(await look(server, kind));
  const worst = (what) => verdicts.map((verdict) => verdict[what]).sort((a, b) => b.length - a.length)[0];
  return {
    edits: journal.edits.size,
    claimed: journal.claimed,
    lost: worst('lost').length,
    doubled: worst('doubled').length,
    torn: Math.max(...verdicts.map(({ torn }) => torn)),
    equal,
    ...(amnesia && { costlyKills: costly }),
    examples: worst('lost')
      .slice(0, 3)
      .map(({ kind, client, number }) => `${kind} c${client}-${number}`),
  };
}

async function main() {
  const begun = Date.now();
  const server = await Server.open(options.server);
  try {
    const { server: name, mode, kills, clients, rate, seed } = options;
    const result = await run(server);
    const seconds = Math.round((Date.now() - begun) / 1000);
    console.log(JSON.stringify({ server: name, mode, kills, clients, rate, seed, ...result, seconds }));
    return result.lost + result.doubled + result.torn > 0 || !result.equal ? 1 : 0;
  } finally {
    await server.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
process.exit(); // clients of a run that failed would go on
