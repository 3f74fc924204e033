import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The program that the tests run: HUBBUB_BIN, or one that was just built. */
    hubbub: string;
  }
}

export default function setup(project: TestProject): () => void {
  const given = process.env.HUBBUB_BIN;
  if (given) {
    project.provide('hubbub', given);
    return () => {};
  }
  const dir = mkdtempSync(join(tmpdir(), 'hubbub-sdk-'));
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  execFileSync('go', ['build', '-o', join(dir, 'hubbub'), './cmd/hubbub'], { cwd: root, stdio: 'inherit' });
  project.provide('hubbub', join(dir, 'hubbub'));
  return () => rmSync(dir, { recursive: true, force: true });
}
