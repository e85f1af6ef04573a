import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Stream } from '../../static/lib/stream.js';

/** An EventSource whose server is the test. */
class Pipe extends EventTarget {
  /** @type {Pipe[]} */
  static all = [];
  closed = false;
  /** @type {((event: MessageEvent) => void) | null} */
  onmessage = null;
  /** @type {(() => void) | null} */
  onerror = null;

  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    Pipe.all.push(this);
  }

  close() {
    this.closed = true;
  }

  /** @param {string} name @param {object | string} [data] @param {string} [id] */
  say(name, data = {}, id = '') {
    const text = typeof data === 'string' ? data : JSON.stringify(data);
    const event = new MessageEvent(name, { data: text, lastEventId: id });
    if (name === 'message') this.onmessage?.(event);
    else this.dispatchEvent(event);
  }

  fail() {
    this.onerror?.();
  }

  static get latest() {
    return /** @type {Pipe} */ (Pipe.all.at(-1));
  }

  static get open() {
    return Pipe.all.filter((pipe) => !pipe.closed);
  }
}

/** @param {{prepare?: () => Promise<string>}} [options] */
function supervise({ prepare = async () => `/events?${Pipe.all.length}` } = {}) {
  /** @type {{phase: string, until?: number}[]} */
  const states = [];
  /** @type {string[]} */
  const reasons = [];
  /** @type {string[]} */
  const resets = [];
  /** @type {{type: string, id?: string, cursor: string}[]} */
  const events = [];
  const stream = new Stream({
    prepare,
    onEvent: ({ type, id }, cursor) => events.push({ type, id, cursor }),
    onReset: (cursor) => resets.push(cursor),
    onChange: (state) => states.push(state),
    onReauth: (reason) => reasons.push(reason),
    open: (url) => /** @type {any} */ (new Pipe(url)),
  });
  return { stream, states, events, resets, reasons, get phase() { return states.at(-1)?.phase; } };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

/** @param {number} ms */
async function pass(ms) {
  for (let left = ms; left > 0; left -= 500) {
    mock.timers.tick(Math.min(left, 500));
    await settle();
  }
}

beforeEach(() => {
  Pipe.all = [];
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
});
afterEach(() => mock.timers.reset());

test('it is live only once the server has said something', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  assert.equal(supervised.phase, 'connecting');
  Pipe.latest.say('ready');
  assert.equal(supervised.phase, 'live');
});

test('messages and updates are delivered with the cursor, other names are ignored', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  Pipe.latest.say('message', { type: 'message', id: '1' }, '1');
  Pipe.latest.say('message_updated', { type: 'message', id: '1' }, '2');
  Pipe.latest.say('message_deleted', { id: '1' }, '3');
  Pipe.latest.say('party', { id: '9' }, '4');
  Pipe.latest.say('message', 'not json', '5');
  Pipe.latest.say('message', 'null', '6');
  Pipe.latest.say('message_deleted', 'null', '7');
  assert.deepEqual(supervised.events, [
    { type: 'message', id: '1', cursor: '1' },
    { type: 'message_updated', id: '1', cursor: '2' },
    { type: 'message_deleted', id: '1', cursor: '3' },
  ]);
});

test('what is in the log has an id, what only matters now has none', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  for (const name of ['reaction', 'conversation', 'member']) Pipe.latest.say(name, { type: name, id: '1' }, '1');
  for (const name of ['reaction', 'conversation', 'member']) Pipe.latest.say(name, { type: name }, '1');
  for (const name of ['typing', 'presence', 'receipt']) Pipe.latest.say(name, { type: name }, '1');
  for (const name of ['typing', 'presence', 'receipt']) Pipe.latest.say(name, 'not json', '1');
  assert.deepEqual(supervised.events.map(({ type, id }) => [type, id]), [
    ['reaction', '1'], ['conversation', '1'], ['member', '1'], ['typing', undefined], ['presence', undefined], ['receipt', undefined],
  ]);
});

test('a stream that is opened again is one stream', async () => {
  const supervised = supervise();
  supervised.stream.reopen();
  await settle();
  assert.equal(Pipe.all.length, 0, 'what has stopped stays so');
  supervised.stream.start();
  await settle();
  Pipe.latest.say('ready');
  supervised.stream.reopen();
  await settle();
  assert.deepEqual([Pipe.all.length, Pipe.open.length], [2, 1]);
});

