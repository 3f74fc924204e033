import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { emojiData } from './build/emoji.ts';
import { precompress } from './build/precompress.ts';

const sdk = fileURLToPath(new URL('../sdk/src', import.meta.url));
const hub = process.env.HUBBUB_URL ?? 'http://127.0.0.1:8080';

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), emojiData(), precompress()],
  resolve: {
    alias: [
      { find: /^@hubbub-im\/sdk$/, replacement: `${sdk}/index.ts` },
      { find: /^@hubbub-im\/sdk\/docs$/, replacement: `${sdk}/docs/index.ts` },
    ],
    // Without this, tests would load the server's half of Svelte.
    ...(mode === 'test' ? { conditions: ['browser'] } : {}),
  },
  build: {
    target: 'es2022',
    // The policy of the page allows no `data:` addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/ws': { target: hub, ws: true }, '/sse': hub, '/api': hub } },
  test: { include: ['test/**/*.test.ts'] },
}));
