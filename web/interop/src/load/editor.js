// An editor that speaks just enough of either protocol to be one of thousands: it keeps no
// document of what it is sent.
import { Buffer } from 'node:buffer';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { WebSocket } from 'ws';
import * as Y from 'yjs';

const sync = 0;
const auth = 2;
const queryAwareness = 3;
const syncReply = 4;
const syncStatus = 8;
const ping = 9;
const pong = Uint8Array.of(10);

// Hocuspocus ends a connection that has said nothing for 60 s. A stock client renews its
// awareness every 15 s, which everybody gets; a question says as much to the server alone.
const rest = 20_000;

const emptyVector = Uint8Array.of(0);
const emptyUpdate = Uint8Array.of(0, 0);

export class Editor {
  onUpdate = () => {};
  waiting = []; // edits that the server has not answered: {word, nth, resolve}
  sent = 0; // what Hocuspocus acks, and how much of it was
  acked = 0;

  // Resolves when the server has sent what it has.
  static open(options) {
    const editor = new Editor(options);
    return new Promise((resolve, reject) => {
      editor.onSynced = () => resolve(editor);
      editor.onClosed = (why) => reject(new Error(`${options.url}: closed before it was synced: ${why}`));
    });
  }

  constructor({ kind, url, name, token = '', localAddress }) {
    this.hocuspocus = kind === 'hocuspocus';
    this.name = name;
    const query = token ? `?token=${encodeURIComponent(token)}` : '';
    this.socket = new WebSocket(this.hocuspocus ? url : `${url}/${name}${query}`, {
      perMessageDeflate: false,
      localAddress,
    });
    this.socket.on('open', () => {
      if (this.hocuspocus) this.present(token);
      this.sync(0, emptyVector);
      this.alive = setInterval(() => this.send(queryAwareness, () => {}), rest);
    });
    this.socket.on('message', (frame) => this.hear(frame));
    this.socket.on('error', (error) => this.ended(error.message));
    this.socket.on('close', (code) => this.ended(`code ${code}`));
  }

  send(type, write) {
    const to = encoding.createEncoder();
    if (this.hocuspocus) encoding.writeVarString(to, this.name);
    encoding.writeVarUint(to, type);
    write(to);
    this.socket.send(encoding.toUint8Array(to));
  }

  present(token) {
    this.send(auth, (to) => {
      encoding.writeVarUint(to, 0);
      encoding.writeVarString(to, token);
    });
  }

  sync(step, bytes) {
    if (step > 0) this.sent++;
    this.send(sync, (to) => {
      encoding.writeVarUint(to, step);
      encoding.writeVarUint8Array(to, bytes);
    });
  }

  hear(frame) {
    if (this.hocuspocus && frame.length === 1 && frame[0] === ping) return this.socket.send(pong);
    const from = decoding.createDecoder(frame);
    if (this.hocuspocus) decoding.readVarString(from);
    const type = decoding.readVarUint(from);
    if (type === sync || (type === syncReply && this.hocuspocus)) return this.hearSync(from);
    if (type === syncStatus && decoding.readVarInt(from) === 1) this.answered(++this.acked);
    if (type === auth && decoding.readVarUint(from) === (this.hocuspocus ? 1 : 0)) {
      this.ended(`denied: ${decoding.readVarString(from)}`);
    }
  }

  hearSync(from) {
    const step = decoding.readVarUint(from);
    if (step === 0) return this.sync(1, emptyUpdate);
    if (step === 1) return this.onSynced?.();
    const update = Buffer.from(decoding.readVarUint8Array(from));
    this.onUpdate(update);
    if (!this.hocuspocus)
      this.waiting = this.waiting.filter((edit) => !update.includes(edit.word) || edit.resolve());
  }

  answered(nth) {
    this.waiting = this.waiting.filter((edit) => edit.nth > nth || edit.resolve());
  }

  ended(why) {
    this.gone = why;
    clearInterval(this.alive);
    this.onClosed?.(why);
    for (const { reject } of this.waiting) reject(new Error(`closed before an edit was answered: ${why}`));
  }

  // Appends a word; resolves when the server has acked it, or sent it back.
  edit(word) {
    if (this.gone) return Promise.reject(new Error(`closed while it rested: ${this.gone}`));
    if (!this.doc) {
      this.doc = new Y.Doc();
      this.doc.on('update', (update) => this.sync(2, update));
    }
    const text = this.doc.getText('text');
    const answer = new Promise((resolve, reject) => {
      this.waiting.push({ word, nth: this.sent + 1, resolve, reject });
    });
    text.insert(text.length, word);
    return answer;
  }

  close() {
    this.onClosed = undefined;
    clearInterval(this.alive);
    const closed = new Promise((resolve) => this.socket.once('close', resolve));
    this.socket.close();
    return closed;
  }
}
