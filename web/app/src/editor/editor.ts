import { defaultKeymap } from '@codemirror/commands';
import { markdownKeymap, markdownLanguage } from '@codemirror/lang-markdown';
import { LanguageSupport } from '@codemirror/language';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import { drawSelection, EditorView, highlightSpecialChars, keymap, placeholder } from '@codemirror/view';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { cursors, type Owner } from './cursors';
import { type Highlight, highlights, setHighlights } from './highlights';
import { theme } from './theme';

export interface EditorOptions {
  text: Y.Text;
  awareness: Awareness;
  /** What a screen reader calls the field. */
  label: string;
  placeholder: string;
  ownerOf(state: Record<string, unknown>, client: number): Owner;
  /** The selection is another one, or its words are. */
  onselect(range: { from: number; to: number }): void;
  /** Somebody clicked on words that a comment is about. */
  onpick(comment: string): void;
  /** The keys for commenting on what is selected. */
  oncomment(): void;
}

/** A text field for markdown that several people write in. */
export class MarkdownEditor {
  readonly view: EditorView;
  readonly undo: Y.UndoManager;
  readonly #writable = new Compartment();
  readonly #label: string;

  /**
   * Builds it into a tree of its own below `host`: there CodeMirror hands its styles over as objects, while
   * in the page it would write style elements, which the page's policy refuses.
   */
  constructor(host: HTMLElement, options: EditorOptions) {
    this.undo = new Y.UndoManager(options.text, { captureTimeout: 500 });
    this.#label = options.label;
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
    const state = EditorState.create({
      doc: options.text.toString(),
      extensions: [this.#extensions(options), this.#writable.of(this.#access(false))],
    });
    this.view = new EditorView({ state, parent: root, root });
  }

  /** Whether its reader may write. */
  set writable(writable: boolean) {
    this.view.dispatch({ effects: this.#writable.reconfigure(this.#access(writable)) });
  }

  set highlights(list: readonly Highlight[]) {
    this.view.dispatch({ effects: setHighlights.of(list) });
  }

  /** Selects a range and brings it on screen. */
  show({ from, to }: { from: number; to: number }): void {
    this.view.dispatch({
      selection: { anchor: from, head: to },
      effects: EditorView.scrollIntoView(from, { y: 'center' }),
    });
  }

  focus(): void {
    this.view.focus();
  }

  destroy(): void {
    this.view.destroy();
    this.undo.destroy();
  }

  #extensions(options: EditorOptions): Extension {
    const comment = () => {
      options.oncomment();
      return true;
    };
    return [
      keymap.of([
        { key: 'Mod-Alt-m', run: comment },
        ...yUndoManagerKeymap,
        ...markdownKeymap,
        ...defaultKeymap,
      ]),
      new LanguageSupport(markdownLanguage),
      EditorView.lineWrapping,
      highlightSpecialChars(),
      drawSelection(),
      placeholder(options.placeholder),
      theme,
      yCollab(options.text, null, { undoManager: this.undo }),
      cursors(options.text, options.awareness, options.ownerOf),
      highlights(options.onpick),
      EditorView.updateListener.of((update) => {
        if (update.selectionSet || update.docChanged) options.onselect(update.state.selection.main);
      }),
    ];
  }

  #access(writable: boolean): Extension {
    return [
      EditorState.readOnly.of(!writable),
      EditorView.contentAttributes.of({
        'aria-label': this.#label,
        'aria-readonly': String(!writable),
        tabindex: '0',
        spellcheck: 'true',
        autocapitalize: 'sentences',
      }),
    ];
  }
}
