/** The colours that people come in, as hues in degrees. */
const hues = [8, 28, 45, 72, 110, 150, 175, 198, 220, 250, 285, 330];

/** A person's hue in degrees: the same for everybody who sees them, on their avatar and on their cursor. */
export function hueOf(user: string): number {
  let hash = 2166136261;
  for (const unit of user) {
    hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 16777619);
  }
  return hues[(hash >>> 0) % hues.length] ?? 0;
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** One or two letters that stand for a name. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters
    .map((word) => firstGrapheme(word ?? '?'))
    .join('')
    .toLocaleUpperCase();
}

function firstGrapheme(word: string): string {
  for (const part of segmenter.segment(word)) return part.segment;
  return '?';
}

/** What to call a person who may have given no name. */
export function displayName(person: { user?: string; name?: string | undefined }): string {
  return person.name?.trim() || person.user || 'Guest';
}

/** "Ann", "Ann and Bob", "Ann, Bob and 3 others". */
export function listNames(names: string[]): string {
  if (names.length <= 1) return names[0] ?? '';
  if (names.length === 2) return `${names[0]} and ${names[1]}`;
  if (names.length === 3) return `${names[0]}, ${names[1]} and ${names[2]}`;
  return `${names[0]}, ${names[1]} and ${names.length - 2} others`;
}

/** The longest display name, in bytes of UTF-8, that a hub takes. */
export const maxNameBytes = 64;

/** What is wrong with a display name, or "". */
export function nameProblem(name: string): string {
  const trimmed = name.trim();
  if (!trimmed) return 'Write the name that others will see.';
  const bytes = new TextEncoder().encode(trimmed).length;
  if (bytes > maxNameBytes) return `That name is ${bytes} bytes long; at most ${maxNameBytes} fit.`;
  return '';
}
