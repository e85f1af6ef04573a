import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { Feed } from '../../static/lib/feed.js';

/** @typedef {{type: string, data: string, id: string}} Heard */

/** Web Locks of one browser: one holder, the others wait in line. */
class Locks {
  /** @type {(() => void)[]} */
  waiting = [];
  held = false;

  /** @param {string} _name @param {{signal: AbortSignal}} options @param {() => Promise<void>} use */
  request(_name, { signal }, use) {
    return new Promise((resolve, reject) => {
      const turn = async () => {
        this.held = true;
        await use();
        this.held = false;
        resolve(undefined);
        this.waiting.shift()?.();
      };
      signal.addEventListener('abort', () => {
        if (!this.waiting.includes(turn)) return;
        this.waiting = this.waiting.filter((each) => each !== turn);
        reject(new Error('aborted'));
      });
      if (this.held) this.waiting.push(turn);
      else turn();
    });
  }
}

/** A BroadcastChannel that delivers in order, to all but the sender. */
class Channel {
  /** @type {Set<Channel>} */
  static all = new Set();
  /** @type {((event: MessageEvent) => void) | null} */
  onmessage = null;
  constructor() { Channel.all.add(this); }
  /** @param {any} data */
  postMessage(data) {
    const copy = structuredClone(data);
    for (const other of Channel.all) {
      if (other !== this) queueMicrotask(() => Channel.all.has(other) && other.onmessage?.(new MessageEvent('message', { data: copy })));
    }
  }
  close() { Channel.all.delete(this); }
}

/** The server's end of a stream. */
class Source extends EventTarget {
  /** @type {Source[]} */
  static all = [];
  /** @type {((event: MessageEvent) => void) | null} */
  onmessage = null;
  /** @type {(() => void) | null} */
  onerror = null;
  closed = false;
  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    Source.all.push(this);
    this.addEventListener('error', () => this.onerror?.());
    this.addEventListener('message', (event) => this.onmessage?.(/** @type {MessageEvent} */ (event)));
  }
  close() { this.closed = true; }
  /** @param {string} name @param {string} [id] */
  say(name, id = '') {
    this.dispatchEvent(new MessageEvent(name, { data: `{"type":"${name}"}`, lastEventId: id }));
  }
  fail() { this.dispatchEvent(new Event('error')); }
  static get open() { return Source.all.filter((source) => !source.closed); }
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
let locks = new Locks();
/** @type {Feed[]} */
let feeds = [];

beforeEach(() => {
  locks = new Locks();
  feeds = [];
  Channel.all = new Set();
  Source.all = [];
});
afterEach(() => feeds.forEach((feed) => feed.stop()));

/** A tab: opens what its feed gives it, notes what it hears, and where it is. @param {string} name @param {string} [cursor] */
function tab(name, cursor = '') {
  /** @type {Heard[]} */
  const heard = [];
  const self = { heard, cursor, fails: 0, resets: 0, feed: /** @type {Feed} */ (/** @type {unknown} */ (null)), open, get ids() { return heard.filter(({ type }) => type === 'message').map(({ id }) => id); } };
  /** @type {any} */
  let source;
  function open() {
    source?.close();
    source = self.feed.open(`/events?after=${self.cursor}`, self.cursor);
    const note = (/** @type {MessageEvent} */ event) => {
      heard.push({ type: event.type, data: event.data, id: event.lastEventId });
      if (event.lastEventId) self.cursor = event.lastEventId;
    };
    source.onmessage = note;
    for (const type of ['ready', 'typing', 'reaction']) source.addEventListener(type, note);
    source.addEventListener('reset', () => (self.resets += 1));
    source.onerror = () => {
      self.fails += 1;
      self.feed.down();
    };
  }
  self.feed = new Feed({
    tab: name,
    locks: /** @type {any} */ (locks),
    channel: () => new Channel(),
    open: (url) => /** @type {any} */ (new Source(url)),
    onLead: open,
    onTry: () => {},
  });
  feeds.push(self.feed);
  self.feed.start();
  return self;
}

test('the first tab has the stream, all hear it', async () => {
  const [first, second] = [tab('a'), tab('b')];
  await settle();
  first.open();
  second.open();
  await settle();
  Source.all[0].say('ready');
  await settle();
  Source.all[0].say('message', '1');
  Source.all[0].say('typing', '1');
  await settle();
  assert.equal(Source.all.length, 1);
  for (const { heard } of [first, second]) {
    assert.deepEqual(heard.map(({ type, id }) => [type, id]).filter(([type]) => type !== 'ready'), [['message', '1'], ['typing', '1']]);
    assert.ok(heard.some(({ type }) => type === 'ready'));
  }
});

test('a tab that comes later hears what has come since its page was loaded, once and in order', async () => {
  const first = tab('a', '0');
  await settle();
  first.open();
  Source.all[0].say('ready');
  for (const id of ['1', '2', '3']) Source.all[0].say('message', id);
  const late = tab('b', '1');
  await settle();
  late.open();
  // Said while the two tabs still talk about where to begin.
  Source.all[0].say('message', '4');
  await settle();
  Source.all[0].say('message', '5');
  await settle();
  assert.deepEqual(late.ids, ['2', '3', '4', '5']);
});

