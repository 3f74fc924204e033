// What tests do to a hub's files.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

// Turns over a bit of the record that has a text, under the hub if it runs, and gives how
// many blocks have it.
export async function flip(hub, text) {
  const streams = join(hub.server.data, 'jetstream', '$G', 'streams');
  let found = 0;
  for (const stream of (await readdir(streams)).filter((name) => name.startsWith('HUBBUB_DOC_'))) {
    const folder = join(streams, stream, 'msgs');
    for (const name of (await readdir(folder)).filter((name) => name.endsWith('.blk'))) {
      const data = await readFile(join(folder, name));
      const at = data.indexOf(text);
      if (at < 0) continue;
      data[at] ^= 1;
      await writeFile(join(folder, name), data, { flag: 'r+' });
      found++;
    }
  }
  return found;
}
