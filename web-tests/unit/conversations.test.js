import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyEvent, applyRead, applySent, counted, ordered, other, progress, snapshot, title,
} from '../../static/lib/conversations.js';
import { Village } from './stage/village.js';

/** @typedef {import('../../static/lib/conversations.js').Conversation} Conversation */
/** @typedef {import('../../static/lib/conversations.js').List} List */
/** @typedef {import('../../static/lib/store.js').StreamEvent} StreamEvent */

const ME = 'alice';

/** @param {number} number */
const id = (number) => `20240101120000.${String(number).padStart(6, '0')}`;

/** @param {number} seq @param {object} [fields] */
const message = (seq, fields) => ({
  type: 'message', id: id(seq), conversation_id: 'dm:alice:bob', seq, user: 'bob', content: `message ${seq}`,
  timestamp: `2024-01-01T12:00:${String(seq).padStart(2, '0')}Z`, ...fields,
});

/** @param {Partial<Conversation>} [fields] @returns {Conversation} */
const direct = (fields) => ({
  id: 'dm:alice:bob', kind: 'direct', last_seq: 0, unread: 0, mentions: 0, read_seq: 0,
  members: [{ user: 'alice', role: 'member', read_seq: 0, delivered_seq: 0 }, { user: 'bob', role: 'member', read_seq: 0, delivered_seq: 0 }],
  ...fields,
});

/** @param {List} list @param {string} [which] */
const one = (list, which = 'dm:alice:bob') => /** @type {Conversation} */ (list.byId.get(which));

test('the public room is always there', () => {
  assert.deepEqual(ordered(snapshot([], '')).map((each) => each.id), ['public']);
});

test('the newest activity comes first', () => {
  const list = snapshot([
    direct({ id: 'dm:alice:old', last_message: message(1) }), direct({ last_message: message(9) }), direct({ id: 'g-1', kind: 'group', created_at: '2024-01-01T12:00:05Z' }),
  ], '');
  assert.deepEqual(ordered(list).map((each) => each.id), ['dm:alice:bob', 'g-1', 'dm:alice:old', 'public']);
});

test('a message by somebody else is unread once, however often it is told', () => {
  let list = snapshot([direct()], id(0));
  for (const event of [message(1), message(1), message(2), message(1)]) list = applyEvent(list, event, ME);
  assert.deepEqual([one(list).unread, one(list).last_seq, one(list).last_message?.id], [2, 2, id(2)]);
  assert.equal(applyEvent(list, message(2), ME), list);
});

test('own and deleted messages are not unread, mentions are counted', () => {
  let list = snapshot([direct()], id(0));
  const events = [message(1, { user: 'ALICE' }), message(2, { deleted: true }), message(3, { mentions: ['Alice'] }), message(4)];
  for (const event of events) list = applyEvent(list, event, ME);
  assert.deepEqual([one(list).unread, one(list).mentions], [2, 1]);
});

test('an own message that is answered before its event does not hide what came in between', () => {
  let list = applySent(snapshot([direct()], id(0)), message(3, { user: 'alice' }));
  assert.equal(one(list).last_seq, 3);
  for (const event of [message(1), message(2), message(3, { user: 'alice' })]) list = applyEvent(list, event, ME);
  assert.equal(one(list).unread, 2);
});

test('counts stop at 100', () => {
  let list = snapshot([direct({ unread: 99, last_seq: 99 })], id(0));
  for (const seq of [100, 101, 102]) list = applyEvent(list, message(seq), ME);
  assert.equal(one(list).unread, 100);
});

test('reading to the end clears, on this device and on another', () => {
  const list = snapshot([direct({ unread: 3, mentions: 1, last_seq: 3 })], id(3));
  const read = applyRead(list, 'dm:alice:bob', 3);
  assert.deepEqual([one(read).unread, one(read).mentions, read.unsure], [0, 0, false]);
  assert.equal(applyRead(read, 'dm:alice:bob', 3), read);
  const receipt = { type: 'receipt', conversation_id: 'dm:alice:bob', user: 'Alice', read_seq: 3, delivered_seq: 3 };
  assert.equal(one(applyEvent(list, receipt, ME)).unread, 0);
});

