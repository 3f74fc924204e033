import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Builds the page and the program with the page in it, as a stranger would get
 * them, unless HUBBUB_BIN names a program that is built already.
 */
export default function build(): void {
  if (process.env.HUBBUB_BIN) return;
  const bin = join(mkdtempSync(join(tmpdir(), 'hubbub-e2e-')), 'hubbub');
  execFileSync('npm', ['run', 'build'], { cwd: web, stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('go', ['build', '-o', bin, './cmd/hubbub'], { cwd: join(web, '..'), stdio: 'inherit' });
  process.env.HUBBUB_BIN = bin;
}
