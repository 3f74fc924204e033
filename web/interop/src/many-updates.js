// Applies updates of version 1 in their order. Yjs merges what waits for others with each
// update that comes, so that a thousand in no order take seconds: many are merged first,
// which comes to the same document.
export function applyAll(Y, doc, updates) {
  const all = updates.length > 300 ? [Y.mergeUpdates(updates)] : updates;
  for (const update of all) Y.applyUpdate(doc, update);
}
