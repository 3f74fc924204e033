import type { Status } from '@hubbub-im/sdk';

/** What a person is told of a connection that is not there. */
export interface ConnectionNews {
  title: string;
  detail: string;
  /** "Next try in 4 s.", or "" when a try is under way or none will be made. */
  countdown: string;
  canRetry: boolean;
  needsToken: boolean;
  /** It will not come back by itself. */
  final: boolean;
}

const refusals: unknown[] = [3500, 'unauthorized', 'token_expired'];

/** Puts a status into words that claim nothing that is not known. */
export function connectionNews(status: Status, now: number, waiting: number): ConnectionNews {
  const kept =
    waiting === 0
      ? ''
      : waiting === 1
        ? '1 message is waiting to be sent.'
        : `${waiting} messages are waiting to be sent.`;
  const base = { countdown: '', canRetry: false, needsToken: false, final: false };
  if (status.state === 'connecting') {
    const title = status.attempt > 0 ? 'Reconnecting…' : 'Connecting…';
    return { ...base, title, detail: kept };
  }
  if (status.retryAt === undefined) {
    const needsToken = refusals.includes(status.code);
    const title = needsToken ? 'Not signed in.' : 'Disconnected.';
    return {
      ...base,
      title,
      detail: sentence(status.reason),
      canRetry: !needsToken,
      needsToken,
      final: true,
    };
  }
  const seconds = Math.max(0, Math.ceil((status.retryAt - now) / 1000));
  const title = status.online ? 'Connection lost.' : 'You are offline.';
  const promise = status.online ? kept : kept || 'What you write is kept and sent when you are back.';
  return { ...base, title, detail: promise, countdown: `Next try in ${seconds} s.`, canRetry: true };
}

function sentence(reason: string | undefined): string {
  if (!reason) return '';
  const text = reason.charAt(0).toLocaleUpperCase() + reason.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
