import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as later } from 'node:timers/promises';
import { Burst } from '../../static/lib/burst.js';

const { setTimeout: original, performance: { now } } = globalThis;
afterEach(() => {
  globalThis.setTimeout = original;
  performance.now = now;
  Reflect.deleteProperty(globalThis, 'requestAnimationFrame');
});

/** Notes what it uses, and when. @param {number} busy milliseconds that each use takes */
function noting(busy) {
  /** @type {{items: number[], at: number}[]} */
  const uses = [];
  const burst = new Burst((/** @type {number[]} */ items) => {
    const at = performance.now();
    uses.push({ items, at });
    while (performance.now() - at < busy);
  });
  return { uses, burst };
}

/** Adds numbers until so many bursts have been used. @param {ReturnType<typeof noting>} noted @param {number} bursts */
async function flood({ uses, burst }, bursts) {
  for (let item = 0; uses.length < bursts; item += 1) {
    burst.add(item);
    await later(5);
  }
}

/** Notes all delays that are asked for from now on. */
function delays() {
  /** @type {number[]} */
  const asked = [];
  globalThis.setTimeout = /** @type {any} */ ((/** @type {() => void} */ then, delay = 0) => {
    asked.push(delay);
    return original(then, delay);
  });
  return asked;
}

test('who comes alone is used at once, and what comes then together', async () => {
  const { uses, burst } = noting(0);
  let time = 0;
  performance.now = () => time;
  for (const item of [1, 2, 3]) burst.add(item);
  const first = uses.map(({ items }) => items);
  assert.deepEqual(first, [[1]]);
  time = 10_000;
  while (uses.length < 2) await later(5);
  assert.deepEqual(uses[1].items, [2, 3]);
});

test('what was cleared is not used', async () => {
  const { uses, burst } = noting(0);
  for (const item of [1, 2]) burst.add(item);
  burst.clear();
  while (uses.length < 2) {
    burst.add(3);
    await later(5);
  }
  assert.ok(uses.flatMap(({ items }) => items).every((item) => item !== 2));
});

test('what is hard to show is shown less often, and nothing is left out', async () => {
  const noted = noting(50);
  await flood(noted, 5);
  const { uses } = noted;
  const items = uses.flatMap((use) => use.items);
  assert.deepEqual(items, [...items.keys()]);
  // Before the first was over, nobody knew what it takes.
  for (let i = 2; i < uses.length; i += 1) assert.ok(uses[i].at - uses[i - 1].at >= 190, `${uses[i].at - uses[i - 1].at} ms`);
});

test('nothing waits for longer than a second', async () => {
  const asked = delays();
  await flood(noting(600), 3);
  assert.ok(asked.every((delay) => delay <= 1_000), `${asked}`);
  assert.ok(asked.some((delay) => delay > 100), 'what it takes is not looked at');
});

test('a page that is not drawn asks once what it takes, and goes on as before', async () => {
  let asked = 0;
  globalThis.requestAnimationFrame = () => (asked += 1);
  const delay = delays();
  await flood(noting(50), 4);
  assert.equal(asked, 1);
  assert.ok(delay.every((each) => each <= 100), `${delay}`);
});
