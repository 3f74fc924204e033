import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The hub is built once, before any test asks for it.
    globalSetup: ['test/build-hub.ts'],
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
