import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { Api, streamUrl } from '../../static/lib/api.js';
import { Problem } from '../../static/lib/http.js';
import { sharesCookies } from '../../static/lib/services.js';

/** @type {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} */
let answer = (_, response) => response.end();
const server = createServer((request, response) => answer(request, response));
/** @type {import('../../static/lib/services.js').Services} */
const services = { messages: '', notifications: 'http://localhost:8081', mode: 'open' };
const api = new Api(services);
const entry = { client_msg_id: 'abc', user: 'alice', content: 'hello', time: 0 };

before(async () => {
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  services.messages = `http://127.0.0.1:${address.port}`;
});
after(() => server.close());

/** @param {number} status @param {object} body @param {Record<string, string>} [headers] */
const say = (status, body, headers) => {
  answer = (_, response) => {
    response.writeHead(status, headers);
    response.end(JSON.stringify(body));
  };
};

/** @param {Promise<unknown>} promise @returns {Promise<Problem>} */
const problem = async (promise) => {
  const error = await promise.then(() => undefined, (reason) => reason);
  assert.ok(error instanceof Problem, String(error));
  return error;
};

test('a post carries text, name and id, and returns the message', async () => {
  let body = '';
  answer = async (request, response) => {
    for await (const chunk of request) body += chunk;
    response.writeHead(201).end('{"id":"1","content":"hello"}');
  };
  const message = await api.post(entry);
  assert.equal(message.id, '1');
  assert.deepEqual(JSON.parse(body), { content: 'hello', user: 'alice', client_msg_id: 'abc' });
});

test('a problem tells what to change and whether it is final', async () => {
  for (const status of [400, 401, 403, 404, 408, 413, 422, 425, 429, 500, 503]) {
    say(status, { detail: 'Change this.' });
    const error = await problem(api.post(entry));
    const final = ![408, 425, 429, 500, 503].includes(status);
    assert.deepEqual([error.status, error.final, error.message], [status, final, 'Change this.']);
  }
});

test('an answer that is no problem document is still explained', async () => {
  answer = (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>');
  assert.match((await problem(api.post(entry))).message, /502/);
});

test('no answer is not final', async () => {
  answer = (request) => request.destroy();
  const error = await problem(api.post(entry));
  assert.deepEqual([error.status, error.final], [0, false]);
});

test('Retry-After is read as seconds and as a date', async () => {
  say(429, {}, { 'Retry-After': '7' });
  assert.equal((await problem(api.post(entry))).retryAfter, 7_000);
  say(503, {}, { 'Retry-After': new Date(Date.now() + 3_600_000).toUTCString() });
  const { retryAfter } = await problem(api.post(entry));
  assert.ok(retryAfter > 3_000_000 && retryAfter <= 3_600_000);
  say(503, {}, { 'Retry-After': 'soon' });
  assert.equal((await problem(api.post(entry))).retryAfter, 0);
});

test('a page knows whether there is more and where its stream starts', async () => {
  let url = '';
  answer = (request, response) => {
    url = request.url ?? '';
    response.writeHead(200, { 'X-Has-More': 'true', 'X-Event-Cursor': '9' }).end('[{"id":"5"}]');
  };
  assert.deepEqual(await api.page('public', '6'), { messages: [{ id: '5' }], more: true, cursor: '9' });
  assert.equal(url, '/conversations/public/messages?limit=50&before=6');
  answer = (_, response) => response.end('[{"id":"5"}]');
  assert.deepEqual(await api.page('public'), { messages: [{ id: '5' }], more: false, cursor: '5' });
});

test('a post into a conversation names it, and what it answers', async () => {
  let body = '';
  answer = async (request, response) => {
    for await (const chunk of request) body += chunk;
    response.writeHead(201).end('{"id":"1"}');
  };
  await api.post({ ...entry, conversation_id: 'dm:alice:bob', reply_to: '7' });
  const { conversation_id, reply_to } = JSON.parse(body);
  assert.deepEqual({ conversation_id, reply_to }, { conversation_id: 'dm:alice:bob', reply_to: '7' });
});

test('ids and emoji travel as one part of the path', async () => {
  /** @type {string[]} */
  const asked = [];
  answer = (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.end('{}');
  };
  await api.typing('dm:a b:c');
  await api.react('7', '👍', true);
  await api.react('7', '👍', false);
  await api.removeMember('g-1', 'John Doe');
  assert.deepEqual(asked, [
    'POST /conversations/dm%3Aa%20b%3Ac/typing',
    'PUT /messages/7/reactions/%F0%9F%91%8D',
    'DELETE /messages/7/reactions/%F0%9F%91%8D',
    'DELETE /conversations/g-1/members/John%20Doe',
  ]);
});

test('a 401 ends the session, unless it answers an attempt to begin one', async () => {
  let ended = 0;
  const mine = new Api(services);
  mine.onSignedOut = () => (ended += 1);
  say(401, { code: 'credentials_wrong', detail: 'No.' });
  assert.equal((await problem(mine.signIn('alice', 'wrong'))).code, 'credentials_wrong');
  await problem(mine.me());
  assert.equal(ended, 0);
  await problem(mine.conversations());
  await problem(mine.post(entry));
  assert.equal(ended, 2);
});

test('a problem with a field says what is wrong with the field', async () => {
  say(422, { detail: 'Some fields are not acceptable.', errors: [{ field: 'name', detail: 'Too long.' }] });
  assert.equal((await problem(api.create({ kind: 'group', name: 'x' }))).message, 'Too long.');
});

test('cookies reach the notification service on the same host, whatever the port', () => {
  const page = 'http://chat.example:8080/';
  /** @param {string} messages @param {string} notifications */
  const shared = (messages, notifications) => sharesCookies({ messages, notifications, mode: 'open' }, page);
  assert.ok(shared('', 'http://chat.example:8081'));
  assert.ok(shared('http://a.example', 'http://a.example:81/base'));
  assert.ok(!shared('', 'http://push.chat.example'));
  assert.ok(!shared('', 'https://chat.example'));
  assert.ok(!shared('http://localhost:8080', 'http://127.0.0.1:8081'));
});

test('the address of the stream', () => {
  assert.equal(streamUrl(services, { clientId: 'me', cursor: '' }), 'http://localhost:8081/events?client_id=me');
  const url = streamUrl(services, { clientId: 'me', cursor: '20240101120000.123456' });
  assert.equal(url, 'http://localhost:8081/events?client_id=me&last_event_id=20240101120000.123456');
  const all = streamUrl(services, { clientId: 'me', cursor: '7', rooms: ['tea', 'ops'], ticket: 't', acks: true });
  assert.equal(all, 'http://localhost:8081/events?client_id=me&rooms=public%2Ctea%2Cops&acks=true&ticket=t&last_event_id=7');
});

test('what a service explains in fragments is said in sentences', async () => {
  for (const [detail, words] of [['a room is called that already', 'A room is called that already.'], ['Why?', 'Why?'], ['Too long.', 'Too long.']]) {
    say(409, { detail });
    assert.equal((await problem(api.rename('g-1', 'Tea'))).message, words);
  }
});
