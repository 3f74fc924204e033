import type { Access, DocStatus } from './handle';

/** What a person is told of the document in front of them. */
export interface DocNews {
  kind: 'saved' | 'saving' | 'unsaved' | 'offline' | 'readonly' | 'opening' | 'refused';
  text: string;
  /** What it means, in a sentence. */
  detail: string;
}

/** Puts the state of a document into words that claim nothing that is not known. */
export function docNews(status: DocStatus, saved: boolean, access: Access): DocNews {
  if (status.state === 'refused') {
    return {
      kind: 'refused',
      text: 'Not open',
      detail: status.reason ?? 'The hub did not open this document.',
    };
  }
  const reader = access === 'read' || access === 'comment';
  if (status.state === 'offline' && reader) {
    return {
      kind: 'offline',
      text: 'Offline',
      detail: 'This is how it stood when the hub was last heard of.',
    };
  }
  if (status.state === 'offline') {
    const detail =
      status.reason ?? 'What you write is kept in this browser, and goes to the others when the hub is back.';
    return { kind: 'offline', text: 'Offline, kept on this device', detail };
  }
  if (access === 'comment') {
    return { kind: 'readonly', text: 'Read only', detail: 'You may read and comment here, but not write.' };
  }
  if (access === 'read') {
    return {
      kind: 'readonly',
      text: 'Read only',
      detail: 'You may read here, but neither write nor comment.',
    };
  }
  if (status.state === 'connecting')
    return { kind: 'opening', text: 'Opening…', detail: 'Fetching the document.' };
  if (!saved && status.reason) return { kind: 'unsaved', text: 'Not saved', detail: status.reason };
  if (saved) return { kind: 'saved', text: 'Saved', detail: "Everything is on the hub's disk." };
  return {
    kind: 'saving',
    text: 'Saving…',
    detail: 'The others have it; the hub has yet to say that it is on disk.',
  };
}
