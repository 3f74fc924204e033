// y-websocket 2.1 has its server in it, without types.
declare module 'y-websocket-reference/bin/utils' {
  import type { IncomingMessage } from 'node:http';
  import type { WebSocket } from 'ws';

  export function setupWSConnection(
    peer: WebSocket,
    request: IncomingMessage,
    options?: { docName?: string },
  ): void;
}
