import type { Addresses } from './addresses.js';
import type { Dial } from './connection.js';
import { HubbubError } from './errors.js';
import type { LinkOptions } from './link.js';
import type { WantedRoom } from './sse-link.js';
import type { HubbubOptions, WebSocketClass } from './types.js';
import { WsLink } from './ws-link.js';

/** How often a WebSocket must fail to open, while HTTP works, before SSE is used. */
const BLOCKED = 2;
/** For how long SSE is then used before a WebSocket is tried again, in milliseconds. */
const SSE_TERM = 10 * 60_000;
/** How long the look whether HTTP works may take, in milliseconds. */
const LOOK = 3000;

/**
 * Makes what opens links, choosing the transport anew each time as the options say. For what `needsSocket`
 * there is no choice.
 */
export function dialer(
  options: HubbubOptions,
  addresses: Addresses,
  wanted: () => WantedRoom[],
  needsSocket: () => boolean,
): Dial {
  const mode = options.transport ?? 'auto';
  const socket = options.WebSocket ?? (globalThis.WebSocket as WebSocketClass | undefined);
  const fetcher = options.fetch ?? globalThis.fetch;
  const client = options.client ?? 'hubbub-js';
  if (!socket && mode === 'websocket') {
    throw new HubbubError(
      'bad_request',
      'there is no global WebSocket here: give the option WebSocket, as from "ws"',
    );
  }
  if (!fetcher && mode !== 'websocket') {
    throw new HubbubError('bad_request', 'there is no global fetch here: give the option fetch');
  }
  let blocked = 0;
  let sseSince = 0;
  let looking: Promise<void> = Promise.resolve();

  const look = async (base: string) => {
    blocked = (await httpWorks(fetcher, base)) ? blocked + 1 : 0;
  };
  // Most never need it, so it is a file of its own.
  const sse = async (link: LinkOptions) => {
    const { SseLink } = await import('./sse-link.js');
    return new SseLink(link, fetcher, wanted);
  };
  return async (credentials, events) => {
    await looking;
    if (blocked >= BLOCKED && Date.now() - sseSince > SSE_TERM && sseSince > 0) {
      blocked = BLOCKED - 1;
      sseSince = 0;
    }
    const { base } = addresses;
    const link = { base, credentials, client, events };
    if (mode === 'sse' || !socket) return sse(link);
    if (mode === 'auto' && blocked >= BLOCKED && !needsSocket()) {
      sseSince ||= Date.now();
      const failed = watch(events, (opened) => {
        if (!opened) blocked = sseSince = 0;
      });
      return sse({ ...link, events: failed });
    }
    if (mode === 'websocket') return new WsLink(link, socket);
    const judged = watch(events, (opened) => {
      if (opened) blocked = 0;
      else looking = look(base);
    });
    return new WsLink({ ...link, events: judged }, socket);
  };
}

/** Listens whether a link gets as far as `connected`. A hub that refuses has been reached: no verdict. */
function watch(events: Parameters<Dial>[1], verdict: (opened: boolean) => void): Parameters<Dial>[1] {
  let up = false;
  return {
    ...events,
    connected: (frame) => {
      up = true;
      verdict(true);
      events.connected(frame);
    },
    closed: (info) => {
      if (!up && (!info.opened || info.code === 'timeout')) verdict(false);
      events.closed(info);
    },
  };
}

/** Whether something answers there that serves the hub and stays: not a proxy's error page in its place. */
async function httpWorks(fetcher: typeof fetch, base: string): Promise<boolean> {
  try {
    const response = await fetcher(`${base}/readyz`, {
      mode: 'no-cors',
      cache: 'no-store',
      signal: AbortSignal.timeout(LOOK),
    });
    return response.ok || response.type === 'opaque';
  } catch {
    return false;
  }
}

/** The addresses of the hub's instances over HTTP, without a slash at their end. */
export function basesOf(url: HubbubOptions['url']): [string, ...string[]] {
  const [first, ...more] = typeof url === 'string' || !url ? [url] : url;
  return [baseOf(first), ...more.map(baseOf)];
}

function baseOf(url: string | undefined): string {
  const given = url ?? globalThis.location?.origin;
  if (!given || given === 'null') {
    throw new HubbubError('bad_request', 'give the option url: this page has no address of its own');
  }
  let parsed: URL;
  try {
    parsed = new URL(given, globalThis.location?.href);
  } catch (cause) {
    throw new HubbubError(
      'bad_request',
      `url: "${given}" is no address; give one like https://chat.example`,
      { cause },
    );
  }
  const protocol = parsed.protocol.replace(/^ws/, 'http');
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new HubbubError(
      'bad_request',
      `url: "${given}" must begin with https://, wss://, http:// or ws://`,
    );
  }
  if (parsed.search || parsed.hash || parsed.username || parsed.password) {
    throw new HubbubError(
      'bad_request',
      `url: "${parsed.host}" must carry no query, fragment, user or password`,
    );
  }
  return `${protocol}//${parsed.host}${parsed.pathname.replace(/\/(ws\/?)?$/, '')}`;
}
