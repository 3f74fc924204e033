import DOMPurify from 'dompurify';

/**
 * The one place where text written by others becomes DOM. Everything that is not
 * named here is dropped, and what comes out is a fragment of live nodes, never a
 * string that somebody could parse a second time.
 */

const tags = [
  'a',
  'blockquote',
  'br',
  'code',
  'del',
  'em',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'hr',
  'li',
  'ol',
  'p',
  'pre',
  's',
  'span',
  'strong',
  'table',
  'tbody',
  'td',
  'th',
  'thead',
  'tr',
  'ul',
  'div',
];

const attributes = ['href', 'title', 'class', 'start', 'tabindex'];

/** Classes that our own renderers give; others could dress a message up as the page. */
const ownClass =
  /^(md-[a-z]+|language-[\w+#.-]{1,32}|hljs-[\w-]+|function_|class_|inherited__|language_|mention|mention-me)$/;

/** What a link may point at. Everything else, `javascript:` and `data:` first, is no link. */
export const linkTarget = /^(?:https?:\/\/|mailto:)/i;

DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  const classes = node.getAttribute('class');
  if (classes !== null) {
    const kept = classes.split(/\s+/).filter((name) => ownClass.test(name));
    if (kept.length > 0) node.setAttribute('class', kept.join(' '));
    else node.removeAttribute('class');
  }
  const tabindex = node.getAttribute('tabindex');
  if (tabindex !== null && tabindex !== '0') node.removeAttribute('tabindex');
  if (node.nodeName === 'A') guardLink(node);
});

/** Links leave in a window of their own that knows nothing of this one. */
function guardLink(link: Element): void {
  const href = link.getAttribute('href') ?? '';
  if (!linkTarget.test(href)) {
    link.removeAttribute('href');
    return;
  }
  if (isOwn(href)) return;
  link.setAttribute('target', '_blank');
  link.setAttribute('rel', 'noopener noreferrer');
}

/** Whether a link leads to a room of this hub, which opens in place. */
export function isOwn(href: string, origin: string = location.origin): boolean {
  try {
    const url = new URL(href, origin);
    return url.origin === origin && url.pathname.startsWith('/r/');
  } catch {
    return false;
  }
}

/** Turns HTML from a renderer into nodes that cannot run script, load anything or leave the message. */
export function sanitize(html: string): DocumentFragment {
  return DOMPurify.sanitize(html, {
    ALLOWED_TAGS: tags,
    ALLOWED_ATTR: attributes,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    ALLOWED_URI_REGEXP: linkTarget,
    // No addresses, so not held to what an address may be.
    ADD_URI_SAFE_ATTR: ['start', 'tabindex'],
    RETURN_DOM_FRAGMENT: true,
  });
}
