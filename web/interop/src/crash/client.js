// One client in a thread of its own: types, and reports what it did and what it was told.
import { createHash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import * as Y from 'yjs';
import { randomOf } from '../random.js';
import { perLife, tokenOf, width } from './journal.js';
import { connect, contentOf, covers } from './providers.js';

const { kind, url, name, token, client, life, rate, seed } = workerData;
const random = randomOf(seed);
const doc = new Y.Doc();
const text = doc.getText('text');
const keys = doc.getMap('keys');
const own = []; // tokens that are there, as far as this client knows
let number = life * perLife;
let unclaimed = []; // {number, content}
let typing;

// Before the provider's own listener, which sends: a claim must find what it covers.
doc.on('update', (update, origin) => {
  if (origin === edit) unclaimed.push({ number, content: contentOf(update, doc.clientID) });
});

const provider = connect(kind, { url, name, doc, token }, ({ all, update }) => {
  if (unclaimed.length === 0) return;
  const content = all || contentOf(update, doc.clientID);
  claim((edit) => all || covers(content, edit.content));
});

function claim(is) {
  const told = unclaimed.filter(is);
  if (told.length === 0) return;
  unclaimed = unclaimed.filter((edit) => !told.includes(edit));
  parentPort.postMessage({ claimed: told.map((edit) => edit.number) });
}

function edit() {
  const dice = random.int(10);
  if (dice === 0) return put('set', `${client}.${life}`, (key) => keys.set(key, number));
  if (dice === 1 && own.length > 0) {
    const [word] = own.splice(random.int(own.length), 1);
    return put('delete', word, () => text.delete(text.toString().indexOf(word), width));
  }
  const word = tokenOf(client, number + 1);
  own.push(word);
  return put('insert', word, () => text.insert(random.int(text.length / width + 1) * width, word));
}

// In the journal before anybody else can know of it: a deletion that is not there would
// look like a loss.
function put(kind, target, apply) {
  number++;
  parentPort.postMessage({ made: { number, kind, target } });
  doc.transact(() => apply(target), edit);
}

function type() {
  edit();
  if (number + 1 < (life + 1) * perLife)
    typing = setTimeout(type, ((0.5 + random.int(1000) / 1000) * 1000) / rate);
}

// Typing begins when the first exchange is over, as an editor would have it.
const starting = setInterval(() => {
  if (!provider.isSynced()) return;
  clearInterval(starting);
  parentPort.postMessage({ typing: true });
  type();
}, 10);

function state() {
  const content = JSON.stringify([text.toString(), Object.entries(keys.toJSON()).sort()]);
  return { digest: createHash('sha256').update(content).digest('hex'), synced: provider.isSynced() };
}

parentPort.on('message', (what) => {
  if (what === 'stop') {
    clearInterval(starting);
    clearTimeout(typing);
  } else {
    parentPort.postMessage({ state: state() });
  }
});
