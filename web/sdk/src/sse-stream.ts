import { HubbubError } from './errors.js';

/** The codes of HTTP answers whose body says nothing (PROTOCOL.md, section 8). */
const BY_STATUS: Record<number, string> = {
  400: 'bad_request',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  429: 'rate_limited',
};

/** The error of an HTTP answer: the hub's own words, or what the status says. */
export async function httpError(response: Response): Promise<HubbubError> {
  const text = await response.text().catch(() => '');
  try {
    const body = JSON.parse(text);
    const error = typeof body.code === 'string' ? body : body.error;
    if (typeof error?.code === 'string') {
      return new HubbubError(error.code, String(error.message ?? error.code), {
        retryAfter: error.retry_after_ms,
      });
    }
  } catch {
    // Not the hub's answer but that of something before it.
  }
  const code = BY_STATUS[response.status] ?? 'unavailable';
  return new HubbubError(code, `the hub answered ${response.status} ${response.statusText}`.trim());
}

/** Reads an event stream and hands over each message's data, until it ends. */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  message: (data: string) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const ended of lines) {
      const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line === '' && data.length > 0) {
        message(data.join('\n'));
        data = [];
      }
    }
  }
}
