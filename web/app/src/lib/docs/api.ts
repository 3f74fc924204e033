import { type ErrorCode, HubbubError } from '@hubbub-im/sdk';
import { isRecord, isString } from '../storage';
import type { Anchor } from './anchor';

/** A state that the document had and that the hub keeps. */
export interface Version {
  id: string;
  /** Given by a person; "" if the hub made it by itself. */
  name: string;
  at: number;
  /** Who asked for it, and who had written since the one before. */
  users: readonly string[];
}

/** A piece of a difference between two states. */
export interface Run {
  op: 'equal' | 'insert' | 'delete';
  text: string;
}

/** A comment: a message of the room's chat that is about a place in the document. */
export interface Comment {
  id: string;
  /** Of the message. */
  seq: number;
  user: string;
  at: number;
  /** What stood there when it was written. */
  quote: string;
  anchor: Anchor;
  resolved: boolean;
}

/** Gives what the caller is known by, to be sent with each request. */
export type TokenSource = () => Promise<string | undefined>;

/** What the hub does with a document over HTTP. */
export class DocApi {
  readonly #doc: string;
  readonly #token: TokenSource;

  constructor(doc: string, token: TokenSource) {
    this.#doc = doc;
    this.#token = token;
  }

  /** Makes the document anew, empty, after it was deleted. One that is there already stays. */
  async create(): Promise<void> {
    await this.#request('POST', '/api/docs', { doc: this.#doc, if_absent: true });
  }

  /** The kept states, the newest first. */
  async versions(): Promise<Version[]> {
    const answer = await this.#ifThere('/versions');
    return list(answer, 'versions')
      .map(versionOf)
      .sort((a, b) => b.at - a.at);
  }

  async nameVersion(name: string): Promise<void> {
    await this.#json('POST', '/versions', { name });
  }

  /** What has changed from a version to now. */
  async difference(version: string): Promise<Run[]> {
    const query = new URLSearchParams({ from: version, to: 'current' });
    return list(await this.#json('GET', `/diff?${query}`), 'runs').map(runOf);
  }

  /** Makes the document read as it did, by an edit of its own. */
  async restore(version: string): Promise<void> {
    await this.#json('POST', `/versions/${encodeURIComponent(version)}/restore`);
  }

  async comments(): Promise<Comment[]> {
    return list(await this.#ifThere('/comments'), 'comments').map(commentOf);
  }

  /** Begins a comment. What it is about must be on the hub already. */
  async addComment(text: string, anchor: Anchor): Promise<void> {
    await this.#json('POST', '/comments', { text, anchor });
  }

  async resolve(comment: string, resolved: boolean): Promise<void> {
    await this.#json('PATCH', `/comments/${encodeURIComponent(comment)}`, { resolved });
  }

  async withdraw(comment: string): Promise<void> {
    await this.#json('DELETE', `/comments/${encodeURIComponent(comment)}`);
  }

  /** The document as the hub has it on its disk, as text or as the JSON of all that is in it. */
  async read(format: 'text' | 'json', root?: string): Promise<string> {
    const query = new URLSearchParams({ format, ...(root ? { root } : {}) });
    const answer = await this.#send('GET', `?${query}`);
    return answer.text();
  }

  /** A document in which nobody has written anything is not there yet, and has nothing. */
  async #ifThere(path: string): Promise<unknown> {
    try {
      return await this.#json('GET', path);
    } catch (error) {
      if (error instanceof HubbubError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#send(method, path, body);
    const text = await answer.text();
    return text === '' ? undefined : JSON.parse(text);
  }

  #send(method: string, path: string, body?: unknown): Promise<Response> {
    return this.#request(method, `/api/docs/${encodeURIComponent(this.#doc)}${path}`, body);
  }

  async #request(method: string, path: string, body?: unknown): Promise<Response> {
    const token = await this.#token();
    const headers = new Headers();
    if (token) headers.set('Authorization', `Bearer ${token}`);
    if (body !== undefined) headers.set('Content-Type', 'application/json');
    const answer = await fetch(path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}

async function refusal(answer: Response): Promise<HubbubError> {
  const said: unknown = await answer.json().catch(() => undefined);
  const error = isRecord(said) && isRecord(said.error) ? said.error : said;
  const { code, message } = isRecord(error) ? error : {};
  return new HubbubError(
    (isString(code) ? code : 'internal') as ErrorCode,
    isString(message) ? message : `the hub answered with ${answer.status}`,
  );
}

function list(answer: unknown, key: string): Record<string, unknown>[] {
  const items = isRecord(answer) ? answer[key] : undefined;
  return Array.isArray(items) ? items.filter(isRecord) : [];
}

const text = (value: unknown): string => (isString(value) ? value : '');
const time = (value: unknown): number => (isString(value) ? Date.parse(value) : Number(value) || 0);

function versionOf({ id, name, at, user, users }: Record<string, unknown>): Version {
  const writers = Array.isArray(users) ? users.filter(isString) : [];
  const asked = isString(user) && user !== '' ? [user] : [];
  return { id: text(id), name: text(name), at: time(at), users: writers.length > 0 ? writers : asked };
}

function runOf({ op, text: words }: Record<string, unknown>): Run {
  return { op: op === 'insert' || op === 'delete' ? op : 'equal', text: text(words) };
}

function commentOf({ id, seq, user, at, quote, start, end, resolved }: Record<string, unknown>): Comment {
  return {
    id: text(id),
    seq: Number(seq) || 0,
    user: text(user),
    at: time(at),
    quote: text(quote),
    anchor: { start, end },
    resolved: resolved !== undefined && resolved !== null && resolved !== false,
  };
}
