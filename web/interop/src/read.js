// What the root types of a document of Yjs 13 read as, each as a JSON text whose keys
// are sorted.
export function read(Y, doc) {
  const text = doc.getText('text');
  const array = doc.getArray('array');
  const map = doc.getMap('map');
  const xml = doc.getXmlFragment('xml');
  return {
    text: text.toString(),
    delta: stringify(Y, text.toDelta()),
    array: stringify(Y, array.toJSON()),
    map: stringify(Y, map.toJSON()),
    xml: xml.toString(),
    subdocs: [...new Set([...doc.subdocs].map((sub) => sub.guid))].sort(),
    children: stringify(
      Y,
      xml.toArray().map((child) => (child instanceof Y.Text ? child.toDelta() : attributes(Y, child))),
    ),
    lengths: [text.length, array.length, xml.length],
  };
}

const attributes = (Y, child) => (child instanceof Y.XmlElement ? child.getAttributes() : child.toJSON());

// JSON.stringify, with sorted keys and bigints as strings.
export function stringify(Y, v) {
  if (typeof v === 'bigint') return `"${v}"`;
  if (v instanceof Y.AbstractType) return stringify(Y, v.toJSON());
  if (v instanceof Y.Doc) return '{}';
  if (Array.isArray(v)) return `[${v.map((e) => stringify(Y, e)).join(',')}]`;
  if (v === null || typeof v !== 'object') return JSON.stringify(v) ?? 'null';
  // The indices of bytes stay in their order.
  const keys = v instanceof Uint8Array ? Object.keys(v) : Object.keys(v).sort();
  const fields = keys.filter((key) => v[key] !== undefined);
  return `{${fields.map((key) => `${JSON.stringify(key)}:${stringify(Y, v[key])}`).join(',')}}`;
}
