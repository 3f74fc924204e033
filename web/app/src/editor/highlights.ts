import { type Extension, RangeSetBuilder, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view';

/** Words that a comment is about. */
export interface Highlight {
  id: string;
  from: number;
  to: number;
  active: boolean;
}

/** Sets the highlights that are shown. */
export const setHighlights = StateEffect.define<readonly Highlight[]>();

const field = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let now = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (effect.is(setHighlights)) now = build(effect.value, transaction.newDoc.length);
    }
    return now;
  },
  provide: (self) => EditorView.decorations.from(self),
});

function build(highlights: readonly Highlight[], length: number): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>();
  for (const { id, from, to, active } of [...highlights].sort((a, b) => a.from - b.from || a.to - b.to)) {
    if (from >= to || to > length) continue;
    const shade = active ? 'hub-comment hub-active' : 'hub-comment';
    builder.add(from, to, Decoration.mark({ class: shade, attributes: { 'data-comment': id } }));
  }
  return builder.finish();
}

/** Shows what comments are about, and says when somebody clicks on such words. */
export function highlights(picked: (id: string) => void): Extension {
  const clicks = EditorView.domEventHandlers({
    click(event) {
      const mark =
        event.target instanceof Element ? event.target.closest<HTMLElement>('[data-comment]') : null;
      if (mark?.dataset.comment) picked(mark.dataset.comment);
    },
  });
  return [field, clicks];
}
