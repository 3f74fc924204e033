import { isStrings, type Shelf } from './storage';

/** One emoji that can be picked. */
export interface Emoji {
  emoji: string;
  group: number;
  label: string;
  shortcodes: string[];
  /** The same in five skin tones, light to dark, where it has them. */
  tones: string[];
  /** What a search looks through, in lower case. */
  words: string;
}

/** The groups of the picker, by emojibase's numbers. */
export const groups: { id: number; label: string; sign: string }[] = [
  { id: 0, label: 'Smileys', sign: '😀' },
  { id: 1, label: 'People', sign: '👋' },
  { id: 3, label: 'Nature', sign: '🌿' },
  { id: 4, label: 'Food', sign: '🍋' },
  { id: 5, label: 'Travel', sign: '🚲' },
  { id: 6, label: 'Activities', sign: '⚽' },
  { id: 7, label: 'Objects', sign: '💡' },
  { id: 8, label: 'Symbols', sign: '❤️' },
  { id: 9, label: 'Flags', sign: '🏁' },
];

let loading: Promise<Emoji[]> | undefined;

/** All emoji, fetched from our own hub when first asked for. */
export function loadEmoji(): Promise<Emoji[]> {
  loading ??= import('virtual:emoji').then(
    ({ default: rows }) => rows.map(fromRow),
    (error: unknown) => {
      loading = undefined; // the next one may have a network
      throw error;
    },
  );
  return loading;
}

function fromRow([emoji, group, label, codes, tags, tones]: [
  string,
  number,
  string,
  string,
  string,
  string?,
]): Emoji {
  return {
    emoji,
    group,
    label,
    shortcodes: codes.split(' ').filter(Boolean),
    tones: tones?.split(' ') ?? [],
    words: `${label} ${codes} ${tags}`.toLowerCase(),
  };
}

/** The emoji whose names hold every word of the query, the closest first. */
export function searchEmoji(all: readonly Emoji[], query: string, limit: number): Emoji[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  const found: { entry: Emoji; rank: number }[] = [];
  for (const entry of all) {
    const rank = rankOf(entry, words);
    if (rank < worst) found.push({ entry, rank });
  }
  return found
    .sort((a, b) => a.rank - b.rank)
    .slice(0, limit)
    .map(({ entry }) => entry);
}

const worst = 9;

/** 0 for a shortcode as typed, then beginnings of shortcodes and words, then parts of words. */
function rankOf(entry: Emoji, words: string[]): number {
  if (!words.every((word) => entry.words.includes(word))) return worst;
  const whole = words.join('_');
  if (entry.shortcodes.includes(whole)) return 0;
  if (entry.shortcodes.some((code) => code.startsWith(whole))) return 1;
  if (words.every((word) => ` ${entry.words}`.includes(` ${word}`))) return 2;
  return 3;
}

/** The emoji used last, newest first. */
export class RecentEmoji {
  readonly #shelf: Shelf;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  list(): string[] {
    return this.#shelf.read('emoji', isStrings) ?? [];
  }

  use(emoji: string): void {
    const others = this.list().filter((other) => other !== emoji);
    this.#shelf.write('emoji', [emoji, ...others].slice(0, 18));
  }
}

/** A `:word` just before the caret, for completion; null if there is none. */
export function openShortcode(text: string, caret: number): { query: string; start: number } | null {
  const match = /(?:^|[\s(])(:([a-z0-9_+-]{2,32}))$/i.exec(text.slice(0, caret));
  if (!match?.[1] || !match[2]) return null;
  return { query: match[2], start: caret - match[1].length };
}
