// The stock providers behind one face, and what each takes for "you are synced".
import { HocuspocusProvider } from '@hocuspocus/provider';
import * as decoding from 'lib0/decoding';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

// connect gives {isSynced(), close()}. told(what) is called with {all: true} when all that was
// done so far is claimed to be saved, or with {update} for an update that came back.
export function connect(kind, { url, name, doc, token }, told = () => {}) {
  return kind === 'hocuspocus'
    ? hocuspocus(url, name, doc, token, told)
    : yWebsocket(url, name, doc, token, told);
}

// unsyncedChanges counts frames that were sent against SyncStatus frames that came, which
// is right as long as the connection holds. After a reconnect it is not: startSync sets it
// to 1 while the updates that were queued offline are sent as well, so that it is 0 from the
// first ack on, with the others (and the step 2) still under way. A client that keeps its
// document brings them again after a crash, and so only one that is killed with the server
// could see the difference; `amnesia` begins each life with a new provider for that reason.
//
// `synced` says no more than that a step 2 came, and is set whenever the count reaches 0.
// A token of null is sent as '', so the Auth frame always comes first.
function hocuspocus(url, name, doc, token, told) {
  const provider = new HocuspocusProvider({
    url,
    name,
    document: doc,
    token: token || null,
    WebSocketPolyfill: WebSocket,
    onUnsyncedChanges: ({ number }) => number === 0 && told({ all: true }),
    onAuthenticationFailed: ({ reason }) => {
      throw new Error(`the server refused the document: ${reason}`);
    },
  });
  return {
    isSynced: () => provider.isSynced && !provider.hasUnsyncedChanges,
    close: () => provider.destroy(),
  };
}

// Without disableBc the clients of one machine, worker threads among them, would hand
// each other updates over a BroadcastChannel, past the server, and heal what it lost.
function yWebsocket(url, name, doc, token, told) {
  class Observed extends WebSocket {
    constructor(...args) {
      super(...args);
      this.on('message', (data) => observe(new Uint8Array(data), told));
    }
  }
  const provider = new WebsocketProvider(url, name, doc, {
    WebSocketPolyfill: Observed,
    disableBc: true,
    params: token ? { token } : {},
  });
  return {
    isSynced: () => provider.synced,
    close: () => provider.destroy(),
  };
}

// Type 0 is sync, and 2 in it an update. What one sends as step 2 after a reconnect is
// relayed as an update as well, merged with others or cut, and never as the same bytes.
function observe(frame, told) {
  const decoder = decoding.createDecoder(frame);
  if (decoding.readVarUint(decoder) !== 0 || decoding.readVarUint(decoder) !== 2) return;
  told({ update: decoding.readVarUint8Array(decoder) });
}

// What of one client's an update carries: a range of its inserts, and deletes as
// [client, clock, length].
export function contentOf(update, client) {
  const { from, to } = Y.parseUpdateMeta(update);
  const deletes = [];
  for (const [owner, ranges] of Y.decodeUpdate(update).ds.clients) {
    for (const { clock, len } of ranges) deletes.push([owner, clock, len]);
  }
  return { from: from.get(client) ?? 0, to: to.get(client) ?? 0, deletes };
}

export function covers(all, part) {
  const within = all.from <= part.from && part.to <= all.to;
  const has = ([owner, clock, len]) =>
    all.deletes.some(([o, c, l]) => o === owner && c <= clock && clock + len <= c + l);
  return (part.from === part.to || within) && part.deletes.every(has);
}
