/** What stands in a client's database: its outbox, or its guests. It fails until the client has made it. */
export async function kept(
  name: string,
  store: 'outbox' | 'guests' = 'outbox',
): Promise<{ key?: string; sent?: boolean; failed?: unknown; token?: string }[]> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.transaction?.abort();
  const db = await done(request);
  const all = await done(db.transaction(store).objectStore(store).getAll());
  db.close();
  return all;
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
