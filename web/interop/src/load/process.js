// One of the processes that the editors live in. Obeys calls from pool.js.

import { mark, marks, now } from './clock.js';
import { Editor } from './editor.js';

const editors = [];
const deliveries = []; // ms from the edit to each one who has it
const lasts = new Map(); // by mark: [how many have it, ms until the last had it]

function count(editor, update) {
  const at = now();
  for (const sent of marks(update)) {
    if (editor.typed.has(sent)) continue; // what comes back to the author is an answer
    deliveries.push((at - sent) / 1e6);
    const [had] = lasts.get(sent) ?? [0];
    lasts.set(sent, [had + 1, (at - sent) / 1e6]);
  }
}

const grace = 10_000; // ms after the deadline for what has begun

// Runs work for every item, at most `width` at once, and begins nothing after the deadline.
// A server that refuses some is measured with the others; why names the first reason.
async function each(items, width, deadline, work) {
  const queue = items[Symbol.iterator]();
  const result = { done: 0, failed: 0, why: undefined };
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error('no answer in time')), deadline + grace - Date.now()).unref();
  });
  late.catch(() => {});
  const lane = async () => {
    for (const item of queue) {
      if (Date.now() > deadline) return;
      try {
        await Promise.race([work(item), late]);
        result.done++;
      } catch (error) {
        result.failed++;
        result.why ??= error.message;
      }
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return result;
}

const calls = {
  // Opens an editor for each {kind, url, name}.
  open: ({ targets, width, deadline }) =>
    each(targets, width, deadline, async (target) => {
      const editor = await Editor.open(target);
      editor.typed = new Set();
      editor.onUpdate = (update) => count(editor, update);
      editors.push(editor);
    }),

  // The first `typists` editors type at a fixed rate, whatever the server does.
  type: async ({ typists, rate, seconds }) => {
    let edits = 0;
    const typist = (editor, i) =>
      new Promise((resolve) => {
        let left = Math.round(rate * seconds);
        const tick = () => {
          if (left-- <= 0) return resolve();
          const word = mark();
          for (const sent of marks(word)) editor.typed.add(sent);
          edits++;
          editor.edit(word).catch(() => {}); // shows as what is missing
          setTimeout(tick, begun + ((rate * seconds - left) * 1000) / rate - performance.now());
        };
        const begun = performance.now() + (i * 1000) / rate / typists;
        setTimeout(tick, begun - performance.now());
      });
    await Promise.all(editors.slice(0, typists).map(typist));
    return edits;
  },

  // Every editor makes one edit, and waits for the answer.
  edit: async ({ width, deadline }) => {
    const took = [];
    const result = await each(editors, width, deadline, async (editor) => {
      const begun = now();
      await editor.edit(mark());
      took.push((now() - begun) / 1e6);
    });
    return { ...result, took };
  },

  // Opens, edits and closes.
  churn: ({ targets, width, deadline }) =>
    each(targets, width, deadline, async (target) => {
      const editor = await Editor.open(target);
      await editor.edit(mark());
      await editor.close();
    }),

  heard: () => deliveries.length,
  report: () => ({ deliveries, lasts: [...lasts] }),
};

process.on('message', async ({ id, call, args }) => {
  try {
    process.send({ id, result: await calls[call](args) });
  } catch (error) {
    process.send({ id, error: error.message });
  }
});
process.on('disconnect', () => process.exit());
