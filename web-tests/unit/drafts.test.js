import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Drafts } from '../../static/lib/drafts.js';

/** @type {Map<string, string>} */
const kept = new Map();
Object.assign(globalThis, {
  sessionStorage: {
    /** @param {string} key */
    getItem: (key) => kept.get(key) ?? null,
    /** @param {string} key @param {string} value */
    setItem: (key, value) => kept.set(key, value),
    /** @param {string} key */
    removeItem: (key) => kept.delete(key),
  },
});

/** @type {any} */
const message = { id: '1', user: 'alice', content: 'said' };
let me = '';
beforeEach(() => {
  kept.clear();
  me = 'alice';
});

test('a draft is for the eyes of its author only, who finds it again', () => {
  const drafts = new Drafts(() => me);
  drafts.of('public').text.value = 'of alice';
  drafts.of('public').reply.value = message;
  drafts.of('g-1').edit(message);
  me = 'bob';
  assert.deepEqual([drafts.of('public').text.value, drafts.of('public').reply.value, drafts.of('g-1').editing.value], ['', null, null]);
  assert.equal(new Drafts(() => me).of('public').text.value, '', 'nor after a reload');
  me = 'Alice';
  assert.deepEqual([drafts.of('public').text.value, drafts.of('public').reply.value?.id, drafts.of('g-1').editing.value?.id], ['of alice', '1', '1']);
  assert.equal(new Drafts(() => me).of('public').text.value, 'of alice');
});

test('a guest who takes another name goes on writing, but not in private, and edits nothing of the old one', () => {
  const drafts = new Drafts(() => me);
  drafts.of('public').text.value = 'half a thought';
  drafts.of('public').edit(message);
  drafts.of('dm:alice:bob').text.value = 'psst';
  me = 'alicia';
  drafts.rename('alice', 'alicia');
  assert.deepEqual([drafts.of('public').text.value, drafts.of('public').editing.value], ['half a thought', null]);
  assert.equal(drafts.of('dm:alice:bob').text.value, '');
  drafts.rename('alicia', 'Alicia');
  assert.equal(drafts.of('public').text.value, 'half a thought');
});
