import { randomValue, randomWord } from './random.js';

// One random edit of a document of Yjs 13: text with attributes and embeds, arrays,
// maps, XML, types within types, bytes and subdocuments.
export function edit(Y, doc, random) {
  const roots = [
    () => editText(Y, doc.getText('text'), random),
    () => editText(Y, doc.getText('text'), random),
    () => editArray(Y, doc.getArray('array'), random),
    () => editMap(Y, doc.getMap('map'), random),
    () => editXML(Y, doc.getXmlFragment('xml'), random),
  ];
  random.pick(roots)();
}

function editText(Y, text, random) {
  const at = random.int(text.length + 1);
  const length = Math.min(random.int(8), text.length - at);
  switch (random.int(8)) {
    case 0:
    case 1:
      if (length > 0) text.delete(at, length);
      return;
    case 2:
      if (length > 0) text.format(at, length, attributes(random));
      return;
    case 3:
      text.insertEmbed(at, random.chance(0.2) ? nested(Y, random) : { image: plain(randomValue(random)) });
      return;
    case 4:
      text.insert(at, randomWord(random), attributes(random));
      return;
    case 5:
      text.insert(text.length, randomWord(random)); // as somebody who types
      return;
    default:
      text.insert(at, randomWord(random));
  }
}

function attributes(random) {
  const value = random.pick([true, null, 'red', 12, { a: [1] }]);
  return { [random.pick(['bold', 'color', 'ö'])]: value };
}

function editArray(Y, array, random) {
  const at = random.int(array.length + 1);
  const inner = array.length > 0 ? array.get(random.int(array.length)) : null;
  if (inner instanceof Y.AbstractType && random.chance(0.6)) {
    editNested(Y, inner, random);
    return;
  }
  switch (random.int(6)) {
    case 0:
    case 1:
      if (at < array.length) array.delete(at, Math.min(1 + random.int(3), array.length - at));
      return;
    case 2:
      array.insert(at, [nested(Y, random)]);
      return;
    case 3:
      array.push([content(Y, random)]);
      return;
    default:
      array.insert(
        at,
        Array.from({ length: 1 + random.int(3) }, () => randomValue(random)),
      );
  }
}

function editMap(Y, map, random) {
  const key = random.pick(['a', 'b', 'c', 'ключ']);
  const inner = map.get(key);
  if (inner instanceof Y.AbstractType && random.chance(0.6)) {
    editNested(Y, inner, random);
    return;
  }
  switch (random.int(5)) {
    case 0:
      map.delete(key);
      return;
    case 1:
      map.set(key, nested(Y, random));
      return;
    case 2:
      map.set(key, content(Y, random));
      return;
    default:
      map.set(key, randomValue(random));
  }
}

function editXML(Y, xml, random) {
  const at = random.int(xml.length + 1);
  const child = xml.length > 0 ? xml.get(random.int(xml.length)) : null;
  if (child !== null && random.chance(0.6)) {
    editNested(Y, child, random);
    return;
  }
  if (random.chance(0.3)) {
    if (at < xml.length) xml.delete(at, 1);
    return;
  }
  const hook = random.chance(0.1) ? new Y.XmlHook('hook') : null;
  const element = new Y.XmlElement(random.pick(['p', 'h1', 'näme']));
  const text = new Y.XmlText(randomWord(random));
  xml.insert(at, [hook ?? (random.chance(0.5) ? element : text)]);
}

function editNested(Y, type, random) {
  if (type instanceof Y.XmlElement && random.chance(0.3)) {
    if (random.chance(0.2)) type.removeAttribute('id');
    else type.setAttribute(random.pick(['id', 'class']), randomWord(random));
  } else if (type instanceof Y.XmlFragment) {
    editXML(Y, type, random);
  } else if (type instanceof Y.Text) {
    editText(Y, type, random);
  } else if (type instanceof Y.Array) {
    editArray(Y, type, random);
  } else if (type instanceof Y.Map) {
    editMap(Y, type, random);
  }
}

function nested(Y, random) {
  switch (random.int(5)) {
    case 0:
      return new Y.Array();
    case 1:
      return new Y.Map([['k', randomValue(random)]]);
    case 2:
      return new Y.XmlElement('nested');
    case 3:
      return new Y.XmlFragment();
    default:
      return new Y.Text(randomWord(random));
  }
}

function content(Y, random) {
  switch (random.int(5)) {
    case 0:
      return Uint8Array.from({ length: random.int(5) }, () => random.int(256));
    case 1:
      return new Y.Doc({
        guid: `sub-${random.int(1000)}`,
        autoLoad: random.chance(0.5),
        meta: randomValue(random),
      });
    case 2:
      return { big: BigInt(random.int(1000)) - 500n };
    default:
      return randomValue(random);
  }
}

// Embeds go through JSON in version 1, and come out of it without negative zeros.
const plain = (v) => JSON.parse(JSON.stringify(v));
