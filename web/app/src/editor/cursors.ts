import { Annotation, type Extension, RangeSetBuilder } from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  ViewPlugin,
  type ViewUpdate,
  WidgetType,
} from '@codemirror/view';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';

/** A cursor as it is drawn. */
export interface Owner {
  name: string;
  /** In degrees. */
  hue: number;
}

/** Tells the editor that somebody's cursor has moved. */
const moved = Annotation.define<true>();

/** The caret of somebody else, with their name on a flag. */
class Caret extends WidgetType {
  readonly owner: Owner;

  constructor(owner: Owner) {
    super();
    this.owner = owner;
  }

  override eq(other: Caret): boolean {
    return other.owner.name === this.owner.name && other.owner.hue === this.owner.hue;
  }

  override toDOM(): HTMLElement {
    const caret = document.createElement('span');
    caret.className = 'hub-caret';
    caret.ariaHidden = 'true';
    caret.style.setProperty('--hue', String(this.owner.hue));
    const flag = caret.appendChild(document.createElement('span'));
    flag.className = 'hub-flag';
    flag.textContent = this.owner.name;
    return caret;
  }

  override ignoreEvent(): boolean {
    return false;
  }
}

interface Cursor {
  owner: Owner;
  from: number;
  to: number;
  head: number;
}

/**
 * Shows where others are, and tells them where one is oneself, in the field of awareness that the stock
 * bindings use. (Theirs is not used because it writes style attributes, which the page's policy refuses.)
 */
export function cursors(
  text: Y.Text,
  awareness: Awareness,
  ownerOf: (state: Record<string, unknown>, client: number) => Owner,
): Extension {
  const plugin = ViewPlugin.define(
    (view: EditorView) => {
      let decorations: DecorationSet = draw(view, text, awareness, ownerOf);
      const changed = (change: Record<'added' | 'updated' | 'removed', number[]>) => {
        const clients = [...change.added, ...change.updated, ...change.removed];
        if (clients.some((client) => client !== awareness.clientID))
          view.dispatch({ annotations: moved.of(true) });
      };
      awareness.on('change', changed);
      return {
        get decorations() {
          return decorations;
        },
        update(update: ViewUpdate) {
          if (update.selectionSet || update.docChanged || update.focusChanged) tell(update, text, awareness);
          decorations = draw(update.view, text, awareness, ownerOf);
        },
        destroy() {
          awareness.off('change', changed);
          if (awareness.getLocalState()) awareness.setLocalStateField('cursor', null);
        },
      };
    },
    { decorations: (value) => value.decorations },
  );
  return plugin;
}

function tell({ state, view }: ViewUpdate, text: Y.Text, awareness: Awareness): void {
  const before = awareness.getLocalState();
  if (!before || (!view.hasFocus && !before.cursor)) return;
  const { anchor, head } = state.selection.main;
  const cursor = {
    anchor: Y.createRelativePositionFromTypeIndex(text, anchor),
    head: Y.createRelativePositionFromTypeIndex(text, head),
  };
  const was = before.cursor as { anchor: unknown; head: unknown } | null | undefined;
  if (was && same(was.anchor, cursor.anchor) && same(was.head, cursor.head)) return;
  awareness.setLocalStateField('cursor', cursor);
}

function same(a: unknown, b: Y.RelativePosition): boolean {
  return Y.compareRelativePositions(Y.createRelativePositionFromJSON(a), b);
}

function draw(
  view: EditorView,
  text: Y.Text,
  awareness: Awareness,
  ownerOf: (state: Record<string, unknown>, client: number) => Owner,
): DecorationSet {
  const found: Cursor[] = [];
  for (const [client, state] of awareness.getStates()) {
    if (client === awareness.clientID) continue;
    const cursor = place(text, state.cursor, view.state.doc.length);
    if (cursor) found.push({ ...cursor, owner: ownerOf(state, client) });
  }
  const selections = new RangeSetBuilder<Decoration>();
  for (const { from, to, owner } of found.sort((a, b) => a.from - b.from || a.to - b.to)) {
    const style = `--hue: ${owner.hue}`;
    if (from < to)
      selections.add(from, to, Decoration.mark({ class: 'hub-selection', attributes: { style } }));
  }
  const carets = found.map(({ owner, head }) =>
    Decoration.widget({ widget: new Caret(owner), side: -1 }).range(head),
  );
  return selections.finish().update({ add: carets, sort: true });
}

/** Where a cursor is; undefined if it is in no place of this text, whoever has sent it. */
function place(text: Y.Text, cursor: unknown, length: number): Omit<Cursor, 'owner'> | undefined {
  if (typeof cursor !== 'object' || cursor === null || !('anchor' in cursor) || !('head' in cursor))
    return undefined;
  const anchor = indexOf(text, cursor.anchor);
  const head = indexOf(text, cursor.head);
  if (anchor === undefined || head === undefined || Math.max(anchor, head) > length) return undefined;
  return { from: Math.min(anchor, head), to: Math.max(anchor, head), head };
}

function indexOf(text: Y.Text, json: unknown): number | undefined {
  if (!text.doc || typeof json !== 'object' || json === null) return undefined;
  try {
    const at = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(json), text.doc);
    return at?.type === text ? at.index : undefined;
  } catch {
    return undefined; // it came from elsewhere, and is no position
  }
}
