import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Plugin } from 'vite';

const text = /\.(?:css|html|js|json|svg)$/;

/**
 * Puts `.br` and `.gz` beside each file of text, so that the hub sends bytes that
 * were compressed once, here, as well as it can be done.
 */
export function precompress(): Plugin {
  let folder = '';
  return {
    name: 'hubbub:precompress',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      for (const name of await readdir(folder, { recursive: true })) {
        if (text.test(name)) await compress(join(folder, name));
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
