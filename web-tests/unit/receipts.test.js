import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Receipts } from '../../static/lib/receipts.js';

const settle = () => new Promise((resolve) => setImmediate(resolve));
/** @type {import('../../static/lib/api.js').Receipt[][]} */
let sent = [];
let broken = false;
let receipts = new Receipts(async () => {});

/** @param {number} ms */
async function pass(ms) {
  mock.timers.tick(ms);
  await settle();
}

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  sent = [];
  broken = false;
  receipts = new Receipts(async (batch) => {
    if (broken) throw new Error('down');
    sent.push(batch);
  });
});
afterEach(() => mock.timers.reset());

test('what comes in one go travels in one request', async () => {
  receipts.mark('g-1', 'delivered', 1);
  receipts.mark('g-1', 'delivered', 2);
  receipts.mark('g-1', 'read', 2);
  receipts.mark('g-2', 'delivered', 7);
  await settle();
  assert.deepEqual(sent, [[{ conversation_id: 'g-1', delivered: 2, read: 2 }, { conversation_id: 'g-2', delivered: 7 }]]);
});

test('there is at most one request a second, and the last marker counts', async () => {
  for (let seq = 1; seq <= 30; seq += 1) {
    receipts.mark('g-1', 'read', seq);
    await pass(100);
  }
  await pass(1_000);
  assert.ok(sent.length <= 4, `${sent.length} requests in 3 s`);
  assert.deepEqual(sent.at(-1), [{ conversation_id: 'g-1', read: 30 }]);
});

test('what was told is not told again, and markers never go back', async () => {
  receipts.mark('g-1', 'read', 5);
  await settle();
  receipts.mark('g-1', 'read', 5);
  receipts.mark('g-1', 'read', 4);
  await pass(2_000);
  assert.equal(sent.length, 1);
});

test('a marker outlives an outage', async () => {
  broken = true;
  receipts.mark('g-1', 'read', 5);
  await settle();
  receipts.mark('g-1', 'delivered', 6);
  await pass(5_000);
  broken = false;
  receipts.wake();
  await settle();
  assert.deepEqual(sent, [[{ conversation_id: 'g-1', read: 5, delivered: 6 }]]);
});

test('nobody tells the markers of somebody else', async () => {
  broken = true;
  receipts.mark('g-1', 'read', 5);
  await settle();
  broken = false;
  receipts.forget();
  receipts.wake();
  await pass(2_000);
  assert.deepEqual(sent, []);
});

test('what waits for its turn goes out when the page goes', async () => {
  receipts.mark('g-1', 'read', 1);
  await settle();
  receipts.mark('g-1', 'read', 2);
  await settle();
  assert.equal(sent.length, 1);
  receipts.flush();
  await settle();
  assert.deepEqual(sent.at(-1), [{ conversation_id: 'g-1', read: 2 }]);
  await pass(5_000);
  assert.equal(sent.length, 2, 'and not again');
});
