import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as later } from 'node:timers/promises';
import { Burst } from '../../static/lib/burst.js';

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

test('who comes alone is used at once, and what comes then together', async () => {
  const { uses, burst } = noting(0);
  burst.add(1);
  assert.deepEqual(uses.map(({ items }) => items), [[1]]);
  burst.add(2);
  burst.add(3);
  assert.equal(uses.length, 1);
  while (uses.length < 2) await later(5);
  assert.deepEqual(uses[1].items, [2, 3]);
  burst.add(4);
  burst.clear();
  await later(300);
  assert.equal(uses.length, 2, 'what was cleared is not used');
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

test('nothing waits for longer than a second, if the page has time', async () => {
  const hard = noting(600);
  await flood(hard, 3);
  const [, second, third] = hard.uses;
  // A second after it had begun, or when the page has time for it.
  assert.ok(third.at - second.at >= 990);
  assert.ok(third.items.length > 0);
});