test('reading a part leaves a doubt that only the service can settle', () => {
  const list = applyRead(snapshot([direct({ unread: 5, last_seq: 9 })], id(9)), 'dm:alice:bob', 6);
  assert.ok(list.unsure);
  assert.equal(one(list).unread, 3, 'no more than there are');
});

test('markers only move forward', () => {
  /** @param {number} read_seq @param {number} delivered_seq */
  const receipt = (read_seq, delivered_seq) => ({ type: 'receipt', conversation_id: 'dm:alice:bob', user: 'bob', read_seq, delivered_seq });
  const list = applyEvent(snapshot([direct({ last_seq: 5 })], id(5)), receipt(3, 5), ME);
  assert.equal(applyEvent(list, receipt(2, 4), ME), list);
  const { read_seq, delivered_seq } = one(list).members?.[1] ?? {};
  assert.deepEqual([read_seq, delivered_seq], [3, 5]);
});

test('ticks tell how far the slowest of the others has come', () => {
  const group = direct({ kind: 'group', members: [
    { user: 'alice', role: 'owner', read_seq: 9, delivered_seq: 9 }, { user: 'bob', role: 'member', read_seq: 4, delivered_seq: 4 },
    { user: 'eve', role: 'member', read_seq: 2, delivered_seq: 3 },
  ] });
  assert.deepEqual([2, 3, 4, 5].map((seq) => progress(group, seq, ME)), ['read', 'delivered', 'sent', 'sent']);
  assert.equal(progress({ ...group, kind: 'room' }, 1, ME), 'sent');
  assert.equal(progress(direct({ members: [{ user: 'alice', role: 'member', read_seq: 9 }] }), 1, ME), 'sent', 'nobody else is there');
});

test('a conversation is called by its name, a direct one by the other person', () => {
  assert.equal(title(direct(), 'ALICE'), 'bob');
  assert.equal(title(direct({ kind: 'group', name: 'Tea' }), ME), 'Tea');
  assert.equal(title(direct({ kind: 'room', id: 'ops' }), ME), 'ops');
  assert.equal(other(direct({ members: undefined }), ME), 'bob');
  assert.equal(other(direct({ id: 'dm:alice:alice', members: [{ user: 'Alice', role: 'member' }] }), ME), 'Alice', 'with oneself');
});

test('one comes into a group and goes, by the events about it', () => {
  const conversation = { id: 'g-1', kind: 'group', name: 'Tea', last_seq: 0, members: [{ user: 'bob', role: 'owner' }, { user: 'alice', role: 'member' }] };
  const events = /** @type {StreamEvent[]} */ ([
    { type: 'conversation', id: id(1), conversation_id: 'g-1', action: 'joined', conversation },
    { type: 'conversation', id: id(2), conversation_id: 'g-1', action: 'updated', conversation: { ...conversation, name: 'Coffee' } },
    { type: 'member', id: id(3), conversation_id: 'g-1', user: 'eve', action: 'joined', role: 'member' },
    { type: 'member', id: id(4), conversation_id: 'g-1', user: 'bob', action: 'left' },
    { type: 'member', id: id(5), conversation_id: 'g-1', user: 'alice', action: 'role', role: 'owner' },
  ]);
  const list = events.reduce((each, event) => applyEvent(each, event, ME), snapshot([], id(0)));
  assert.deepEqual(one(list, 'g-1').members?.map(({ user, role }) => [user, role]), [['alice', 'owner'], ['eve', 'member']]);
  assert.deepEqual([one(list, 'g-1').name, one(list, 'g-1').role], ['Coffee', 'owner']);
  assert.ok(list.unsure, 'what is unread there, the events cannot say');
  for (const action of ['left']) {
    assert.ok(!applyEvent(list, { type: 'member', id: id(6), conversation_id: 'g-1', user: 'Alice', action }, ME).byId.has('g-1'));
    assert.ok(!applyEvent(list, { type: 'conversation', id: id(6), conversation_id: 'g-1', action }, ME).byId.has('g-1'));
  }
});

