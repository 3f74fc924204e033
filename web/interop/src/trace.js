// The time that Yjs takes for a trace of edits, each in a transaction of its own as it
// comes over the network, and to open the document that comes of it.
export function trace(Y, { updates }) {
  const began = performance.now();
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  const applied = performance.now();
  const state = Y.encodeStateAsUpdate(doc);
  const encoded = performance.now();
  const again = new Y.Doc();
  Y.applyUpdate(again, state);
  const opened = performance.now();
  return {
    applyMS: applied - began,
    encodeMS: encoded - applied,
    openMS: opened - encoded,
    state,
    length: again.getText('text').length,
  };
}
