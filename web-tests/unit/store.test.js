import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyEvent, applyPage, EMPTY, findGap, react, readMessage, startOver, trim } from '../../static/lib/store.js';
import { generator } from './stage/random.js';

/** @typedef {import('../../static/lib/store.js').Log} Log */
/** @typedef {import('../../static/lib/store.js').StreamEvent} StreamEvent */

/** @param {number} number */
const id = (number) => `20240101120000.${String(number).padStart(6, '0')}`;

/** @param {number} seq */
const message = (seq) => ({
  type: 'message',
  id: id(seq),
  seq,
  user: 'alice',
  content: `message ${seq}`,
  timestamp: '2024-01-01T12:00:00Z',
});

/** @param {number} from @param {number} to */
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));

/** @param {'message_updated' | 'message_deleted'} type @param {number} seq @param {number} at @param {object} [fields] */
const changed = (type, seq, at, fields) => ({ type, id: id(at), message: { ...message(seq), ...fields } });

/** @param {number[]} seqs @param {boolean} [more] @returns {Log} */
const roomOf = (seqs, more = false) => ({ messages: seqs.map(message), more });

/** @param {Log} room */
const seqs = (room) => room.messages.map(({ seq }) => seq);

test('a message arrives once, however often it is told', () => {
  const once = applyEvent(EMPTY, message(1));
  assert.deepEqual(seqs(once), [1]);
  assert.equal(applyEvent(once, message(1)), once);
});

test('any order and any repetition of events leads to the same room', () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = generator(seed);
    const events = range(1, 20);
    const shuffled = [...events, ...events].sort(() => random() - 0.5);
    const room = shuffled.reduce((log, event) => applyEvent(log, event), EMPTY);
    assert.deepEqual(seqs(room), seqs(roomOf(range(1, 20).map(({ seq }) => seq ?? 0))), `seed ${seed}`);
  }
});

test('events do not change the room they are applied to', () => {
  const room = Object.freeze({ messages: Object.freeze([message(1)]), more: false });
  applyEvent(room, message(2));
  applyEvent(room, changed('message_updated', 1, 3, { content: 'x' }));
  applyEvent(room, { type: 'reaction', id: id(4), message_id: id(1), reactions: [{ emoji: '👍', users: ['bob'], count: 1 }] });
  assert.deepEqual(seqs(room), [1]);
});

test('an edit changes the message in place and a replayed original does not undo it', () => {
  const edit = changed('message_updated', 1, 3, { content: 'better', edited_at: '2024-01-01T12:01:00Z' });
  const room = applyEvent(roomOf([1, 2]), edit);
  assert.equal(room.messages[0].content, 'better');
  assert.equal(applyEvent(room, edit), room);
  assert.equal(applyEvent(room, message(1)).messages[0].content, 'better');
});

test('a deletion leaves a tombstone that nothing brings back to life', () => {
  const room = applyEvent(roomOf([1, 2]), changed('message_deleted', 1, 3));
  assert.equal(room.messages[0].deleted, true);
  assert.equal(room.messages[0].content, '');
  assert.equal(applyEvent(room, changed('message_updated', 1, 4, { content: 'zombie' })), room);
  assert.equal(applyEvent(room, { type: 'reaction', id: id(5), message_id: id(1), reactions: [{ emoji: '👍', users: ['bob'], count: 1 }] }), room);
});

test('unknown events and unknown messages change nothing', () => {
  const room = roomOf([5]);
  assert.equal(applyEvent(room, { ...message(5), type: 'party' }), room);
  assert.equal(applyEvent(room, changed('message_updated', 6, 7)), room);
  assert.equal(applyEvent(room, changed('message_deleted', 6, 7)), room);
  assert.equal(applyEvent(room, { type: 'reaction', id: id(8), message_id: id(6), reactions: [] }), room);
  assert.equal(applyEvent(room, { type: 'message_updated', id: id(9) }), room);
});

test('of two changes the later one stays, whatever comes first', () => {
  const [first, second] = [changed('message_updated', 1, 3, { content: 'first' }), changed('message_updated', 1, 4, { content: 'second' })];
  for (const events of [[first, second], [second, first], [first, second, first]]) {
    const room = events.reduce((log, event) => applyEvent(log, event), roomOf([1, 2]));
    assert.equal(room.messages[0].content, 'second');
  }
});

test('a page holds every change up to its cursor: those told again change nothing, later ones do', () => {
  const page = { messages: [{ ...message(1), content: 'edited' }], more: false, cursor: id(5) };
  const room = startOver(EMPTY, page);
  assert.equal(applyEvent(room, changed('message_updated', 1, 4, { content: 'older' })), room);
  assert.equal(applyEvent(room, changed('message_updated', 1, 6, { content: 'newer' })).messages[0].content, 'newer');
});

test('a page that comes late does not undo a change, a fresh one brings those that were missed', () => {
  const room = applyEvent(roomOf([1, 2]), changed('message_updated', 1, 6, { content: 'newer' }));
  /** @param {number} cursor @param {string} content */
  const page = (cursor, content) => ({ messages: [{ ...message(1), content }], more: false, cursor: id(cursor) });
  assert.equal(applyPage(room, page(5, 'late')).messages[0].content, 'newer');
  assert.equal(applyPage(room, page(7, 'fresh')).messages[0].content, 'fresh');
});

test('a reaction event brings the whole list, each time', () => {
  const event = { type: 'reaction', id: id(3), message_id: id(1), reactions: [{ emoji: '👍', users: ['bob', 'eve'], count: 2 }] };
  const room = applyEvent(roomOf([1, 2]), event);
  assert.deepEqual(room.messages[0].reactions, event.reactions);
  assert.equal(applyEvent(room, event), room);
});

