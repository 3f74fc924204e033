import { readAuthMessage } from 'y-protocols/auth';
import type { WebsocketProvider } from 'y-websocket';
import { Bar } from './bar.ts';

/** The number of the message that denies something, in the protocol of y-websocket. */
const authMessage = 2;

const states = { connected: 'Connected', connecting: 'Connecting', disconnected: 'Offline' };

/** Shows what a provider of y-websocket tells; `lock` makes the editor one that only shows. */
export function showWebsocket(provider: WebsocketProvider, lock: () => void): void {
  const bar = new Bar(provider.awareness, {
    connect: () => provider.connect(),
    disconnect: () => provider.disconnect(),
  });
  const refuse = (what: string) => {
    lock();
    bar.warn(what);
  };
  provider.on('status', ({ status }) => bar.say(states[status]));
  // By itself the provider only writes a denial to the console.
  provider.messageHandlers[authMessage] = (_encoder, decoder) => {
    readAuthMessage(decoder, provider.doc, (_doc, reason) =>
      refuse(`You can read here, but not write: ${reason}`),
    );
  };
  // Close codes from 4400 to 4499 mean that it is no use to come back.
  provider.on('closed', ({ code, reason }) => refuse(`The server ended the connection: ${reason || code}`));
}
