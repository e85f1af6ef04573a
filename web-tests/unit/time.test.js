import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayKey, dayLabel, group } from '../../static/lib/time.js';

const noon = new Date(2024, 4, 15, 12).getTime();
const MINUTE = 60_000;

/**
 * @param {string} user
 * @param {number} time
 */
const line = (user, time) => ({ key: `${user}${time}`, user, time, own: false });

/** @param {ReturnType<typeof group>} rows */
const sketch = (rows) =>
  rows.map((row) => (row.kind === 'day' ? row.label : `${row.lead ? '[' : ''}${row.line.user}${row.last ? ']' : ''}`)).join(' ');

test('days are those of the reader', () => {
  assert.equal(dayKey(new Date(2024, 0, 2, 0, 0, 1).getTime()), '2024-01-02');
  assert.equal(dayKey(new Date(2024, 0, 2, 23, 59, 59).getTime()), '2024-01-02');
});

test('near days have names', () => {
  assert.equal(dayLabel(noon, noon), 'Today');
  assert.equal(dayLabel(noon - 24 * 60 * MINUTE, noon), 'Yesterday');
  assert.match(dayLabel(noon - 3 * 24 * 60 * MINUTE, noon), /12/);
  assert.match(dayLabel(new Date(2019, 4, 15).getTime(), noon), /2019/);
});

test('yesterday is the calendar day, also when a day has 23 or 25 hours', () => {
  const justAfterMidnight = new Date(2024, 2, 11, 0, 1).getTime();
  assert.equal(dayLabel(justAfterMidnight - 2 * MINUTE, justAfterMidnight), 'Yesterday');
});

test('one person within five minutes is one group', () => {
  const rows = group([line('a', noon), line('a', noon + MINUTE), line('b', noon + 2 * MINUTE), line('b', noon + 8 * MINUTE)], noon);
  assert.equal(sketch(rows), 'Today [a a] [b] [b]');
});

test('the same person in another case is the same group', () => {
  assert.equal(sketch(group([line('Ann', noon), line('ann', noon + 1)], noon)), 'Today [Ann ann]');
});

test('a group ends at midnight', () => {
  const midnight = new Date(2024, 4, 15).getTime();
  assert.equal(sketch(group([line('a', midnight - MINUTE), line('a', midnight + MINUTE)], noon)), 'Yesterday [a] Today [a]');
});

test('no lines, no rows', () => assert.deepEqual(group([], noon), []));
