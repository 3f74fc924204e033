import { renderDocument } from '../markdown';

/** Hands a text to the reader as a file. */
export function download(name: string, kind: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type: `${kind};charset=utf-8` }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser takes it in its own time, after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** A page of its own, with what the markdown says and nothing that could run. */
export function asPage(title: string, markdown: string): string {
  const made = document.implementation.createHTMLDocument(title);
  made.documentElement.lang = document.documentElement.lang;
  const charset = made.createElement('meta');
  charset.setAttribute('charset', 'utf-8');
  made.head.prepend(charset);
  const main = made.body.appendChild(made.createElement('main'));
  main.append(renderDocument(markdown));
  return `<!doctype html>\n${made.documentElement.outerHTML}\n`;
}

/** The words without the signs of markdown, a line for each block. */
export function asPlain(markdown: string): string {
  const lines = Array.from(renderDocument(markdown).children, (block) => (block.textContent ?? '').trim());
  return `${lines.filter(Boolean).join('\n\n')}\n`;
}

/** A file's name for a document: `lobby-notes.md`. */
export function fileName(doc: string, ending: string): string {
  return `${doc.replace(/[^\p{L}\p{N}._-]+/gu, '-')}.${ending}`;
}
