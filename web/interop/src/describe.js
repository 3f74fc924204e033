// What a document of Yjs 13 holds, as JSON that is equal for equal documents: all root
// types with their order, attributes and embeds, the state vector and the delete set.
export function describe(Y, doc) {
  return {
    text: type(Y, doc.getText('text')),
    array: type(Y, doc.getArray('array')),
    map: type(Y, doc.getMap('map')),
    xml: type(Y, doc.getXmlFragment('xml')),
    state: sorted([...Y.decodeStateVector(Y.encodeStateVector(doc))]),
    deleted: sorted(
      [...Y.createDeleteSetFromStructStore(doc.store).clients].map(([client, items]) => [
        client,
        items.map((item) => [item.clock, item.len]),
      ]),
    ),
  };
}

const sorted = (entries) => entries.sort((a, b) => a[0] - b[0]);

function type(Y, t) {
  if (t instanceof Y.XmlElement) {
    return {
      element: t.nodeName,
      attributes: object(Y, t.getAttributes()),
      children: t.toArray().map((c) => value(Y, c)),
    };
  }
  if (t instanceof Y.XmlFragment) return { children: t.toArray().map((c) => value(Y, c)) };
  if (t instanceof Y.Text) {
    return { delta: t.toDelta().map((op) => ({ ...op, insert: value(Y, op.insert) })), length: t.length };
  }
  if (t instanceof Y.Array) return { array: t.toArray().map((c) => value(Y, c)) };
  return { hook: t.hookName, map: object(Y, Object.fromEntries(t.entries())) };
}

function value(Y, v) {
  if (v instanceof Y.AbstractType) return type(Y, v);
  if (v instanceof Y.Doc) return { doc: v.guid, meta: v.meta, autoLoad: v.autoLoad };
  if (v instanceof Uint8Array) return { bytes: [...v] };
  if (typeof v === 'bigint') return { bigint: String(v) };
  if (v === undefined) return { undefined: true };
  if (Object.is(v, -0)) return { minusZero: true };
  return v;
}

const object = (Y, o) =>
  Object.keys(o)
    .sort()
    .map((key) => [key, value(Y, o[key])]);
