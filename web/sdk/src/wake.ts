/** What the platform says about being asleep and about its network. */
export interface WakeEvents {
  /** The page was woken, shown or brought back, or the network is there again. */
  wake(): void;
  offline(): void;
}

/** Listens, where there is a page to listen to. The result ends it. */
export function listen(events: WakeEvents): () => void {
  if (typeof addEventListener !== 'function' || typeof removeEventListener !== 'function') return () => {};
  const page = typeof document === 'undefined' ? undefined : document;
  const visible = () => {
    if (page?.visibilityState === 'visible') events.wake();
  };
  const shown = (event: Event) => {
    if ((event as PageTransitionEvent).persisted) events.wake();
  };
  const online = () => events.wake();
  const offline = () => events.offline();
  page?.addEventListener('visibilitychange', visible);
  addEventListener('pageshow', shown);
  addEventListener('online', online);
  addEventListener('offline', offline);
  return () => {
    page?.removeEventListener('visibilitychange', visible);
    removeEventListener('pageshow', shown);
    removeEventListener('online', online);
    removeEventListener('offline', offline);
  };
}

/** What the platform says about its network; where it says nothing, it is there. */
export function online(): boolean {
  return typeof navigator === 'undefined' || navigator.onLine !== false;
}
