// What Linux knows of a process, and what is said of many numbers.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const ticks = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

// CPU of all threads in ms, user and system; its steps are 10 ms.
export function cpu(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // from the third on
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticks;
}

export function rss(pid) {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
}

// How many sockets a process may have. Go and Node both raise their soft limit to the hard
// one when they start, so that the hard limit is the bound.
export function files() {
  return Number(/Max open files\s+\S+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1]);
}

export function quantiles(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  const at = (p) => round(sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

export const round = (number, places = 2) => Number(number?.toFixed(places) ?? Number.NaN);
export const mb = (bytes) => round(bytes / 1e6, 1);
