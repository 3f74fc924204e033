/** The codes of the hub (PROTOCOL.md, section 8), and those that arise here. */
export type ErrorCode =
  | 'bad_request'
  | 'unknown_command'
  | 'unauthorized'
  | 'token_expired'
  | 'forbidden'
  | 'not_joined'
  | 'not_found'
  | 'conflict'
  | 'too_large'
  | 'rate_limited'
  | 'limit_reached'
  | 'unavailable'
  | 'internal'
  /** The hub sent something that cannot be read. */
  | 'bad_frame'
  /** `getToken` threw, or gave no answer. */
  | 'no_token'
  /** The browser refuses its storage, so that `persist` keeps nothing. */
  | 'no_storage'
  /** There is no connection, or it broke before the answer came. */
  | 'disconnected'
  /** The hub did not answer in time. */
  | 'timeout'
  /** Whether the command was stored cannot be found out any more; sending it again could double it. */
  | 'unknown_outcome'
  /** The command was written as another user than the one who is connected now. */
  | 'other_user'
  /** It was taken back by `discard` or `close`. */
  | 'discarded'
  | (string & {});

const RETRYABLE = new Set<string>(['rate_limited', 'unavailable', 'internal', 'disconnected', 'timeout']);

/** Every failure that this package reports. `message` is fit to be shown to a person. */
export class HubbubError extends Error {
  override readonly name = 'HubbubError';
  /** How long to wait before trying again, in milliseconds, if the hub said so. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { retryAfter?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfter = options.retryAfter;
  }

  /** Whether the same command may succeed later, unchanged. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
