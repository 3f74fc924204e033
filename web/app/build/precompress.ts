import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

const text = /\.(?:css|html|js|json|svg)$/;

/**
 * Puts `.br` and `.gz` beside each file of text, so that the hub sends bytes that
 * were compressed once, here, as well as it can be done. With `only`, what is in
 * assets/ goes without the bytes as they were, which the hub can make from the others.
 */
export function precompress({ only = false } = {}): Plugin {
  let folder = '';
  return {
    name: 'hubbub:precompress',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      for (const name of await readdir(folder, { recursive: true })) {
        if (!text.test(name)) continue;
        await compress(join(folder, name));
        if (only && name.startsWith('assets')) await rm(join(folder, name));
      }
      // The folder stands in git, its contents do not: see web/embed.go.
      await writeFile(join(folder, '.gitignore'), '*\n!.gitignore\n');
    },
  };
}

async function compress(path: string): Promise<void> {
  const bytes = await readFile(path);
  const br = await promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  await writeFile(`${path}.br`, br);
  await writeFile(`${path}.gz`, await promisify(gzip)(bytes, { level: 9 }));
}
