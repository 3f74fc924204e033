import { sanitize } from './sanitize';

/** Longer code stays plain: colours are not worth a page that stutters. */
const longest = 20_000;

/**
 * Colours the code blocks under root. The highlighter is fetched when the first
 * block with a known language is met. Colours never change a block's size.
 */
export async function highlight(root: ParentNode): Promise<void> {
  const blocks = [...root.querySelectorAll<HTMLElement>('pre > code[class*="language-"]')];
  if (blocks.length === 0) return;
  const { colour, knows } = await import('./highlighter');
  for (const block of blocks) {
    const language = /language-(\S+)/.exec(block.className)?.[1] ?? '';
    const code = block.textContent ?? '';
    if (!knows(language) || code.length > longest) continue;
    block.replaceChildren(sanitize(colour(code, language)));
  }
}
