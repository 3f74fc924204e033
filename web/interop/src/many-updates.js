// Applies updates of version 1 in their order. Yjs merges what waits for others with each
// update that comes, so that a thousand in no order take seconds: of many, two hundred and fifty at a time
// are merged first, which comes to the same document.
export function applyAll(Y, doc, updates) {
  if (updates.length <= 300) {
    for (const update of updates) Y.applyUpdate(doc, update);
    return;
  }
  for (let i = 0; i < updates.length; i += 250) {
    Y.applyUpdate(doc, Y.mergeUpdates(updates.slice(i, i + 250)));
  }
}
