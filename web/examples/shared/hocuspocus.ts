import type { HocuspocusProvider } from '@hocuspocus/provider';
import { Bar } from './bar.ts';

/** Shows what a provider of Hocuspocus tells; `lock` makes the editor one that only shows. */
export function showHocuspocus(provider: HocuspocusProvider, lock: () => void): void {
  const { awareness } = provider;
  if (!awareness) throw new Error('the provider was made without awareness, which the page shows');
  const bar = new Bar(awareness, {
    connect: () => void provider.connect(),
    disconnect: () => provider.disconnect(),
  });
  let state = 'connecting';
  let reading = false;
  const say = () => {
    if (state === 'connecting') bar.say('Connecting');
    else if (state === 'disconnected')
      bar.say(provider.hasUnsyncedChanges ? 'Offline, not saved' : 'Offline');
    else if (reading) bar.say('Connected');
    else bar.say(provider.hasUnsyncedChanges ? 'Saving' : 'Saved');
  };
  provider.on('status', ({ status }: { status: string }) => {
    state = status;
    say();
  });
  provider.on('unsyncedChanges', say);
  provider.on('authenticated', ({ scope }: { scope: string }) => {
    if (scope !== 'readonly') return;
    reading = true;
    lock();
    bar.warn('You can read here, but not write: your token allows reading only.');
    say();
  });
  provider.on('authenticationFailed', ({ reason }: { reason: string }) => {
    lock();
    bar.warn(`The server let nobody in here with this token: ${reason}`);
  });
}
