import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Problem } from '../../static/lib/http.js';
import { isOutboxKey, newId, Outbox } from '../../static/lib/outbox.js';

/** @typedef {import('../../static/lib/outbox.js').Entry} Entry */
/** @typedef {import('../../static/lib/store.js').Message} Message */

/** A `localStorage` that outlives its page, as the real one does. */
class Shelf {
  /** @type {Map<string, string>} */
  items = new Map();
  get length() { return this.items.size; }
  /** @param {number} index */
  key(index) { return [...this.items.keys()][index] ?? null; }
  /** @param {string} key */
  getItem(key) { return this.items.get(key) ?? null; }
  /** @param {string} key @param {string} value */
  setItem(key, value) { this.items.set(key, value); }
  /** @param {string} key */
  removeItem(key) { this.items.delete(key); }
}

/**
 * A server that stores by `client_msg_id`, as ours does.
 * @param {(attempt: number) => Error | undefined} [fault] for each attempt, from 1
 */
function server(fault = () => undefined) {
  /** @type {Map<string, Message>} */
  const stored = new Map();
  let attempts = 0;
  return {
    stored,
    get attempts() { return attempts; },
    get contents() { return [...stored.values()].map((message) => message.content); },
    /** @param {Entry} entry */
    async post({ client_msg_id, user, content }) {
      attempts += 1;
      const error = fault(attempts);
      if (error) throw error;
      const id = String(stored.size + 1);
      const message = stored.get(client_msg_id) ?? { id, client_msg_id, user, content, timestamp: '' };
      stored.set(client_msg_id, message);
      return message;
    },
  };
}

/** @param {{post: (entry: Entry) => Promise<Message>, shelf?: Shelf, mine?: (entry: Entry) => boolean}} options */
function outbox({ post, shelf = new Shelf(), mine }) {
  /** @type {{entries: Entry[], sent?: Message}[]} */
  const changes = [];
  const box = new Outbox({ shelf, post, mine, onChange: (entries, sent) => changes.push({ entries, sent }) });
  return { box, changes, shelf };
}

/** Lets everything happen that needs no time. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** Lets `ms` pass in small steps. @param {number} ms */
async function pass(ms) {
  for (let left = ms; left > 0; left -= 100) {
    mock.timers.tick(Math.min(left, 100));
    await settle();
  }
}

/** @param {() => Promise<void>} body */
async function inFakeTime(body) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  try {
    await body();
  } finally {
    mock.timers.reset();
  }
}

test('a message goes out once and leaves the shelf', async () => {
  const remote = server();
  const { box, changes, shelf } = outbox(remote);
  box.add('alice', 'hello');
  assert.equal(shelf.length, 1, 'written down before it is sent');
  await settle();
  assert.deepEqual(remote.contents, ['hello']);
  assert.equal(shelf.length, 0);
  assert.deepEqual(changes.at(-1)?.entries, []);
  assert.equal(changes.at(-1)?.sent?.content, 'hello', 'the message replaces its entry in one step');
});

test('messages go out in the order they were written, past faults of the server', () => inFakeTime(async () => {
  const remote = server((attempt) => (attempt % 2 ? new Problem(503, 'later') : undefined));
  const { box } = outbox(remote);
  for (const word of ['one', 'two', 'three']) box.add('alice', word);
  await pass(60_000);
  assert.deepEqual(remote.contents, ['one', 'two', 'three']);
}));

test('network errors, 5xx, 408, 425 and 429 are tried again with the same id', () => inFakeTime(async () => {
  const faults = [new TypeError('cut'), ...[0, 500, 408, 425, 429].map((status) => new Problem(status, ''))];
  const remote = server((attempt) => faults[attempt - 1]);
  const { box } = outbox(remote);
  box.add('alice', 'hello');
  const id = box.entries[0].client_msg_id;
  await pass(120_000);
  assert.equal(remote.attempts, faults.length + 1);
  assert.deepEqual([...remote.stored.keys()], [id]);
}));

test('Retry-After is honoured, also when somebody is impatient', () => inFakeTime(async () => {
  const remote = server((attempt) => (attempt === 1 ? new Problem(429, 'slow down', 10_000) : undefined));
  const { box } = outbox(remote);
  box.add('alice', 'hello');
  await pass(5_000);
  box.wake();
  await pass(4_900);
  assert.equal(remote.attempts, 1);
  await pass(2_000);
  assert.deepEqual(remote.contents, ['hello']);
}));

test('a wake-up cuts the pause short', () => inFakeTime(async () => {
  const remote = server((attempt) => (attempt <= 6 ? new Problem(0, 'no network') : undefined));
  const { box } = outbox(remote);
  box.add('alice', 'hello');
  for (let i = 0; i < 8; i += 1) {
    await settle();
    box.wake();
    await pass(100);
  }
  assert.deepEqual(remote.contents, ['hello']);
}));

test('a refused message waits for its author and does not hold up the others', async () => {
  const remote = server((attempt) => (attempt === 1 ? new Problem(422, 'Too rude.') : undefined));
  const { box } = outbox(remote);
  box.add('alice', 'rude');
  box.add('alice', 'kind');
  await settle();
  assert.deepEqual(remote.contents, ['kind']);
  assert.deepEqual(box.entries.map(({ content, fault }) => ({ content, fault })), [{ content: 'rude', fault: 'Too rude.' }]);
});

