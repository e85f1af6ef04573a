import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backoff } from '../../static/lib/backoff.js';

const top = () => 1 - Number.EPSILON;

test('the ceiling is the time already lost, between one second and thirty', () => {
  const ceilings = [0, 500, 1_000, 2_500, 20_000, 30_000, 3_600_000].map((elapsed) => backoff(elapsed, top));
  assert.deepEqual(ceilings, [1_000, 1_000, 1_000, 2_500, 20_000, 30_000, 30_000]);
});

test('the delay is spread over the whole range', () => {
  assert.equal(backoff(16_000, () => 0), 0);
  assert.equal(backoff(16_000, () => 0.25), 4_000);
  const delays = Array.from({ length: 1_000 }, () => backoff(16_000));
  assert.ok(delays.every((delay) => delay >= 0 && delay <= 16_000));
  assert.ok(Math.min(...delays) < 1_600 && Math.max(...delays) > 14_400);
});
