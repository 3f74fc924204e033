// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import { excerpt, isOnlyEmoji, render } from '../src/lib/markdown';
import { sanitize } from '../src/lib/sanitize';
import { hostile } from './corpus';

function show(text: string): HTMLElement {
  const box = document.createElement('div');
  box.append(render(text));
  return box;
}

const allowed = new Set(
  'A BLOCKQUOTE BR CODE DEL DIV EM HR LI OL P PRE S SPAN STRONG TABLE TBODY TD TH THEAD TR UL'.split(' '),
);
const attributes = new Set(['href', 'title', 'class', 'start', 'tabindex', 'target', 'rel']);

/** Everything in a message is one of few elements with few attributes, and links lead to few places. */
function expectHarmless(box: HTMLElement): void {
  for (const element of box.querySelectorAll('*')) {
    expect(allowed, element.outerHTML).toContain(element.nodeName);
    for (const { name } of element.attributes) expect(attributes, element.outerHTML).toContain(name);
    const href = element.getAttribute('href');
    if (href !== null) expect(href).toMatch(/^(https?:\/\/|mailto:)/i);
  }
}

describe('hostile text', () => {
  it.each(hostile)('%j is harmless as markdown', (text) => {
    expectHarmless(show(text));
  });

  it.each(hostile)('%j is harmless as HTML too, should a renderer let it through', (text) => {
    const box = document.createElement('div');
    box.append(sanitize(text));
    expectHarmless(box);
  });

  it('is shown as it was written', () => {
    expect(show('<img src=x onerror=alert(1)>').textContent?.trim()).toBe('<img src=x onerror=alert(1)>');
  });
});

describe('links', () => {
  it('leave in a window that knows nothing of ours', () => {
    const link = show('[x](https://example.org/a)').querySelector('a');
    expect(link?.getAttribute('target')).toBe('_blank');
    expect(link?.getAttribute('rel')).toBe('noopener noreferrer');
  });

  it('to a room of this hub open in place', () => {
    const link = show(`${location.origin}/r/lobby#m=12`).querySelector('a');
    expect(link?.getAttribute('href')).toBe(`${location.origin}/r/lobby#m=12`);
    expect(link?.hasAttribute('target')).toBe(false);
  });

  it('are found in plain text', () => {
    expect(show('see example.org and https://a.example/b?c=d.').querySelectorAll('a')).toHaveLength(2);
  });

  it('to a picture are links, never pictures', () => {
    const box = show('![a cat](https://example.org/cat.png)');
    expect(box.querySelector('img')).toBeNull();
    expect(box.querySelector('a')?.textContent).toBe('a cat');
  });
});

describe('markdown', () => {
  it('keeps line breaks, and makes no headings that would stand in the page', () => {
    const box = show('# Title\none\ntwo');
    expect(box.querySelector('h1')).toBeNull();
    expect(box.querySelector('.md-heading')?.textContent).toBe('Title');
    expect(box.querySelectorAll('br')).toHaveLength(1);
  });

  it('names the language of a code block, and lets it be scrolled by keyboard', () => {
    const box = show('```go\nx := 1\n```');
    expect(box.querySelector('code')?.className).toBe('language-go');
    expect(box.querySelector('pre')?.getAttribute('tabindex')).toBe('0');
    expect(box.querySelector('code')?.textContent).toBe('x := 1');
  });

  it('aligns cells without a style attribute', () => {
    const box = show('| a |\n|--:|\n| 1 |');
    expect(box.querySelector('td')?.className).toBe('md-right');
    expect(box.querySelector('[style]')).toBeNull();
  });

  it('drops classes that are not its own', () => {
    const box = document.createElement('div');
    box.append(sanitize('<span class="button primary md-image">x</span>'));
    expect(box.querySelector('span')?.className).toBe('md-image');
  });

  it('hands out a copy each time', () => {
    const first = render('**x**');
    first.textContent = '';
    expect(render('**x**').textContent?.trim()).toBe('x');
  });
});

describe('excerpts', () => {
  it('are plain words on one line', () => {
    expect(excerpt('**a** [b](https://x.example)\n\n> c')).toBe('a b c');
  });

  it('end in an ellipsis when they are cut, never inside a character', () => {
    expect(excerpt('👍'.repeat(10), 5)).toBe(`${'👍'.repeat(4)}…`);
  });
});

describe('a few emoji', () => {
  it.each(['👍', '🎉🎉', '👩‍💻 🇩🇪', '❤️'])('%s stand alone', (text) => {
    expect(isOnlyEmoji(text)).toBe(true);
  });

  it.each(['1', '👍 yes', '', 'a'])('%j does not', (text) => {
    expect(isOnlyEmoji(text)).toBe(false);
  });
});
