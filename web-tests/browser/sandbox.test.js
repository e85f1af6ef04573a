import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { guest } from './stage/chromium.js';
import { stage } from './stage/stage.js';

const on = stage();

/** What a frame tries, and whether it is to get anywhere. */
const TRIES = [
  { what: 'GET /messages', open: true },
  { what: 'POST /messages', body: { content: 'from a frame', user: 'Frieda' }, open: true },
  { what: 'GET /messages?user=ann&recipient=ben' },
  { what: 'GET /conversations?user=ann' },
  { what: 'GET /users' },
  { what: 'GET /sync?after=19700101000000.000000&user=ann' },
  { what: 'POST /users', body: { username: 'ann', password: 'a password of the frame' } },
  { what: 'POST /messages', body: { content: 'as Ann', user: 'ann', recipient: 'ben' } },
];
const STREAMS = [
  { what: '/events', open: true },
  { what: '/events?user=ann' },
  { what: '/sse/chat?userId=ann' },
];

/**
 * Runs in the frame: what came of each try, for the page around it.
 * @param {string} message
 * @param {string} notification
 * @param {{what: string, body?: object}[]} tries
 * @param {{what: string}[]} streams
 */
async function attack(message, notification, tries, streams) {
  const answered = tries.map(async ({ what, body }) => {
    const [method, path] = what.split(' ');
    const options = body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    const answer = await fetch(message + path, { method, ...options });
    return answer.ok ? answer.text() : Promise.reject(answer.status);
  });
  const heard = streams.map(({ what }) => new Promise((resolve, reject) => {
    const source = new EventSource(notification + what);
    source.onopen = resolve;
    source.onerror = () => source.readyState === EventSource.CLOSED && reject(new Error('refused'));
  }));
  const outcomes = await Promise.allSettled([...answered, ...heard]);
  parent.postMessage(outcomes.map(({ status }) => status === 'fulfilled'), '*');
}

test('a frame without an origin has the public room and nothing that is somebody\'s', async (t) => {
  await on.services.ask('POST', '/messages', { user: 'ann', recipient: 'ben', content: 'a secret' });
  const { message, notification } = on.services;
  const input = [message.url, notification.url, TRIES, STREAMS].map((each) => JSON.stringify(each)).join();
  const frame = `<script>(${attack})(${input})</script>`;
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><script>onmessage = ({ data }) => { window.outcomes = data; };</script>
      <iframe sandbox="allow-scripts" srcdoc="${frame.replaceAll('&', '&amp;').replaceAll('"', '&quot;')}"></iframe>`);
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const { page } = await guest(on.browser, { url: `http://127.0.0.1:${port}/` });
  await page.waitForFunction(() => 'outcomes' in window);
  const outcomes = await page.evaluate(() => /** @type {any} */ (window).outcomes);
  const all = [...TRIES, ...STREAMS];
  assert.deepEqual(all.map(({ what }, index) => [what, outcomes[index]]), all.map(({ what, open = false }) => [what, open]));
});
