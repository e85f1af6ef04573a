import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guest, tab } from './stage/chromium.js';
import { allSent, enter, entry, live, say, sees, texts, writeTo } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const on = stage();

test('two tabs share one stream, and the second goes on without a hole when the first is closed', async () => {
  const ann = await enter(on.browser, on.services, 'Ann');
  await until('there is one stream', async () => (await on.services.streams()) === 1);
  const second = await tab(ann.context, on.services.url);
  const third = await tab(ann.context, on.services.url);
  for (const { page } of [second, third]) await live(page);
  assert.equal(await on.services.streams(), 1);
  await on.services.post('Otto', 'to all tabs');
  for (const { page } of [ann, second, third]) await sees(page, 'to all tabs');

  // Things are said before, while and after the tab with the stream goes away.
  let said = 0;
  const talk = async (/** @type {number} */ count) => {
    for (let i = 0; i < count; i += 1) await on.services.post('Otto', `number ${(said += 1)}`);
  };
  await talk(10);
  await Promise.all([ann.page.close(), talk(20)]);
  await talk(5);
  for (const { page } of [second, third]) {
    await sees(page, `number ${said}`);
    assert.deepEqual((await texts(page)).filter((text) => /^number/.test(text)), Array.from({ length: said }, (_, i) => `number ${i + 1}`));
    await live(page);
  }
  await until('there is one stream again', async () => (await on.services.streams()) === 1);
  await say(third.page, 'still here');
  await sees(second.page, 'still here');
  await allSent(third.page);
  assert.deepEqual([...second.faults, ...third.faults], []);
});

test('all tabs know of private messages, and reading in one is reading in all', async () => {
  const cleo = await enter(on.browser, on.services, 'Cleo');
  const second = await tab(cleo.context, on.services.url);
  await live(second.page);
  const dora = await enter(on.browser, on.services, 'Dora');
  await writeTo(dora.page, 'Cleo');
  await say(dora.page, 'psst');
  for (const { page } of [cleo, second]) await entry(page, 'Dora').locator('.badge').waitFor();
  await entry(second.page, 'Dora').click();
  await sees(second.page, 'psst');
  await until('the other tab knows', async () => (await entry(cleo.page, 'Dora').locator('.badge').count()) === 0);
});

test('tabs go down and come back together', async () => {
  const eve = await enter(on.browser, on.services, 'Eve');
  const second = await tab(eve.context, on.services.url);
  await live(second.page);
  await on.services.notification.kill();
  for (const { page } of [eve, second]) await page.locator('.banner').waitFor();
  await on.services.post('Otto', 'said while it was down');
  await on.services.notification.start();
  for (const { page } of [eve, second]) {
    await live(page);
    await sees(page, 'said while it was down');
  }
  await until('there is one stream', async () => (await on.services.streams()) === 1);
});

test('without locks each tab has its own stream', async () => {
  const { page, context } = await enter(on.browser, on.services, 'Finn');
  await page.close();
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined }));
  const tabs = [await tab(context, on.services.url), await tab(context, on.services.url)];
  for (const each of tabs) await live(each.page);
  await until('there are two streams', async () => (await on.services.streams()) === 2);
  await say(tabs[0].page, 'from the first');
  await sees(tabs[1].page, 'from the first');
});

test('where the cookie does not reach the stream, a ticket does', async () => {
  // Cookies belong to a host, and this is another name for it.
  const url = on.services.url.replace('127.0.0.1', 'localhost');
  const { page } = await guest(on.browser, { name: 'Gwen' });
  /** @type {string[]} */
  const streams = [];
  page.on('request', (request) => request.url().includes('/events?') && streams.push(request.url()));
  await page.goto(url);
  await live(page);
  assert.ok(streams.every((each) => each.includes('ticket=')), streams.join('\n'));
  const otto = await enter(on.browser, on.services, 'Otto');
  await writeTo(otto.page, 'Gwen');
  await say(otto.page, 'did you get this?');
  await entry(page, 'Otto').locator('.badge').waitFor();
});