test('reauth is passed on with its reason, and the stream comes back', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  Pipe.latest.say('ready');
  Pipe.latest.say('reauth', { type: 'reauth', reason: 'signed_out' });
  assert.deepEqual(supervised.reasons, ['signed_out']);
  await pass(3_000);
  assert.equal(Pipe.open.length, 1);
});

test('every kind of failure is retried for ever, with one pipe open at a time', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  for (let i = 0; i < 40; i += 1) {
    Pipe.latest.fail();
    assert.equal(supervised.phase, 'waiting');
    assert.equal(Pipe.open.length, 0);
    await pass(31_000);
    assert.equal(Pipe.open.length, 1);
  }
  Pipe.latest.say('ready');
  assert.equal(supervised.phase, 'live');
});

test('the announced time is when it tries', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  Pipe.latest.fail();
  const until = supervised.states.at(-1)?.until ?? 0;
  assert.ok(until > Date.now() && until <= Date.now() + 2_000);
  mock.timers.tick(until - Date.now());
  await settle();
  assert.equal(Pipe.all.length, 2);
});

test('a failing preparation is a failure like any other', async () => {
  let broken = true;
  const supervised = supervise({ prepare: async () => { if (broken) throw new Error('503'); return '/events'; } });
  supervised.stream.start();
  await settle();
  assert.equal(supervised.phase, 'waiting');
  broken = false;
  await pass(3_000);
  assert.equal(Pipe.open.length, 1);
});

test('it waits as long as the server asked for', async () => {
  let attempts = 0;
  const supervised = supervise({
    prepare: async () => {
      attempts += 1;
      throw Object.assign(new Error('429'), { retryAfter: 20_000 });
    },
  });
  supervised.stream.start();
  await settle();
  supervised.stream.check();
  await pass(19_000);
  assert.equal(attempts, 1);
  await pass(4_000);
  assert.equal(attempts, 2);
});

test('silence is noticed after 40 s, a heartbeat is not silence', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  Pipe.latest.say('ready');
  await pass(39_000);
  Pipe.latest.say('heartbeat');
  await pass(39_000);
  assert.equal(supervised.phase, 'live');
  await pass(1_500);
  assert.notEqual(supervised.phase, 'live');
  await pass(3_000);
  assert.equal(Pipe.open.length, 1);
  assert.equal(Pipe.all.length, 2);
});

test('busy closes and comes back', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  Pipe.latest.say('busy');
  assert.equal(Pipe.open.length, 0);
  await pass(20_000);
  assert.equal(Pipe.open.length, 1);
});

test('reset asks for a fresh start and reconnects', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  Pipe.latest.say('ready');
  Pipe.latest.say('reset', { reason: 'expired', cursor: '9' });
  assert.deepEqual(supervised.resets, ['9']);
  await pass(3_000);
  assert.equal(Pipe.open.length, 1);
});

test('a hint or a click cuts the wait short', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  for (let i = 0; i < 8; i += 1) {
    Pipe.latest.fail();
    await pass(31_000);
  }
  Pipe.latest.fail();
  supervised.stream.check();
  await pass(500);
  assert.equal(Pipe.open.length, 1);
  Pipe.latest.fail();
  supervised.stream.tryNow();
  await settle();
  assert.equal(Pipe.open.length, 1);
});

test('a hint leaves a healthy stream alone and replaces a stale one', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  Pipe.latest.say('ready');
  await pass(10_000);
  supervised.stream.check();
  await settle();
  assert.equal(Pipe.all.length, 1);
  await pass(15_000);
  supervised.stream.check();
  await settle();
  assert.equal(Pipe.all.length, 2);
  assert.equal(Pipe.open.length, 1);
});

test('stopping during the preparation opens nothing', async () => {
  /** @type {(url: string) => void} */
  let answer = () => {};
  const supervised = supervise({ prepare: () => new Promise((resolve) => (answer = resolve)) });
  supervised.stream.start();
  supervised.stream.stop();
  answer('/events');
  await pass(5_000);
  assert.equal(Pipe.all.length, 0);
  supervised.stream.start();
  answer('/events');
  await settle();
  assert.equal(Pipe.open.length, 1);
});

test('a stream that fails right after it opened still backs off', async () => {
  const supervised = supervise();
  supervised.stream.start();
  await settle();
  const pauses = [];
  for (let i = 0; i < 12; i += 1) {
    Pipe.latest.say('ready');
    Pipe.latest.fail();
    pauses.push((supervised.states.at(-1)?.until ?? 0) - Date.now());
    await pass(31_000);
  }
  assert.ok(Math.max(...pauses.slice(4)) > 2_000, String(pauses));
});
