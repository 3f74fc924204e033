import { dayOf } from './grouping';

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const thisYear = new Intl.DateTimeFormat(undefined, { weekday: 'long', month: 'long', day: 'numeric' });
const otherYear = new Intl.DateTimeFormat(undefined, {
  weekday: 'long',
  year: 'numeric',
  month: 'long',
  day: 'numeric',
});
const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

/** The time of day. */
export const clockTime = (at: number): string => clock.format(at);

/** Day and time in full, for tooltips and screen readers. */
export const fullTime = (at: number): string => full.format(at);

/** "Today", "Yesterday", or the date. */
export function dayLabel(at: number, now: number = Date.now()): string {
  for (const back of [0, 1]) {
    const day = new Date(now);
    day.setDate(day.getDate() - back);
    if (dayOf(at) === dayOf(day.getTime())) return capital(relative.format(-back, 'day'));
  }
  const sameYear = new Date(at).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? thisYear : otherYear).format(at);
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}
