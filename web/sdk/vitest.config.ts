import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // The hub is built once, before any test asks for it.
    globalSetup: ['test/build-hub.ts'],
    // A machine that does other things as well is late now and then.
    retry: process.env.CI ? 2 : 0,
    // Most of the time goes by in waiting for a hub, not in computing.
    maxWorkers: 4,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
