import { defineConfig } from 'vite';

// One minified file beside the modules that tsc writes, for pages without a bundler.
export default defineConfig({
  build: {
    lib: { entry: 'src/index.ts', formats: ['es'], fileName: () => 'hubbub.min.js' },
    emptyOutDir: false,
    minify: true,
    sourcemap: true,
    target: 'es2022',
  },
});
