// Edits that are given as data, so that Yjs and others can be asked for the same ones.
export function apply(Y, doc, operations) {
  doc.transact(() => {
    for (const operation of operations) edits[operation.do](Y, doc, operation);
  });
}

const text = (doc, o) =>
  o.child === undefined ? doc.getText('text') : doc.getXmlFragment('xml').get(o.child);
const list = (doc, o) => (o.root === 'xml' ? doc.getXmlFragment('xml') : doc.getArray('array'));

const edits = {
  insertText: (_, doc, o) => text(doc, o).insert(o.index, o.text, o.attributes ?? undefined),
  insertEmbed: (Y, doc, o) => text(doc, o).insertEmbed(o.index, value(Y, o.value), o.attributes ?? undefined),
  deleteText: (_, doc, o) => text(doc, o).delete(o.index, o.length),
  format: (_, doc, o) => text(doc, o).format(o.index, o.length, o.attributes),
  delta: (_, doc, o) => text(doc, o).applyDelta(o.delta),
  insert: (Y, doc, o) =>
    list(doc, o).insert(
      o.index,
      o.values.map((v) => value(Y, v)),
    ),
  push: (Y, doc, o) => list(doc, o).push(o.values.map((v) => value(Y, v))),
  delete: (_, doc, o) => list(doc, o).delete(o.index, o.length),
  set: (Y, doc, o) => doc.getMap('map').set(o.key, value(Y, o.value)),
  unset: (_, doc, o) => doc.getMap('map').delete(o.key),
  setAttribute: (_, doc, o) => doc.getXmlFragment('xml').get(o.child).setAttribute(o.key, o.value),
};

// A value, of which {"new": kind} is a shared type.
function value(Y, v) {
  if (v === null || typeof v !== 'object' || v.new === undefined) return v;
  const items = (v.items ?? []).map((item) => value(Y, item));
  const entries = Object.entries(v.entries ?? {}).map(([key, entry]) => [key, value(Y, entry)]);
  switch (v.new) {
    case 'map':
      return new Y.Map(entries);
    case 'array':
      return Y.Array.from(items);
    case 'text': {
      const made = new Y.Text();
      made.applyDelta(v.delta);
      return made;
    }
    case 'xmltext': {
      const made = new Y.XmlText();
      made.applyDelta(v.delta);
      return made;
    }
    default: {
      const made = new Y.XmlElement(v.name);
      for (const [key, entry] of entries) made.setAttribute(key, entry);
      made.insert(0, items);
      return made;
    }
  }
}
