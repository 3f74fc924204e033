import { HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { tags } from '@lezer/highlight';

/** How the editor looks: the page's own tokens, which reach into its tree, and nothing besides. */
const look = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'transparent' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': {
    overflowX: 'hidden',
    fontFamily: 'var(--font)',
    fontSize: 'var(--field)',
    lineHeight: '1.65',
    overscrollBehavior: 'contain',
  },
  '.cm-content': {
    boxSizing: 'border-box',
    width: '100%',
    maxWidth: '46rem',
    margin: '0 auto',
    padding: '28px 24px 40vh',
    caretColor: 'var(--accent)',
  },
  '.cm-line': { padding: '0' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': {
    background: 'light-dark(#bfe3da, #2c5d53)',
  },
  '.cm-placeholder': { color: 'var(--ink-faint)', whiteSpace: 'pre-wrap' },
  '.hub-selection': {
    backgroundColor: 'light-dark(hsl(var(--hue) 60% 45% / 0.18), hsl(var(--hue) 60% 65% / 0.25))',
  },
  '.hub-caret': {
    position: 'relative',
    display: 'inline-block',
    width: '0',
    marginInline: '-1px',
    borderInlineStart: '2px solid var(--shade)',
    height: '1.2em',
    verticalAlign: 'text-bottom',
    '--shade': 'light-dark(hsl(var(--hue) 60% 32%), hsl(var(--hue) 60% 72%))',
  },
  '.hub-flag': {
    position: 'absolute',
    insetBlockEnd: '100%',
    insetInlineStart: '-2px',
    maxWidth: '14ch',
    padding: '0 5px',
    borderRadius: '4px 4px 4px 0',
    overflow: 'hidden',
    backgroundColor: 'light-dark(hsl(var(--hue) 60% 28%), hsl(var(--hue) 55% 78%))',
    color: 'light-dark(#ffffff, #151515)',
    fontSize: '11px',
    fontWeight: '600',
    lineHeight: '16px',
    textOverflow: 'ellipsis',
    whiteSpace: 'nowrap',
    pointerEvents: 'none',
    userSelect: 'none',
  },
  '.hub-comment': {
    borderBottom: '2px solid var(--warn-line)',
    backgroundColor: 'var(--warn-soft)',
    cursor: 'pointer',
  },
  '.hub-active': { backgroundColor: 'var(--flash)', borderBottomColor: 'var(--warn)' },
  '@media (max-width: 760px)': { '.cm-content': { padding: '24px 16px 40vh' } },
});

const colours = HighlightStyle.define([
  { tag: tags.heading1, fontSize: '1.5em', fontWeight: '720', lineHeight: '1.4' },
  { tag: tags.heading2, fontSize: '1.25em', fontWeight: '700' },
  { tag: tags.heading3, fontSize: '1.1em', fontWeight: '680' },
  { tag: tags.heading, fontWeight: '680' },
  { tag: tags.strong, fontWeight: '680' },
  { tag: tags.emphasis, fontStyle: 'italic' },
  { tag: tags.strikethrough, textDecoration: 'line-through' },
  { tag: tags.monospace, fontFamily: 'var(--mono)', fontSize: '0.88em', color: 'var(--code-ink)' },
  { tag: tags.quote, color: 'var(--ink-soft)' },
  { tag: [tags.link, tags.url], color: 'var(--accent)' },
  { tag: [tags.processingInstruction, tags.contentSeparator, tags.labelName], color: 'var(--ink-faint)' },
]);

export const theme: Extension = [look, syntaxHighlighting(colours)];
