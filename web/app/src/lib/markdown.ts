import MarkdownIt, { type Token } from 'markdown-it';
import { linkTarget, sanitize } from './sanitize';

/** Markdown as people write it in a chat: no HTML, line breaks kept, headings no louder than bold. */
const md = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });
md.disable('lheading');
md.linkify.set({ fuzzyLink: true, fuzzyEmail: false });

md.validateLink = (url) => linkTarget.test(url.trim());

md.renderer.rules.heading_open = () => '<p class="md-heading">';
md.renderer.rules.heading_close = () => '</p>\n';

// Whatever is wider than its message scrolls by itself, by keyboard too.
md.renderer.rules.table_open = () => '<div class="md-table" tabindex="0"><table>';
md.renderer.rules.table_close = () => '</table></div>';
// A style attribute is refused by the page's policy; a class says the same.
md.renderer.rules.th_open = cell;
md.renderer.rules.td_open = cell;

function cell(tokens: Token[], i: number): string {
  const tag = tokens[i]?.tag ?? 'td';
  const side = /text-align:(center|right)/.exec(String(tokens[i]?.attrGet('style') ?? ''))?.[1];
  return side ? `<${tag} class="md-${side}">` : `<${tag}>`;
}

md.renderer.rules.code_block = (tokens, i) => codeBlock(tokens[i]?.content ?? '', '');
md.renderer.rules.fence = (tokens, i) => {
  const token = tokens[i];
  return codeBlock(token?.content ?? '', token?.info.trim().split(/\s+/)[0] ?? '');
};

function codeBlock(content: string, language: string): string {
  const name = language ? ` class="language-${md.utils.escapeHtml(language)}"` : '';
  return `<pre tabindex="0"><code${name}>${md.utils.escapeHtml(content.replace(/\n$/, ''))}</code></pre>`;
}

// A picture from elsewhere would tell its host who reads what, and when. It is
// shown as a link that the reader may follow.
md.renderer.rules.image = (tokens, i) => {
  const token = tokens[i];
  const alt = md.utils.escapeHtml(token?.content || 'picture');
  const label = `<span class="md-image">${alt}</span>`;
  if (!token || insideLink(tokens, i)) return label;
  const src = String(token.attrGet('src') ?? '');
  return md.validateLink(src) ? `<a href="${md.utils.escapeHtml(src)}">${label}</a>` : label;
};

function insideLink(tokens: Token[], before: number): boolean {
  let depth = 0;
  for (const token of tokens.slice(0, before)) {
    if (token.type === 'link_open') depth++;
    if (token.type === 'link_close') depth--;
  }
  return depth > 0;
}

const cacheSize = 600;
const cache = new Map<string, DocumentFragment>();

/** Renders a message's text. The fragment is the caller's own. */
export function render(text: string): DocumentFragment {
  let fragment = cache.get(text);
  if (fragment) {
    cache.delete(text); // put back as the newest
  } else {
    fragment = sanitize(md.render(text));
    const oldest = cache.size >= cacheSize ? cache.keys().next().value : undefined;
    if (oldest !== undefined) cache.delete(oldest);
  }
  cache.set(text, fragment);
  return fragment.cloneNode(true) as DocumentFragment;
}

/** A message as one line of plain words, for quotes, live regions and titles. */
export function excerpt(text: string, max = 140): string {
  const words = (render(text).textContent ?? '').replace(/\s+/g, ' ').trim();
  const points = Array.from(words);
  return points.length > max
    ? `${points
        .slice(0, max - 1)
        .join('')
        .trimEnd()}…`
    : words;
}

const onlyEmoji = /^(?:\p{RGI_Emoji}\s?){1,6}$/v;

/** Whether a message is a few emoji and nothing else; it is then shown larger. */
export function isOnlyEmoji(text: string): boolean {
  return text.length <= 64 && onlyEmoji.test(text.trim());
}
