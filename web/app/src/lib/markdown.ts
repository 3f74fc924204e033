import MarkdownIt, { type Token } from 'markdown-it';
import { linkTarget, sanitize } from './sanitize';

/** Markdown as people write it: no HTML, line breaks kept. */
function parser() {
  const md = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });
  md.linkify.set({ fuzzyLink: true, fuzzyEmail: false });
  md.validateLink = (url) => linkTarget.test(url.trim());
  const { rules } = md.renderer;
  // Whatever is wider than its message scrolls by itself, by keyboard too.
  rules.table_open = () => '<div class="md-table" tabindex="0"><table>';
  rules.table_close = () => '</table></div>';
  // A style attribute is refused by the page's policy; a class says the same.
  rules.th_open = cell;
  rules.td_open = cell;
  rules.code_block = (tokens, i) => codeBlock(tokens[i]?.content ?? '', '');
  rules.fence = (tokens, i) =>
    codeBlock(tokens[i]?.content ?? '', tokens[i]?.info.trim().split(/\s+/)[0] ?? '');
  rules.image = image;
  return md;
}

/** In a chat headings are no louder than bold. */
const md = parser();
md.disable('lheading');
md.renderer.rules.heading_open = () => '<p class="md-heading">';
md.renderer.rules.heading_close = () => '</p>\n';

/** In a document they are headings, below that of the page. */
const documents = parser();
documents.renderer.rules.heading_open = (tokens, i) => `<h${below(tokens[i]?.tag)}>`;
documents.renderer.rules.heading_close = (tokens, i) => `</h${below(tokens[i]?.tag)}>\n`;

function below(tag = 'h1'): number {
  return Math.min(6, Number(tag.slice(1)) + 1);
}

function cell(tokens: Token[], i: number): string {
  const tag = tokens[i]?.tag ?? 'td';
  const side = /text-align:(center|right)/.exec(String(tokens[i]?.attrGet('style') ?? ''))?.[1];
  return side ? `<${tag} class="md-${side}">` : `<${tag}>`;
}

function codeBlock(content: string, language: string): string {
  const name = language ? ` class="language-${md.utils.escapeHtml(language)}"` : '';
  return `<pre tabindex="0"><code${name}>${md.utils.escapeHtml(content.replace(/\n$/, ''))}</code></pre>`;
}

// A picture from elsewhere would tell its host who reads what, and when. It is
// shown as a link that the reader may follow.
function image(tokens: Token[], i: number): string {
  const token = tokens[i];
  const alt = md.utils.escapeHtml(token?.content || 'picture');
  const label = `<span class="md-image">${alt}</span>`;
  if (!token || insideLink(tokens, i)) return label;
  const src = String(token.attrGet('src') ?? '');
  return md.validateLink(src) ? `<a href="${md.utils.escapeHtml(src)}">${label}</a>` : label;
}

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

/** Renders a document's text. */
export function renderDocument(text: string): DocumentFragment {
  return sanitize(documents.render(text));
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
