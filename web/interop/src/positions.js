const kinds = { text: 'getText', array: 'getArray', xml: 'getXmlFragment' };

// The relative positions of some indices, associated with both sides.
export function positions(Y, doc, root, indices) {
  const type = doc[kinds[root]](root);
  return {
    positions: indices.flatMap((index) =>
      [-1, 0].map((assoc) => {
        const position = Y.createRelativePositionFromTypeIndex(type, index, assoc);
        return {
          index,
          assoc,
          bytes: Y.encodeRelativePosition(position),
          json: JSON.stringify(Y.relativePositionToJSON(position)),
        };
      }),
    ),
  };
}

// The indices that relative positions stand for, -1 where there is none.
export function resolve(Y, doc, encoded) {
  for (const [root, get] of Object.entries(kinds)) doc[get](root);
  return {
    indices: encoded.map((bytes) => {
      const position = Y.decodeRelativePosition(bytes);
      return Y.createAbsolutePositionFromRelativePosition(position, doc)?.index ?? -1;
    }),
  };
}
