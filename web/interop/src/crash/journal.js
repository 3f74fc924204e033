// What every client did and was told, kept outside of the clients: it outlives them.

// One width for all tokens, so that every multiple of it is a place between two tokens.
export const width = 10;
// A client that is born again gets numbers that none before it can have used.
export const perLife = 10_000;

const token = /c\d-\d{6};/g;

export const tokenOf = (client, number) => `c${client}-${String(number).padStart(6, '0')};`;

export class Journal {
  edits = new Map(); // by client and number: {kind, client, number, target, claimed}

  made(client, { number, kind, target }) {
    this.edits.set(`${client}/${number}`, { client, number, kind, target, claimed: false });
  }

  claim(client, numbers) {
    for (const number of numbers) this.edits.get(`${client}/${number}`).claimed = true;
  }

  get claimed() {
    return [...this.edits.values()].filter((edit) => edit.claimed).length;
  }

  // Holds a document against what was claimed. Edits that nobody was told of may be there
  // or not; what was claimed must be, and no token may be there twice.
  judge({ text, keys }) {
    const seen = new Map();
    for (const [word] of text.matchAll(token)) seen.set(word, (seen.get(word) ?? 0) + 1);
    const deleted = new Set();
    for (const edit of this.edits.values()) if (edit.kind === 'delete') deleted.add(edit.target);
    const lost = [];
    for (const edit of this.edits.values()) {
      if (edit.claimed && !holds(edit, { seen, deleted, keys })) lost.push(edit);
    }
    const doubled = [...seen].filter(([, times]) => times > 1).map(([word]) => word);
    return { lost, doubled, torn: text.replace(token, '').length };
  }
}

function holds({ kind, client, number, target }, { seen, deleted, keys }) {
  switch (kind) {
    case 'insert': {
      const word = tokenOf(client, number);
      return seen.has(word) || deleted.has(word);
    }
    case 'delete':
      return !seen.has(target);
    case 'set': // a later value of the same key is as good
      return keys[target] >= number;
    default:
      throw new Error(`no kind of edit "${kind}"`);
  }
}
