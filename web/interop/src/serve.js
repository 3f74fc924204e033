import { createInterface } from 'node:readline';

// Answers commands: a line of JSON in, a line of JSON out. Bytes travel as {"b64": "…"}.
export async function serve(commands) {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    const { command, ...args } = JSON.parse(line, fromWire);
    let answer;
    try {
      answer = commands[command](args);
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer, toWire)}\n`);
  }
}

export function fromWire(_, v) {
  const bytes = v !== null && typeof v === 'object' && typeof v.b64 === 'string';
  return bytes ? Uint8Array.from(Buffer.from(v.b64, 'base64')) : v;
}

export function toWire(key, v) {
  const raw = this[key];
  return raw instanceof Uint8Array ? { b64: Buffer.from(raw).toString('base64') } : v;
}
