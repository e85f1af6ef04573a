import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { getPage, postMessage, Problem, streamUrl } from '../../static/lib/api.js';

/** @type {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void} */
let answer = (_, response) => response.end();
const server = createServer((request, response) => answer(request, response));
const services = { messages: '', notifications: 'http://localhost:8081' };
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
  const message = await postMessage(services, entry);
  assert.equal(message.id, '1');
  assert.deepEqual(JSON.parse(body), { content: 'hello', user: 'alice', client_msg_id: 'abc' });
});

test('a problem tells what to change and whether it is final', async () => {
  for (const status of [400, 401, 403, 404, 408, 413, 422, 425, 429, 500, 503]) {
    say(status, { detail: 'Change this.' });
    const error = await problem(postMessage(services, entry));
    const final = ![408, 425, 429, 500, 503].includes(status);
    assert.deepEqual([error.status, error.final, error.message], [status, final, 'Change this.']);
  }
});

test('an answer that is no problem document is still explained', async () => {
  answer = (_, response) => response.writeHead(502).end('<html>Bad Gateway</html>');
  assert.match((await problem(postMessage(services, entry))).message, /502/);
});

test('no answer is not final', async () => {
  answer = (request) => request.destroy();
  const error = await problem(postMessage(services, entry));
  assert.deepEqual([error.status, error.final], [0, false]);
});

test('Retry-After is read as seconds and as a date', async () => {
  say(429, {}, { 'Retry-After': '7' });
  assert.equal((await problem(postMessage(services, entry))).retryAfter, 7_000);
  say(503, {}, { 'Retry-After': new Date(Date.now() + 60_000).toUTCString() });
  const { retryAfter } = await problem(postMessage(services, entry));
  assert.ok(retryAfter > 50_000 && retryAfter <= 60_000);
  say(503, {}, { 'Retry-After': 'soon' });
  assert.equal((await problem(postMessage(services, entry))).retryAfter, 0);
});

test('a page knows whether there is more and where its stream starts', async () => {
  let url = '';
  answer = (request, response) => {
    url = request.url ?? '';
    response.writeHead(200, { 'X-Has-More': 'true', 'X-Event-Cursor': '9' }).end('[{"id":"5"}]');
  };
  assert.deepEqual(await getPage(services, '6'), { messages: [{ id: '5' }], more: true, cursor: '9' });
  assert.equal(url, '/messages?limit=50&before=6');
  answer = (_, response) => response.end('[{"id":"5"}]');
  assert.deepEqual(await getPage(services), { messages: [{ id: '5' }], more: false, cursor: '5' });
});

test('the address of the stream', () => {
  assert.equal(streamUrl(services, 'me', ''), 'http://localhost:8081/events?client_id=me');
  const url = streamUrl(services, 'me', '20240101120000.123456');
  assert.equal(url, 'http://localhost:8081/events?client_id=me&last_event_id=20240101120000.123456');
});
