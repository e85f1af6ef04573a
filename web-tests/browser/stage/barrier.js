// What keeps people out, as far as a program can tell.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @param {import('playwright-core').Page} page @param {string} view */
export async function audit(page, view) {
  await page.evaluate(axeSource);
  const violations = await page.evaluate(async () => {
    const { axe } = /** @type {any} */ (window);
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
    return (await axe.run()).violations.map((/** @type {any} */ violation) => ({
      id: violation.id,
      impact: violation.impact,
      nodes: violation.nodes.map((/** @type {any} */ node) => `${node.html.slice(0, 200)} ${node.failureSummary}`),
    }));
  });
  const grave = violations.filter((/** @type {any} */ violation) => ['serious', 'critical'].includes(violation.impact));
  assert.deepEqual(grave, [], view);
}
