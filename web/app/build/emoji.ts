import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Plugin } from 'vite';

const id = 'virtual:emoji';
const require = createRequire(import.meta.url);

/** Newer emoji than this are drawn as empty boxes on too many machines. */
const newest = 15.1;

/** Groups of emojibase that people do not pick from: skin tones and hair. */
const components = 2;

interface Entry {
  emoji: string;
  hexcode: string;
  label: string;
  tags?: string[];
  group?: number;
  version: number;
  skins?: { emoji: string; tone: number | number[] }[];
}

/** Makes `virtual:emoji`: the emoji of emojibase as rows that are small to send. */
export function emojiData(): Plugin {
  return {
    name: 'hubbub:emoji',
    resolveId: (source) => (source === id ? `\0${id}` : undefined),
    async load(source) {
      if (source !== `\0${id}`) return undefined;
      const entries: Entry[] = await read('emojibase-data/en/data.json');
      const codes: Record<string, string | string[]> = await read('emojibase-data/en/shortcodes/github.json');
      const rows = entries
        .filter((entry) => entry.group !== undefined && entry.group !== components && entry.version <= newest)
        .map((entry) => row(entry, codes));
      // As text: an engine parses that faster than the same thing as code.
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(rows))})`;
    },
  };
}

async function read<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(require.resolve(name), 'utf8'));
}

function row(entry: Entry, codes: Record<string, string | string[]>): unknown[] {
  const shortcodes = [codes[entry.hexcode] ?? []].flat();
  const tags = (entry.tags ?? []).filter((tag) => !entry.label.includes(tag));
  const skins = (entry.skins ?? []).filter((skin) => typeof skin.tone === 'number').map((skin) => skin.emoji);
  const fields: unknown[] = [entry.emoji, entry.group, entry.label, shortcodes.join(' '), tags.join(' ')];
  if (skins.length === 5) fields.push(skins.join(' '));
  return fields;
}