test('who comes to a room and goes is counted, once', () => {
  const room = { id: 'tea', kind: 'room', name: 'Tea', last_seq: 0, unread: 0, mentions: 0, read_seq: 0, member_count: 2 };
  const move = (/** @type {number} */ n, /** @type {string} */ action) => ({ type: 'member', id: id(n), conversation_id: 'tea', user: 'bob', action });
  const events = [move(2, 'joined'), move(4, 'joined'), move(4, 'joined'), move(5, 'role'), move(6, 'left'), move(4, 'joined')];
  const list = events.reduce((before, event) => applyEvent(before, event, ME), snapshot([/** @type {any} */ (room)], id(3)));
  assert.equal(one(list, 'tea').member_count, 2, 'what the snapshot knows does not count again');
  assert.equal(one(applyEvent(list, move(7, 'joined'), ME), 'tea').member_count, 3);
});

test('what the list has been loaded with is not applied again', () => {
  const list = snapshot([direct()], id(5));
  const left = { type: 'conversation', id: id(4), conversation_id: 'dm:alice:bob', action: 'left' };
  assert.equal(applyEvent(list, left, ME), list);
});

test('a private message of an unknown conversation is a reason to ask, one of a room is not', () => {
  const list = snapshot([], id(0));
  assert.ok(applyEvent(list, message(1), ME).unsure);
  assert.equal(applyEvent(list, message(1, { conversation_id: 'ops' }), ME), list);
});

test('a snapshot and the events after it are what a fresh snapshot says', () => {
  let sure = 0;
  for (let seed = 1; seed <= 300; seed += 1) {
    const village = new Village(seed, ME);
    for (let i = 0; i < 20; i += 1) village.live();
    const from = village.events.length;
    // The cursor is read before the list: some events after it may be in the list already.
    const cursor = village.cursor;
    const early = Math.floor(village.random() * 4);
    for (let i = 0; i < early; i += 1) village.live();
    let list = snapshot(village.list(), cursor);
    for (let i = 0; i < 40; i += 1) village.live();
    /** @type {StreamEvent[]} */
    const told = [];
    for (const event of village.events.slice(Math.max(0, from - 5))) {
      told.push(event);
      // Now and then a part is told again, as after a reconnect.
      if (village.random() < 0.1) told.push(...told.slice(-3));
    }
    for (const event of told) {
      list = applyEvent(list, event, ME);
      // A doubt means: ask. The answer is ahead of the events that still come.
      if (list.unsure) list = snapshot(village.list(), village.cursor);
      else sure += 1;
    }
    assert.deepEqual(sketch(ordered(list)), sketch(ordered(snapshot(village.list(), village.cursor))), `seed ${seed}`);
  }
  assert.ok(sure > 5_000, `only ${sure} events were applied without asking`);
});

test('nobody is asked again because of messages, reactions and the others\' receipts', () => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const village = new Village(seed, ME);
    for (let i = 0; i < 20; i += 1) village.live();
    let list = snapshot(village.list(), village.cursor);
    const from = village.events.length;
    for (let i = 0; i < 40; i += 1) village.talk();
    for (const event of village.events.slice(from)) list = applyEvent(list, event, ME);
    assert.ok(!list.unsure, `seed ${seed}`);
    assert.deepEqual(sketch(ordered(list)), sketch(ordered(snapshot(village.list(), village.cursor))), `seed ${seed}`);
  }
});

/** What the screen shows of a list. @param {Conversation[]} conversations */
function sketch(conversations) {
  return conversations.map(({ id: which, name, unread, mentions, last_message, members = [] }) => ({
    which, name, unread, mentions, last: [last_message?.id, last_message?.content, last_message?.deleted ?? false],
    members: members.map(({ user, role, read_seq = 0, delivered_seq = 0 }) => [user, role, read_seq, delivered_seq].join(' ')).sort(),
  }));
}

test('counts are said as far as they are exact', () => {
  assert.deepEqual([0, 1, 99, 100, 250].map(counted), ['0', '1', '99', '99+', '99+']);
});