test('an own reaction shows at once, and the event about it changes nothing more', () => {
  const given = react(roomOf([1]), id(1), 'alice', '👍', true);
  assert.deepEqual(given.messages[0].reactions, [{ emoji: '👍', users: ['alice'], count: 1 }]);
  const told = applyEvent(given, { type: 'reaction', id: id(3), message_id: id(1), reactions: [{ emoji: '👍', users: ['alice'], count: 1 }] });
  assert.deepEqual(told.messages[0].reactions, given.messages[0].reactions);
  assert.deepEqual(react(given, id(1), 'alice', '👍', true).messages[0].reactions, given.messages[0].reactions);
  assert.deepEqual(react(given, id(1), 'alice', '👍', false).messages[0].reactions, []);
});

test('of many who share a reaction all are counted, and oneself is not forgotten among the unnamed', () => {
  const users = Array.from({ length: 50 }, (_, n) => `u${n}`);
  /** @param {number} event @param {string} action @param {string} user @param {number} count */
  const told = (event, action, user, count) => ({
    type: 'reaction', id: id(event), message_id: id(1), action, user, emoji: '👍', reactions: [{ emoji: '👍', users, count }],
  });
  const many = applyEvent(roomOf([1, 2]), told(3, 'added', 'u49', 50));
  const given = react(many, id(1), 'alice', '👍', true);
  assert.deepEqual(given.messages[0].reactions, [{ emoji: '👍', users: [...users, 'alice'], count: 51 }]);
  const confirmed = applyEvent(given, told(4, 'added', 'alice', 51));
  assert.deepEqual(confirmed.messages[0].reactions, given.messages[0].reactions);
  const joined = applyEvent(confirmed, told(5, 'added', 'bob', 52));
  assert.deepEqual(joined.messages[0].reactions?.[0], { emoji: '👍', users: [...users, 'alice', 'bob'], count: 52 });
  const left = applyEvent(joined, told(6, 'removed', 'alice', 51));
  assert.deepEqual(left.messages[0].reactions?.[0], { emoji: '👍', users: [...users, 'bob'], count: 51 });
  const back = react(joined, id(1), 'alice', '👍', false);
  assert.deepEqual(back.messages[0].reactions, left.messages[0].reactions);
});

test('a message from before the loaded part waits for its page', () => {
  const room = roomOf([5, 6], true);
  assert.equal(applyEvent(room, message(2)), room);
  assert.deepEqual(seqs(applyEvent(roomOf([5, 6]), message(2))), [2, 5, 6]);
});

test('an older page goes in front and says whether there is more', () => {
  const room = applyPage(roomOf([4, 5], true), { messages: range(1, 3), more: false, cursor: '' });
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5]);
  assert.equal(room.more, false);
  assert.equal(applyPage(roomOf([4], true), { messages: [], more: false, cursor: '' }).more, false);
});

test('a page that fills a gap does not decide whether there is more before it', () => {
  const room = applyPage(roomOf([1, 2, 6], false), { messages: range(3, 5), more: true, cursor: '' });
  assert.deepEqual(seqs(room), [1, 2, 3, 4, 5, 6]);
  assert.equal(room.more, false);
});

test('starting over replaces all but what is newer than the page', () => {
  const page = { messages: range(100, 102), more: true, cursor: message(102).id };
  const room = startOver(roomOf([1, 2, 103]), page);
  assert.deepEqual(seqs(room), [100, 101, 102, 103]);
  assert.equal(room.more, true);
});

test('starting over does not bring back what was removed from the page', () => {
  const room = startOver(roomOf([1, 2, 3]), { messages: [message(3)], more: false, cursor: message(3).id });
  assert.deepEqual(seqs(room), [3]);
});

test('gaps are found from the newest to the oldest', () => {
  assert.equal(findGap(roomOf([1, 2, 3])), undefined);
  assert.equal(findGap(EMPTY), undefined);
  const gap = findGap(roomOf([1, 2, 5, 6, 9]));
  assert.deepEqual([gap?.after.seq, gap?.before.seq], [6, 9]);
  const next = findGap(roomOf([1, 2, 5, 6, 9]), new Set([message(9).id]));
  assert.deepEqual([next?.after.seq, next?.before.seq], [2, 5]);
});

test('messages without a number have no gaps', () => {
  const { seq: _, ...bare } = message(5);
  assert.equal(findGap({ messages: [message(1), bare], more: false }), undefined);
});

test('what is trimmed can be loaded again', () => {
  const room = trim(roomOf([1, 2, 3]), 2);
  assert.deepEqual(seqs(room), [2, 3]);
  assert.equal(room.more, true);
  const small = roomOf([1]);
  assert.equal(trim(small, 2), small);
});

test('a broadcast without the fields of a stored message can still be shown', () => {
  const bare = readMessage({ content: 'server restarts at noon' }, '9');
  assert.deepEqual([bare?.id, bare?.user, bare?.content], ['9', 'unknown', 'server restarts at noon']);
  assert.ok(!Number.isNaN(Date.parse(bare?.timestamp ?? '')));
  assert.equal(readMessage({ id: 1, user: 2, content: 3, timestamp: 'noon' })?.content, '3');
  assert.deepEqual(readMessage(message(1)), message(1));
  const odd = { seq: 'x', conversation_id: 7, client_msg_id: {}, reply_to: [], edited_at: 1, deleted: 'no', mentions: 'abc', reactions: 'abc' };
  const { seq, ...whole } = message(1);
  assert.deepEqual(readMessage({ ...message(1), ...odd }), whole);
  assert.equal(readMessage({ ...message(1), reactions: [{ emoji: '👍' }] })?.reactions, undefined);
  for (const useless of [null, undefined, 'text', 7, {}]) assert.equal(readMessage(useless), undefined);
});
