import * as Y from 'yjs';

/** A place in a text that stays on its words, as Yjs writes it to JSON. */
export interface Anchor {
  start: unknown;
  end: unknown;
}

/** A range of a text as it is now. */
export interface Range {
  from: number;
  to: number;
}

/** Ties a range to the characters that stand there now. What is written at its borders stays outside. */
export function anchorAt(text: Y.Text, { from, to }: Range): Anchor {
  return {
    start: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, from, 0)),
    end: Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, to, -1)),
  };
}

/** Where an anchor is now; undefined if its words were removed, or it is in another text. */
export function placeOf(text: Y.Text, anchor: Anchor): Range | undefined {
  const from = indexOf(text, anchor.start);
  const to = indexOf(text, anchor.end);
  return from !== undefined && to !== undefined && from < to ? { from, to } : undefined;
}

function indexOf(text: Y.Text, json: unknown): number | undefined {
  if (!text.doc || typeof json !== 'object' || json === null) return undefined;
  const position = Y.createRelativePositionFromJSON(json);
  const at = Y.createAbsolutePositionFromRelativePosition(position, text.doc);
  return at?.type === text ? at.index : undefined;
}