test('a tab that is alone tells nobody what it hears', async () => {
  const first = tab('a');
  await settle();
  /** @type {string[]} */
  const told = [];
  new Channel().onmessage = ({ data }) => told.push(data.name);
  first.open();
  Source.all[0].say('ready');
  Source.all[0].say('message', '1');
  Source.all[0].say('typing', '1');
  await settle();
  assert.deepEqual(told, ['ready']);
  const second = tab('b');
  second.open();
  await settle();
  Source.all[0].say('message', '2');
  await settle();
  assert.deepEqual(second.ids, ['1', '2']);
});

test('a tab from before the kept part has to load anew', async () => {
  const first = tab('a', '5');
  await settle();
  first.open();
  Source.all[0].say('ready');
  const old = tab('b', '3');
  await settle();
  old.open();
  await settle();
  assert.deepEqual([old.resets, old.ids.length], [1, 0]);
});

test('when the leading tab closes, the next goes on where it was, without a hole', async () => {
  const [first, second, third] = [tab('a', '0'), tab('b', '0'), tab('c', '0')];
  await settle();
  for (const each of [first, second, third]) each.open();
  Source.all[0].say('ready');
  await settle();
  Source.all[0].say('message', '1');
  Source.all[0].say('message', '2');
  await settle();
  Source.all[0].close();
  first.feed.stop();
  await settle();
  assert.deepEqual([second.feed.leading, third.feed.leading], [true, false]);
  assert.deepEqual(Source.open.map(({ url }) => url), ['/events?after=2']);
  assert.equal(third.fails, 1, 'it looks for the new one');
  third.open();
  const [source] = Source.open;
  source.say('ready');
  for (const id of ['3', '4']) source.say('message', id);
  await settle();
  for (const { ids } of [second, third]) assert.deepEqual(ids, ['1', '2', '3', '4']);
});

test('the tab that takes over can tell others what it heard while another was leading', async () => {
  const [first, second] = [tab('a', '0'), tab('b', '0')];
  await settle();
  first.open();
  second.open();
  Source.all[0].say('ready');
  await settle();
  for (const id of ['1', '2', '3']) Source.all[0].say('message', id);
  await settle();
  first.feed.stop();
  await settle();
  Source.open.at(-1)?.say('ready');
  const third = tab('c', '1');
  await settle();
  third.open();
  await settle();
  assert.deepEqual(third.ids, ['2', '3']);
});

test('an interruption is one for all, and all come back', async () => {
  const [first, second] = [tab('a', '0'), tab('b', '0')];
  await settle();
  first.open();
  second.open();
  Source.all[0].say('ready');
  await settle();
  Source.all[0].fail();
  await settle();
  assert.equal(second.fails, 1);
  second.open();
  await settle();
  assert.equal(second.heard.filter(({ type }) => type === 'ready').length, 1, 'nothing is live before the stream is');
  first.open();
  Source.open.at(-1)?.say('ready');
  await settle();
  Source.open.at(-1)?.say('message', '1');
  await settle();
  assert.deepEqual([second.heard.filter(({ type }) => type === 'ready').length, second.ids], [2, ['1']]);
});

test('a stream that its tab gives up is down for all, also for those who come later', async () => {
  const [first, second] = [tab('a', '0'), tab('b', '0')];
  await settle();
  first.open();
  second.open();
  Source.all[0].say('ready');
  await settle();
  // Offline, or silent for too long: nothing comes from the stream itself.
  Source.all[0].close();
  first.feed.down();
  second.feed.down();
  const third = tab('c', '0');
  await settle();
  assert.equal(second.fails, 1);
  second.open();
  third.open();
  await settle();
  assert.deepEqual([second, third].map(({ heard }) => heard.filter(({ type }) => type === 'ready').length), [1, 0]);
});

test('a reset reaches all', async () => {
  const [first, second] = [tab('a', '0'), tab('b', '0')];
  await settle();
  first.open();
  second.open();
  Source.all[0].say('ready');
  await settle();
  Source.all[0].say('message', '1');
  Source.all[0].say('reset');
  await settle();
  assert.deepEqual([first.resets, second.resets], [1, 1]);
});

test('what is kept has a limit, and a tab from before it is told so', async () => {
  const first = tab('a', '0000');
  await settle();
  first.open();
  Source.all[0].say('ready');
  for (let i = 1; i <= 2_500; i += 1) Source.all[0].say('message', String(i).padStart(4, '0'));
  const [old, recent] = [tab('b', '0000'), tab('c', '2400')];
  await settle();
  old.open();
  recent.open();
  await settle();
  assert.deepEqual([old.resets, recent.resets, recent.ids.length], [1, 0, 100]);
});

test('without locks each tab has its own stream', () => {
  const feed = new Feed({ tab: 'a', open: (url) => /** @type {any} */ (new Source(url)), onLead: () => {}, onTry: () => {} });
  feed.start();
  assert.ok(feed.leading);
  feed.open('/events', '');
  assert.equal(Source.all.length, 1);
});
