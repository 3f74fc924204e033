// The stock clients, as npm has them, behind one face: what an application sees of each.
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider';
import { WebsocketProvider as NextProvider } from '@y/websocket';
import * as NextY from '@y/y';
import * as hocuspocus2 from 'hocuspocus-provider-2';
import * as hocuspocus3 from 'hocuspocus-provider-3';
import * as ws from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

const versions = {
  'hocuspocus 4': { HocuspocusProvider, HocuspocusProviderWebsocket },
  'hocuspocus 3': hocuspocus3,
  'hocuspocus 2': hocuspocus2,
};

export const hocuspocusKinds = Object.keys(versions);
export const websocketKinds = ['y-websocket 3', 'y-websocket 4'];
export const kinds = [...hocuspocusKinds, ...websocketKinds];

export function connect(kind, urls, name, options = {}) {
  return versions[kind]
    ? new HocuspocusClient(versions[kind], urls.hocuspocus, name, options)
    : new WebsocketClient(kind === 'y-websocket 4', urls['y-websocket'], name, options);
}

// A browser only tells of a socket that was closed before it was open; ws throws.
export class WebSocket extends ws.WebSocket {
  constructor(...args) {
    super(...args);
    this.on('error', () => {});
  }
}

class Client {
  get text() {
    return this.shared.toString();
  }

  type(text) {
    this.shared.insert(this.shared.length, text);
  }

  // Whom the client sees, itself among them, by the names that they gave themselves.
  get seen() {
    return [...this.awareness.getStates().values()]
      .map(({ user }) => user)
      .filter(Boolean)
      .sort();
  }
}

export class HocuspocusClient extends Client {
  reasons = [];
  scopes = [];
  messages = [];
  closes = [];
  asked = 0;

  constructor({ HocuspocusProvider: Provider, HocuspocusProviderWebsocket: Socket }, url, name, options) {
    super();
    const { token, tokens, user, doc = new Y.Doc(), socket, ...rest } = options;
    this.token = token ?? '';
    this.doc = doc;
    this.shared = this.doc.getText('t');
    this.owned = socket
      ? undefined
      : new Socket({ url, WebSocketPolyfill: WebSocket, delay: 100, minDelay: 100 });
    this.socket = socket ?? this.owned;
    this.provider = new Provider({
      websocketProvider: this.socket,
      name,
      document: this.doc,
      broadcast: false, // of version 2: past the server, over a BroadcastChannel
      token:
        tokens !== undefined
          ? tokens
          : () => {
              this.asked++;
              return this.token;
            },
      onAuthenticated: () => this.scopes.push(this.provider.authorizedScope),
      onAuthenticationFailed: ({ reason }) => this.reasons.push(reason),
      onStateless: ({ payload }) => this.messages.push(payload),
      onClose: ({ event }) => this.closes.push({ code: event.code, reason: event.reason }),
      ...rest,
    });
    if (!this.provider.isAttached) this.provider.attach?.(); // version 2 does so by itself
    this.awareness = this.provider.awareness;
    if (user) this.provider.setAwarenessField('user', user);
  }

  get synced() {
    return this.provider.isSynced;
  }

  // Edits that were made offline are acknowledged as such and with the answer to the state
  // vector, while the count begins with one: version 2 is at -1 then, later ones stop at 0.
  get unsaved() {
    return Math.max(this.provider.unsyncedChanges, 0);
  }

  get connected() {
    return this.socket.status === 'connected';
  }

  leave() {
    this.socket.disconnect();
  }

  comeBack() {
    this.socket.connect();
  }

  destroy() {
    this.provider.destroy();
    this.owned?.destroy();
  }
}

export class WebsocketClient extends Client {
  unsaved = 0; // it has no count; what it wrote comes back
  closed = [];
  closes = [];

  constructor(next, url, name, { token, user, ...rest }) {
    super();
    this.doc = next ? new NextY.Doc() : new Y.Doc();
    this.shared = next ? this.doc.get('t') : this.doc.getText('t');
    this.provider = new (next ? NextProvider : WebsocketProvider)(url, name, this.doc, {
      WebSocketPolyfill: WebSocket,
      disableBc: true,
      params: token ? { token } : {},
      ...rest,
    });
    this.provider.on('closed', (event) => this.closed.push(event));
    this.provider.on('connection-close', (event) =>
      this.closes.push({ code: event?.code, reason: event?.reason }),
    );
    this.awareness = this.provider.awareness;
    if (user) this.awareness.setLocalStateField('user', user);
  }

  get text() {
    return this.shared instanceof Y.Text ? this.shared.toString() : this.shared.toArray().join('');
  }

  get synced() {
    return this.provider.synced;
  }

  get connected() {
    return this.provider.wsconnected;
  }

  leave() {
    this.provider.disconnect();
  }

  comeBack() {
    this.provider.connect();
  }

  destroy() {
    this.provider.destroy();
    this.doc.destroy(); // ends the renewing of its awareness
  }
}