test('retrying keeps the id, discarding gives the text back', async () => {
  const remote = server((attempt) => (attempt <= 2 ? new Problem(400, 'No.') : undefined));
  const { box } = outbox(remote);
  box.add('alice', 'one');
  box.add('alice', 'two');
  await settle();
  const [one, two] = box.entries;
  assert.equal(box.discard(two.client_msg_id), 'two');
  box.retry(one.client_msg_id);
  await settle();
  assert.deepEqual([...remote.stored.keys()], [one.client_msg_id]);
  assert.deepEqual(box.entries, []);
});

test('a reload between sending and the answer does not post twice', async () => {
  const remote = server();
  const shelf = new Shelf();
  const lost = outbox({ shelf, post: async (entry) => { await remote.post(entry); return new Promise(() => {}); } });
  lost.box.add('alice', 'hello');
  await settle();
  const reloaded = outbox({ shelf, post: remote.post });
  reloaded.box.refresh();
  await settle();
  assert.deepEqual(remote.contents, ['hello']);
  assert.equal(shelf.length, 0);
});

test('two tabs that send at once store one message', async () => {
  const remote = server();
  const shelf = new Shelf();
  const tabs = [outbox({ shelf, post: remote.post }), outbox({ shelf, post: remote.post })];
  tabs[0].box.add('alice', 'hello');
  tabs[1].box.refresh();
  await settle();
  assert.equal(remote.stored.size, 1);
  assert.equal(shelf.length, 0);
});

test('messages written while one is sent are not forgotten', async () => {
  const remote = server();
  const { box } = outbox(remote);
  for (let i = 0; i < 50; i += 1) {
    box.add('alice', `m${i}`);
    if (i % 7 === 0) await settle();
  }
  await settle();
  assert.deepEqual(remote.contents, Array.from({ length: 50 }, (_, i) => `m${i}`));
});

test('a full shelf or none at all does not stop a message', async () => {
  for (const shelf of [undefined, Object.assign(new Shelf(), { setItem() { throw new Error('quota'); } })]) {
    const remote = server();
    const box = new Outbox({ shelf, post: remote.post, onChange: () => {} });
    box.add('alice', 'hello');
    await settle();
    assert.deepEqual(remote.contents, ['hello']);
    assert.deepEqual(box.entries, []);
  }
});

test('damaged notes on the shelf are skipped', async () => {
  const shelf = new Shelf();
  shelf.setItem('realtalk.outbox.a', '{');
  shelf.setItem('realtalk.outbox.b', '{}');
  shelf.setItem('realtalk.name', 'alice');
  const remote = server();
  const { box } = outbox({ shelf, post: remote.post });
  box.refresh();
  await settle();
  assert.equal(remote.attempts, 0);
  assert.deepEqual(box.entries, []);
});

test('a message keeps its conversation and what it answers, over a reload', async () => {
  const shelf = new Shelf();
  outbox({ shelf, post: () => new Promise(() => {}) }).box.add('alice', 'hello', { conversation_id: 'g-1', reply_to: '7' });
  /** @type {Entry[]} */
  const posted = [];
  const remote = server();
  const reloaded = outbox({ shelf, post: (entry) => { posted.push(entry); return remote.post(entry); } });
  reloaded.box.refresh();
  await settle();
  assert.deepEqual(posted.map(({ conversation_id, reply_to }) => [conversation_id, reply_to]), [['g-1', '7']]);
});

test('the end of the session is no fault of a message: it waits, and goes out after the next sign-in', async () => {
  const remote = server((attempt) => (attempt === 1 ? new Problem(401, 'Sign in.') : undefined));
  const { box } = outbox(remote);
  box.add('alice', 'hello');
  await settle();
  assert.deepEqual(box.entries.map(({ content, fault }) => [content, fault]), [['hello', undefined]]);
  assert.equal(remote.attempts, 1, 'nothing is tried before somebody signs in');
  box.refresh();
  await settle();
  assert.deepEqual(remote.contents, ['hello']);
});

test('what somebody else has written waits for them and holds up nobody', async () => {
  const remote = server();
  let me = 'bob';
  const { box } = outbox({ post: remote.post, mine: ({ user }) => user === me });
  box.add('alice', 'from alice');
  box.add('bob', 'from bob');
  await settle();
  assert.deepEqual(remote.contents, ['from bob']);
  me = 'alice';
  box.refresh();
  await settle();
  assert.deepEqual(remote.contents, ['from bob', 'from alice']);
});

test('a guest who takes another name takes along what is unsent', async () => {
  const remote = server();
  let me = '';
  const { box } = outbox({ post: remote.post, mine: ({ user }) => user === me });
  box.add('alice', 'to all');
  box.add('alice', 'in private', { conversation_id: 'dm:alice:bob' });
  box.readdress('alice', 'alicia', ({ conversation_id }) => conversation_id === undefined);
  me = 'alicia';
  box.refresh();
  await settle();
  assert.deepEqual([...remote.stored.values()].map(({ user, content }) => [user, content]), [['alicia', 'to all']]);
});

test('ids are long, random and safe in a header', () => {
  const ids = new Set(Array.from({ length: 1_000 }, newId));
  assert.equal(ids.size, 1_000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test('a cleared shelf concerns the outbox', () => {
  assert.ok(isOutboxKey(null));
  assert.ok(isOutboxKey('realtalk.outbox.x'));
  assert.ok(!isOutboxKey('realtalk.name'));
});
