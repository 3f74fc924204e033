import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { basename, extname, join } from 'node:path';

const dist = join(import.meta.dirname, '../../sdk/dist');

/** Makes the page's SDK a global, for what a test runs in it. */
const page = `<!doctype html><meta charset="utf-8"><title>SDK</title>
<script type="module">import { Hubbub } from '/hubbub.min.js'; window.Hubbub = Hubbub;</script>`;

/** An origin of an application's own, whose pages have the SDK. */
export class Pages {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Pages> {
    const server = createServer(async (request, response) => {
      const name = basename(request.url ?? '/');
      if (extname(name) !== '.js') return void response.setHeader('content-type', 'text/html').end(page);
      const script = await readFile(join(dist, name)).catch(() => undefined);
      response
        .setHeader('content-type', 'text/javascript')
        .writeHead(script ? 200 : 404)
        .end(script);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Pages(server);
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
