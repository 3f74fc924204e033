// Edits carry the moment at which they were made: a clock that all processes of a machine
// share, in ns. The same mark twice would be one edit for the counts: in µs two processes
// do come to have the same.
const digits = 17;
const pattern = new RegExp(`@(\\d{${digits}})@`, 'g');
let last = 0;

export const now = () => Number(process.hrtime.bigint());

export function mark() {
  last = Math.max(now(), last + 100);
  return `@${String(last).padStart(digits, '0')}@`;
}

// The moments in an update (a Buffer) or a word, of which a server may have merged several.
export function* marks(update) {
  for (const [, moment] of update.toString('latin1').matchAll(pattern)) yield Number(moment);
}
