import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { precompress } from '../app/build/precompress.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const editors = ['codemirror', 'monaco', 'quill', 'prosemirror', 'tiptap', 'blocknote', 'lexical'];
const hub = process.env.HUBBUB_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  base: './', // the pages work under any path
  plugins: [precompress({ only: true })],
  resolve: {
    alias: {
      // y-monaco names the file by a path that Monaco's package no longer lets out.
      'monaco-editor/esm/vs/editor/editor.api.js': 'monaco-editor/editor/editor.api.js',
    },
    // Two copies of one of these do not know each other's objects.
    dedupe: ['yjs', 'y-protocols', 'prosemirror-model', 'prosemirror-state', 'prosemirror-view', 'react'],
  },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // the policy of the pages allows fonts from files only
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4096, // Monaco is one piece
    rolldownOptions: {
      input: [here('index.html'), ...editors.map((name) => here(`${name}/index.html`))],
      // Mantine's files say 'use client', which is for servers that render.
      onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
    },
  },
  server: { proxy: { '/yjs': { target: hub, ws: true }, '/hocuspocus': { target: hub, ws: true } } },
});
