// The page and both services under one address and a path, as a proxy puts them there.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { after, test } from 'node:test';
import { enter, say, sees } from './stage/room.js';
import { stage } from './stage/stage.js';

const PREFIX = '/team/chat';
const STREAMS = ['/events', '/ws', '/presence', '/sse/chat'];

/** Passes on what is asked below the prefix, and says who asks for what where. */
const proxy = createServer((asked, answer) => {
  const path = asked.url?.startsWith(`${PREFIX}/`) ? asked.url.slice(PREFIX.length) : undefined;
  if (!path) return answer.writeHead(404).end();
  const { message, notification } = on.services;
  const { port } = STREAMS.includes(path.split('?')[0]) ? notification : message;
  const headers = { ...asked.headers, 'x-forwarded-for': '203.0.113.7', 'x-forwarded-prefix': PREFIX };
  const passed = request({ host: '127.0.0.1', port, path, method: asked.method, headers }, (given) => {
    answer.writeHead(given.statusCode ?? 502, given.headers);
    given.pipe(answer);
  });
  passed.on('error', () => answer.destroy());
  answer.on('close', () => passed.destroy());
  return asked.pipe(passed);
}).listen(0, '127.0.0.1');
await once(proxy, 'listening');
after(() => {
  proxy.close();
  proxy.closeAllConnections();
});

const { port } = /** @type {import('node:net').AddressInfo} */ (proxy.address());
const origin = `http://127.0.0.1:${port}`;
const on = stage(undefined, {
  PUBLIC_NOTIFICATION_URL: `${origin}${PREFIX}`,
  TRUSTED_PROXIES: '127.0.0.1',
});

test('people talk behind a prefix, and open what is loaded later', async () => {
  const services = /** @type {any} */ ({ url: `${origin}${PREFIX}/` });
  const ann = await enter(on.browser, services, 'Ann');
  const ben = await enter(on.browser, services, 'Ben');
  await say(ann.page, 'under a path');
  await sees(ben.page, 'under a path');
  await ann.page.reload();
  await sees(ann.page, 'under a path');
  await ann.page.getByRole('button', { name: /rooms/i }).first().click();
  await ann.page.getByRole('dialog').waitFor();
  assert.deepEqual([...ann.faults, ...ben.faults], []);
});
