// A log of updates in one file: what a server that forgets nothing does before it answers.
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

export function append(path, update) {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(update.length);
  appendFileSync(path, Buffer.concat([size, update]));
}

export function* updates(path) {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) return; // torn by the kill, and so never acked
    yield bytes.subarray(at + 4, end);
    at = end;
  }
}
