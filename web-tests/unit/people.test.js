import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { People } from '../../static/lib/people.js';

/** @type {string[]} */
let told = [];
let crowd = 0;
let people = new People(/** @type {any} */ ({}));

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
  told = [];
  people = new People({
    typing: async (conversation) => { told.push(conversation); return new Response(); },
    presence: async (users) => users.filter((user) => user !== 'eve'),
    crowd: async () => crowd,
  });
});
afterEach(() => mock.timers.reset());

/** @param {string} user @param {string} [conversation_id] */
const types = (user, conversation_id = 'g-1') => people.apply({ type: 'typing', user, conversation_id }, 'alice');

test('who writes is shown for six seconds after the last word of it', () => {
  types('bob');
  mock.timers.tick(4_000);
  types('Bob');
  types('eve');
  assert.deepEqual(people.typing('g-1'), ['Bob', 'eve']);
  mock.timers.tick(5_900);
  assert.deepEqual(people.typing('g-1'), ['Bob', 'eve']);
  mock.timers.tick(200);
  assert.deepEqual(people.typing('g-1'), []);
  assert.deepEqual(people.typing('g-2'), []);
});

test('who has sent it no longer writes it; oneself never does', () => {
  types('bob');
  types('eve');
  types('Alice');
  people.apply({ type: 'message', user: 'bob', conversation_id: 'g-1' }, 'alice');
  assert.deepEqual(people.typing('g-1'), ['eve']);
});

test('people come and go, in whatever case their name is written', () => {
  people.apply({ type: 'presence', user: 'Bob', online: true }, 'alice');
  assert.ok(people.isOnline('bob'));
  people.apply({ type: 'presence', user: 'BOB', online: false }, 'alice');
  assert.ok(!people.isOnline('bob'));
  people.apply({ type: 'presence', conversation_id: 'public', online_count: 7 }, 'alice');
  assert.equal(people.crowd.value, 7);
});

test('asking corrects what is known of those who were asked about, and of nobody else', async () => {
  for (const user of ['eve', 'dan']) people.apply({ type: 'presence', user, online: true }, 'alice');
  await people.ask(['bob', 'eve']);
  assert.deepEqual(['bob', 'eve', 'dan'].map((name) => people.isOnline(name)), [true, false, true]);
});

test('others are told that one writes every three seconds, in each conversation', () => {
  for (let i = 0; i < 10; i += 1) {
    people.tell('g-1');
    mock.timers.tick(500);
  }
  people.tell('g-2');
  people.told = '';
  people.tell('g-2');
  assert.deepEqual(told, ['g-1', 'g-1', 'g-2', 'g-2']);
});

test('how many are there is asked at the beginning; where nobody may, a change tells', async () => {
  people.apply({ type: 'presence', online_count: 3 }, 'alice');
  await people.count();
  assert.equal(people.crowd.value, 3);
  crowd = 5;
  await people.count();
  assert.equal(people.crowd.value, 5);
});
