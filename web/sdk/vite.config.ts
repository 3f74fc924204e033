import { defineConfig } from 'vite';

// One minified file beside the modules that tsc writes, for pages without a bundler.
export default defineConfig({
  build: {
    lib: { entry: 'src/index.ts', formats: ['es'], fileName: () => 'hubbub.min.js' },
    emptyOutDir: false,
    // As a library Vite would leave the white space in.
    rolldownOptions: { output: { minify: true, chunkFileNames: 'hubbub-[name].min.js' } },
    sourcemap: true,
    target: 'es2022',
  },
});
