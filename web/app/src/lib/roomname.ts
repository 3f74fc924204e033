/** The longest room name, in bytes of UTF-8. */
export const maxRoomBytes = 128;

const allowed = /^[\p{L}\p{N}\p{M}\-_.:/@+~=]$/u;

/** What is wrong with a room's name, said so that it can be mended, or "". */
export function roomProblem(name: string): string {
  if (!name) return 'Write a name for the room.';
  for (const char of name) {
    if (!allowed.test(char)) {
      return `“${char}” cannot stand in a room's name. Letters, digits and - _ . : / @ + ~ = can.`;
    }
  }
  if (name === '.' || name === '..') return 'A name needs more than dots.';
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > maxRoomBytes) return `That name is ${bytes} bytes long; at most ${maxRoomBytes} fit.`;
  return '';
}

/** The room's name that somebody most likely meant: no leading #, spaces as dashes. */
export function tidyRoomName(typed: string): string {
  return typed.trim().replace(/^#+/, '').replace(/\s+/g, '-').normalize('NFC');
}
