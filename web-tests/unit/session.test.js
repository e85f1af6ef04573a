import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { Api } from '../../static/lib/api.js';
import { Problem } from '../../static/lib/http.js';
import { Session } from '../../static/lib/session.js';

/** @type {Map<string, string>} */
const kept = new Map();
Object.assign(globalThis, {
  localStorage: {
    /** @param {string} key */
    getItem: (key) => kept.get(key) ?? null,
    /** @param {string} key @param {string} value */
    setItem: (key, value) => kept.set(key, value),
    /** @param {string} key */
    removeItem: (key) => kept.delete(key),
  },
});

/** A desk that knows who may come in. */
class Desk extends Api {
  /** @type {Record<string, string>} passwords by name */
  passwords = {};
  /** @type {string | null} whom the cookie names */
  cookie = null;
  /** @type {'open' | 'required'} */
  mode = 'open';
  down = false;
  signIns = 0;

  services = async () => {
    if (this.down) throw new Problem(0, 'down');
    return { messages: '', notifications: '', mode: this.mode };
  };
  me = async () => this.#user(this.cookie);
  /** @param {string} name @param {string} [password] */
  signIn = async (name, password) => {
    this.signIns += 1;
    const wanted = this.passwords[name];
    if (wanted !== password || (this.mode === 'required' && !wanted)) throw new Problem(401, 'wrong', 0, 'credentials_wrong');
    this.cookie = name;
    return { user: this.#user(name) };
  };
  /** @param {string} name @param {string} password */
  register = async (name, password) => {
    this.passwords[name] = password;
    return this.#user(name);
  };
  signOut = async () => {
    this.cookie = null;
    return new Response();
  };

  /** @param {string | null} name */
  #user(name) {
    if (name === null) throw new Problem(401, 'nobody');
    return { username: name, kind: /** @type {'member' | 'guest'} */ (this.passwords[name] ? 'member' : 'guest') };
  }
}

let desk = new Desk();
const visit = () => new Session(desk);
const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  kept.clear();
  desk = new Desk();
});

test('a newcomer is nobody, and asks for nothing', async () => {
  const session = visit();
  await session.settle();
  assert.deepEqual([session.user.value, session.prompt.value, desk.signIns], ['', null, 0]);
});

test('a name is kept, and is enough to come back', async () => {
  await visit().enter('alice');
  const again = visit();
  assert.equal(again.user.value, 'alice', 'known before the service has answered');
  await again.settle();
  assert.deepEqual([again.account.value?.kind, desk.signIns], ['guest', 1]);
});

test('a guest whose session is gone comes back by name', async () => {
  await visit().enter('alice');
  desk.cookie = null;
  const again = visit();
  await again.settle();
  assert.equal(again.account.value?.username, 'alice');
});

test('a name that has got a password meanwhile asks for it; without it one is nobody', async () => {
  kept.set('realtalk.name', 'alice');
  desk.passwords.alice = 'correct horse';
  const session = visit();
  await session.settle();
  assert.deepEqual([session.user.value, session.prompt.value?.name, session.prompt.value?.password], ['', 'alice', true]);
  assert.ok(!session.locked.value, 'the public room can be read');
  await assert.rejects(session.enter('alice', 'wrong'), { status: 401 });
  await session.enter('alice', 'correct horse');
  assert.deepEqual([session.user.value, session.prompt.value], ['alice', null]);
});

test('registering enters', async () => {
  const session = visit();
  await session.enter('alice');
  await session.register('alice', 'correct horse');
  assert.equal(session.account.value?.kind, 'member');
});

test('where accounts are required, nothing is seen without', async () => {
  desk.mode = 'required';
  const session = visit();
  await session.settle();
  assert.ok(session.locked.value);
  await session.register('alice', 'correct horse');
  assert.ok(!session.locked.value);
  await session.leave();
  assert.deepEqual([session.locked.value, session.user.value, kept.size], [true, '', 0]);
});

