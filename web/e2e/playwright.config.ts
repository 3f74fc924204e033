import { existsSync } from 'node:fs';
import { defineConfig } from '@playwright/test';

const usual = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];
const chromium = process.env.CHROMIUM ?? usual.find(existsSync);
if (!chromium) {
  throw new Error(`no Chromium found: set CHROMIUM to its path, or install it as one of ${usual.join(', ')}`);
}

export default defineConfig({
  testDir: 'tests',
  globalSetup: './support/build.ts',
  outputDir: 'test-results',
  reporter: process.env.CI ? [['list'], ['html', { open: 'never' }]] : 'list',
  workers: 1,
  // A machine that does other things as well is late now and then. What fails at first is listed.
  retries: process.env.CI ? 2 : 0,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  forbidOnly: true,
  use: {
    locale: 'en-GB',
    timezoneId: 'UTC',
    trace: process.env.CI ? 'retain-on-failure' : 'off',
    launchOptions: {
      executablePath: chromium,
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
});
