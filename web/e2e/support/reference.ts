import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Hocuspocus } from '@hocuspocus/server';
import { type WebSocket, WebSocketServer } from 'ws';
import { setupWSConnection } from 'y-websocket-reference/bin/utils';
import type { Hub } from './hub.ts';

/** The token of somebody who may only read. */
export const readingToken = 'reading';

/** A denial in the protocol of y-websocket: message 2, kind 0, and the reason. */
const denial = 'this token is for reading';

/**
 * The servers that the providers were written against, at the addresses that a hub
 * has for them. Its pages are those of a real hub, which is behind it.
 */
export class Reference {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: WebSocketServer;

  private constructor(server: Server, sockets: WebSocketServer) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    this.#sockets = sockets;
  }

  static async start(hub: Hub): Promise<Reference> {
    const sockets = new WebSocketServer({ noServer: true });
    const hocuspocus = new Hocuspocus({
      quiet: true,
      async onAuthenticate({ token, connectionConfig }) {
        connectionConfig.readOnly = token === readingToken;
      },
    });
    const server = createServer((request, response) => void pass(hub, request, response));
    server.on('upgrade', (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (peer) => {
        if (request.url?.startsWith('/yjs/')) serveYjs(peer, request);
        else serveHocuspocus(hocuspocus, peer, request);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Reference(server, sockets);
  }

  async remove(): Promise<void> {
    for (const peer of this.#sockets.clients) peer.terminate();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Answers with what the hub answers. */
async function pass(hub: Hub, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = await fetch(hub.url + request.url, { redirect: 'manual' });
  const headers = [...answer.headers].filter(([name]) => !/^content-(?:encoding|length)$/.test(name));
  response.writeHead(answer.status, Object.fromEntries(headers));
  response.end(Buffer.from(await answer.arrayBuffer()));
}

function serveYjs(peer: WebSocket, request: IncomingMessage): void {
  const { pathname, searchParams } = new URL(request.url ?? '', 'ws://reference');
  setupWSConnection(peer, request, { docName: pathname });
  if (searchParams.get('token') === readingToken) {
    peer.send(Uint8Array.of(2, 0, denial.length, ...Buffer.from(denial)));
  }
}

function serveHocuspocus(hocuspocus: Hocuspocus, peer: WebSocket, request: IncomingMessage): void {
  const url = new URL(request.url ?? '', 'http://reference');
  const connection = hocuspocus.handleConnection(peer as never, new Request(url));
  peer.on('message', (data: Buffer) => connection.handleMessage(new Uint8Array(data)));
  peer.on('close', (code, reason) => connection.handleClose({ code, reason: reason.toString() }));
}
