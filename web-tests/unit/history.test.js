import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../../static/lib/http.js';
import { History } from '../../static/lib/history.js';

/** @typedef {import('../../static/lib/store.js').Message} Message */

/** @param {number} seq @param {object} [fields] */
const message = (seq, fields) => ({
  type: 'message', id: `20240101120000.${String(seq).padStart(6, '0')}`, conversation_id: 'g-1', seq, user: 'bob',
  content: `message ${seq}`, timestamp: '2024-01-01T12:00:00Z', ...fields,
});

/** A service with a number of messages, whose answers the test lets go. @param {number} count */
function service(count) {
  /** @type {Message[]} */
  const messages = Array.from({ length: count }, (_, i) => message(i + 1));
  /** @type {(() => void)[]} */
  const held = [];
  const self = {
    messages,
    hold: false,
    asked: 0,
    release: () => held.splice(0).forEach((go) => go()),
    /** @param {string} _id @param {string} [before] @param {number} [limit] */
    async page(_id, before, limit = 50) {
      self.asked += 1;
      const known = messages.filter(({ id }) => !before || id < before);
      const answer = { messages: known.slice(-limit), more: known.length > limit, cursor: messages.at(-1)?.id ?? '' };
      if (self.hold) await new Promise((resolve) => held.push(() => resolve(undefined)));
      return answer;
    },
    /** @param {string} id @returns {Promise<Message>} */
    async message(id) {
      const found = messages.find((each) => each.id === id);
      if (!found) throw new Problem(404, 'gone');
      return found;
    },
    react: async () => {
      throw new Problem(403, 'Not here.');
    },
  };
  return self;
}

/** @param {ReturnType<typeof service>} remote */
const historyOf = (remote) => new History(/** @type {any} */ (remote), 'g-1');
/** @param {History} history */
const seqs = (history) => history.log.value.messages.map(({ seq }) => seq);
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('the newest page is loaded once, however many ask for it', async () => {
  const remote = service(120);
  const history = historyOf(remote);
  await Promise.all([history.load(), history.load()]);
  await history.load();
  assert.deepEqual([remote.asked, seqs(history).length, seqs(history).at(-1)], [1, 50, 120]);
});

test('what is heard while a page is on its way is not lost, and not undone by the page', async () => {
  const remote = service(3);
  const history = historyOf(remote);
  remote.hold = true;
  const loading = history.load();
  await settle();
  const changed = { ...message(2), content: 'changed' };
  history.apply(message(4));
  history.apply({ type: 'message_updated', id: message(5).id, conversation_id: 'g-1', message: changed });
  remote.release();
  await loading;
  assert.deepEqual(seqs(history), [1, 2, 3, 4]);
  assert.equal(history.find(changed.id)?.content, 'changed');
});

test('a quoted message is brought into view from far back', async () => {
  const remote = service(900);
  const history = historyOf(remote);
  await history.load();
  assert.ok(await history.reach(message(3).id));
  assert.equal(seqs(history)[0], 1);
  assert.ok(!(await history.reach('20230101000000.000000')));
});

test('what is loaded to reach a message is not let go of on the way', async () => {
  const remote = service(900);
  const history = historyOf(remote);
  await history.load();
  // A timeline that shows the end lets go of the past each time something has changed.
  const stop = history.log.subscribe(() => queueMicrotask(() => history.forget()));
  assert.ok(await history.reach(message(300).id));
  assert.ok(remote.asked < 6, `${remote.asked} pages`);
  history.reaching = false;
  history.forget();
  stop();
  assert.equal(seqs(history).length, 300, 'at the end again');
});

test('a message is reached while a page is on its way already', async () => {
  const remote = service(200);
  const history = historyOf(remote);
  await history.load();
  remote.hold = true;
  const page = history.loadOlder();
  const reached = history.reach(message(120).id);
  await settle();
  remote.hold = false;
  remote.release();
  await page;
  assert.ok(await reached);
});

test('what is quoted is looked up once, also when it is gone', async () => {
  const remote = service(200);
  const history = historyOf(remote);
  await history.load();
  assert.equal(history.quoted(message(200).id)?.content, 'message 200', 'from what is loaded');
  assert.equal(history.quoted(message(1).id), undefined);
  await settle();
  assert.equal(history.quoted(message(1).id)?.content, 'message 1');
  history.quoted('20230101000000.000000');
  await settle();
  assert.equal(history.quoted('20230101000000.000000'), null);
});

test('a reaction that the service refuses is taken back', async () => {
  const history = historyOf(service(1));
  await history.load();
  const refused = history.react(message(1).id, 'alice', '👍', true);
  assert.deepEqual(history.find(message(1).id)?.reactions, [{ emoji: '👍', users: ['alice'], count: 1 }]);
  await assert.rejects(refused, { status: 403 });
  assert.deepEqual(history.find(message(1).id)?.reactions, []);
});

test('gaps are filled page by page', async () => {
  const remote = service(300);
  const history = historyOf(remote);
  await history.load();
  for (let seq = 301; seq <= 420; seq += 1) remote.messages.push(message(seq));
  history.apply(message(420));
  await history.fillGaps();
  assert.deepEqual(seqs(history), Array.from({ length: 170 }, (_, i) => 251 + i));
});
