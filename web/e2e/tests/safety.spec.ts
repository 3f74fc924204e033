import { hostile } from '../../app/test/corpus.ts';
import { expect, test } from '../support/test.ts';

const oneLine = hostile.filter((text) => !text.includes('\n'));
const manyLines = hostile.filter((text) => text.includes('\n'));

test('nothing that anybody writes runs, loads or leaves the message', async ({ join, hub }) => {
  // The fixture holds every page of this test to it: no violation, no alert, no request elsewhere.
  await hub.send('lobby', oneLine);
  const mallory = await join('<img src=x onerror=alert(1)>');
  for (const text of manyLines) await mallory.say(text);
  await expect(mallory.message(/./).last()).toHaveAttribute('data-state', 'sent');
  await mallory.page.evaluate(reactWith, '<img/src=x/onerror=alert(1)>');

  const ann = await join('Ann');
  await expect(ann.page.getByRole('button', { name: /^<img\/src=x/ })).toBeVisible();
  await mallory.say('<svg onload=alert(1)> **now**');
  await expect(ann.page.getByTestId('live')).toHaveText(
    '<img src=x onerror=alert(1)>: <svg onload=alert(1)> now',
  );

  const seen = new Set<string>();
  await expect
    .poll(async () => {
      for (const problem of await ann.page.evaluate(touchMessages)) throw new Error(problem);
      for (const key of await ann.page
        .locator('article')
        .evaluateAll((rows) => rows.map((row) => row.dataset.key ?? '')))
        seen.add(key);
      await ann.scroller.evaluate((scroller) => {
        scroller.scrollTop -= 300;
      });
      return seen.size;
    })
    .toBeGreaterThanOrEqual(hostile.length);

  // Its answer, its excerpt, its confirmation and the list of who is here show it as text, too.
  await mallory.use('Reply', '<svg onload=alert(1)> now');
  await mallory.say('answered');
  await ann.page.getByRole('button', { name: /new message/ }).click();
  await expect(ann.message('answered').getByRole('button', { name: /In answer to/ })).toContainText(
    '<svg onload=alert(1)> now',
  );
  await mallory.use('Delete', /answered/);
  await expect(mallory.page.getByRole('dialog')).toContainText('answered');
  await expect(ann.page.getByRole('complementary').getByText('<img src=x onerror=alert(1)>')).toBeVisible();
});

/** Adds a reaction to the newest message that no picker offers. */
async function reactWith(emoji: string): Promise<void> {
  const target = Number([...document.querySelectorAll('article')].at(-1)?.dataset.seq);
  const socket = new WebSocket(`ws://${location.host}/ws`, 'hubbub.v1.json');
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, type: 'connect', name: 'x' }));
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === 'connected') socket.send(JSON.stringify({ id: 2, type: 'join', room: 'lobby' }));
      if (frame.type === 'joined') {
        const event = { kind: 'react', target, emoji };
        socket.send(JSON.stringify({ id: 3, type: 'publish', room: 'lobby', event }));
      }
      if (frame.type === 'ack') resolve();
      if (frame.type === 'error') reject(new Error(frame.message));
    };
  });
  socket.close();
}

/** Does to the messages on screen what a reader might, and tells what in them should not be there. */
function touchMessages(): string[] {
  const problems: string[] = [];
  for (const element of document.querySelectorAll('.md *')) {
    if (
      /^(SCRIPT|IMG|IFRAME|SVG|OBJECT|EMBED|FORM|INPUT|STYLE|LINK|META|BASE|MATH)$/i.test(element.nodeName)
    ) {
      problems.push(`element: ${element.outerHTML}`);
    }
    for (const { name, value } of element.attributes) {
      if (/^on|^style$|^src/i.test(name)) problems.push(`attribute: ${element.outerHTML}`);
      if (name === 'href' && !/^(https?:\/\/|mailto:)/.test(value))
        problems.push(`link: ${element.outerHTML}`);
    }
    if (element instanceof HTMLAnchorElement && element.href && element.origin !== location.origin) {
      if (element.rel !== 'noopener noreferrer' || element.target !== '_blank')
        problems.push(`rel: ${element.outerHTML}`);
    }
    for (const type of ['mouseover', 'mouseenter', 'focus', 'toggle', 'error', 'load']) {
      element.dispatchEvent(new Event(type));
    }
  }
  return problems;
}

test('the page is sent with a policy that forbids what it does not need', async ({ browser, hub }) => {
  const page = await browser.newPage();
  const response = await page.goto(`${hub.url}/r/lobby`);
  const policy = response?.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("style-src 'self'");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toContain('unsafe');
  // It is in force, not only sent.
  const broken = await page.evaluate(async () => {
    const found: string[] = [];
    const noted = new Promise<string>((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
        once: true,
      });
    });
    try {
      document.createElement('div').innerHTML = '<b>x</b>';
    } catch {
      found.push(await noted);
    }
    try {
      trustedTypes.createPolicy('mine', {});
    } catch {
      found.push('policy');
    }
    await fetch('https://example.org/').catch(() => found.push('fetch'));
    return found;
  });
  expect(broken).toEqual(['require-trusted-types-for', 'policy', 'fetch']);
  await page.close();
});

declare const trustedTypes: { createPolicy(name: string, rules: object): unknown };