test('a session that ends asks its member for the password, with the reason', async () => {
  desk.passwords.alice = 'correct horse';
  const session = visit();
  await session.enter('alice', 'correct horse');
  desk.cookie = null;
  await session.doubt('Signed out elsewhere.');
  assert.deepEqual(session.prompt.value, { name: 'alice', password: true, words: 'Signed out elsewhere.' });
  assert.equal(session.user.value, '');
});

test('a session that ends is begun again for a guest, silently, but not over and over', async () => {
  const session = visit();
  await session.enter('alice');
  desk.cookie = null;
  await session.doubt('ended');
  assert.deepEqual([session.user.value, session.account.value?.username, desk.signIns], ['alice', 'alice', 2]);
  desk.cookie = null;
  await session.doubt('ended');
  assert.deepEqual([session.user.value, session.prompt.value?.words, desk.signIns], ['', 'ended', 2]);
});

test('a new password ends a session and begins another: nobody is signed out by it', async () => {
  desk.passwords.alice = 'correct horse';
  const session = visit();
  await session.enter('alice', 'correct horse');
  session.end('signed_out');
  await session.settle();
  assert.deepEqual([session.user.value, session.account.value?.username, session.prompt.value], ['alice', 'alice', null]);
});

test('who signs out is not told that the session has ended', async () => {
  const session = visit();
  await session.enter('alice');
  desk.cookie = null;
  session.end('signed_out');
  session.forget();
  await settle();
  assert.deepEqual([session.user.value, session.prompt.value], ['', null]);
});

test('an outage while a session is doubted leaves it, and the next attempt asks', async () => {
  desk.passwords.alice = 'correct horse';
  const session = visit();
  await session.enter('alice', 'correct horse');
  desk.me = async () => { throw new Problem(0, 'down'); };
  await session.doubt('ended');
  await assert.rejects(session.settle(), { status: 0 });
  assert.equal(session.user.value, 'alice');
});

test('a tab that has asked too early takes nobody along, and comes back', async () => {
  desk.mode = 'required';
  desk.passwords.alice = 'correct horse';
  const [here, there] = [visit(), visit()];
  await here.enter('alice', 'correct horse');
  await there.settle();
  const me = desk.me;
  desk.me = async () => { throw new Problem(401, 'not yet'); };
  await there.doubt('ended');
  assert.ok(there.locked.value);
  desk.me = me;
  here.follow('realtalk.session');
  await here.settle();
  assert.equal(here.account.value?.username, 'alice');
  there.follow('realtalk.session');
  await there.settle();
  assert.equal(there.account.value?.username, 'alice');
});

test('an answer about an old session does not end the one that another tab has begun meanwhile', async () => {
  desk.passwords.alice = 'correct horse';
  const [here, there] = [visit(), visit()];
  await here.enter('alice', 'correct horse');
  await there.settle();
  const me = desk.me;
  desk.me = async () => {
    desk.me = me;
    await here.enter('alice', 'correct horse');
    throw new Problem(401, 'too late');
  };
  await there.doubt('ended');
  assert.equal(there.account.value?.username, 'alice');
});

test('an outage is not the end of a session: the next attempt finds it', async () => {
  await visit().enter('alice');
  desk.down = true;
  const session = visit();
  await assert.rejects(session.settle(), { status: 0 });
  assert.equal(session.user.value, 'alice');
  desk.down = false;
  await session.settle();
  assert.equal(session.account.value?.username, 'alice');
});

test('tabs follow each other: in, out, and to another name', async () => {
  const [here, there] = [visit(), visit()];
  await Promise.all([here.settle(), there.settle()]);
  await there.enter('alice');
  here.follow('realtalk.session');
  await settle();
  assert.equal(here.user.value, 'alice');
  await there.enter('bob');
  here.follow('realtalk.session');
  await settle();
  assert.equal(here.user.value, 'bob');
  await there.leave();
  here.follow('realtalk.session');
  await settle();
  assert.deepEqual([here.user.value, here.account.value], ['', null]);
});
