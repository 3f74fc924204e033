// What the load figures have in common: a server, processes of editors, a line of JSON.
import { Server } from '../servers.js';
import { Pool } from './pool.js';

export const common = (names) => ({
  server: ['hubbub', names.join(', ')],
  processes: [2, 'how many processes the editors live in'],
  token: ['', 'what the editors present'],
  patience: [120, 'seconds, after which nothing more is begun'],
});

export async function bench({ server: name, processes, patience }, measure) {
  const server = await Server.open(name);
  const pool = new Pool(processes);
  const deadline = Date.now() + patience * 1000;
  // The last word: whatever hangs, the run ends.
  const end = setTimeout(
    () => {
      console.error(`no end ${patience + 60} s after the start: given up`);
      process.exit(2);
    },
    (patience + 60) * 1000,
  );
  try {
    console.log(JSON.stringify({ server: name, ...(await measure({ server, pool, deadline })) }));
  } finally {
    clearTimeout(end);
    await pool.close();
    await server.close();
  }
}

// One editor for each name, of either kind by turns. Deal names out first, so that each
// process has both.
export function targets(server, token, names) {
  const { kinds, urls } = server;
  return names.map((name, i) => {
    const kind = kinds[i % kinds.length];
    return { kind, url: urls[kind], name, token };
  });
}

// The results of all processes as one: {done, failed, why}.
export function together(results) {
  const sum = (what) => results.reduce((all, result) => all + result[what], 0);
  return { done: sum('done'), failed: sum('failed'), why: results.find(({ why }) => why)?.why };
}
