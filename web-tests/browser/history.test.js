import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, say, sees, texts } from './stage/room.js';
import { PATIENCE_MS, until } from './stage/services.js';
import { stage } from './stage/stage.js';

const numbers = (/** @type {number} */ from, /** @type {number} */ to) =>
  Array.from({ length: to - from + 1 }, (_, i) => `number ${from + i}`);

/** What an answer in place of the stream has to say, so that a page with a cookie may read it. */
const streamHeaders = () => ({
  'Content-Type': 'text/event-stream',
  'Access-Control-Allow-Origin': on.services.url,
  'Access-Control-Allow-Credentials': 'true',
});

const on = stage(async (services) => {
  // Alternating authors and lengths: rows of different heights.
  for (const text of numbers(1, 150)) await services.post(`Author ${text.length}`, text);
});

/** @param {import('playwright-core').Page} page */
const atEnd = (page) =>
  page.locator('.scroller').evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop < 2);

test('the newest messages are shown first, older ones as the reader scrolls, and nothing jumps', async () => {
  const { page, faults } = await enter(on.browser, on.services, 'Reader');
  await until('the end is shown', () => atEnd(page));
  assert.ok((await texts(page)).length <= 100, 'not everything is loaded at once');
  assert.equal((await texts(page)).at(-1), 'number 150');

  for (let round = 0; (await texts(page)).length < 150; round += 1) {
    assert.ok(round < 20, 'older messages keep coming');
    const before = (await texts(page)).length;
    // Where a row stands relative to the scrolled distance shows a jump that scrolling did not cause.
    const moved = await page.locator('.scroller').evaluate(async (box, [known, patience]) => {
      const row = /** @type {Element} */ (box.querySelector('.line'));
      box.scrollTop = 0;
      const top = row.getBoundingClientRect().top;
      const deadline = Date.now() + patience;
      while (box.querySelectorAll('.bubble').length === known && Date.now() < deadline) {
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return Math.abs(row.getBoundingClientRect().top - top);
    }, [before, PATIENCE_MS]);
    assert.ok((await texts(page)).length > before, 'a page has come');
    // The “Show older messages” line above may go away with the last page.
    assert.ok(moved < 2, `the row moved by ${moved} px`);
  }
  assert.deepEqual(await texts(page), numbers(1, 150));
  await page.getByText('This is where it all began.').waitFor();

  await on.services.post('Somebody', 'number 151');
  await page.getByRole('button', { name: '1 new message' }).waitFor();
  assert.ok(!(await atEnd(page)), 'a reader of the past is left alone');
  await on.services.post('Somebody', 'number 152');
  await page.getByRole('button', { name: '2 new messages' }).click();
  await until('the end is shown', () => atEnd(page));
  assert.equal((await texts(page)).at(-1), 'number 152');

  await on.services.post('Somebody', 'number 153');
  await sees(page, 'number 153');
  await until('the end is followed', () => atEnd(page));
  assert.deepEqual(faults, []);
});

test('the mouse wheel leads away from the end, and back', async () => {
  const { page } = await enter(on.browser, on.services, 'Wheeler');
  await until('the end is shown', () => atEnd(page));
  const box = await page.locator('.scroller').boundingBox();
  assert.ok(box);
  // The pointer rests on a line: each turn brings another one under it.
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  const height = () => page.locator('.scroller').evaluate((scroller) => scroller.scrollTop);
  for (let turn = 0; turn < 6; turn += 1) {
    const before = await height();
    await page.mouse.wheel(0, -100);
    await until('the text has moved', async () => (await height()) < before);
    // What follows the pointer has happened when the next picture is drawn.
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    assert.ok((await height()) < before, `turn ${turn} is not undone`);
  }
  await page.locator('.jump').waitFor();
  await page.mouse.wheel(0, 5_000);
  await until('the end is shown', () => atEnd(page));
  await until('it is followed again', async () => (await page.locator('.jump').count()) === 0);
});

test('an own message leads to the end', async () => {
  const { page } = await enter(on.browser, on.services, 'Writer');
  await until('the end is shown', () => atEnd(page));
  await page.locator('.scroller').evaluate((box) => box.scrollTo(0, box.scrollHeight / 2));
  await page.locator('.jump').waitFor();
  await say(page, 'here I am');
  await sees(page, 'here I am');
  await until('the end is shown', () => atEnd(page));
});

test('a jump in the numbers is filled from the history', async () => {
  const { page } = await enter(on.browser, on.services, 'Gap Finder');
  await page.route('**/events?*', async (route) => {
    // A stream that lost what came between: it starts with the last of three.
    for (const text of ['lost 1', 'lost 2']) await on.services.post('Lost', text);
    const { id } = await on.services.post('Lost', 'kept');
    const message = await (await fetch(`${on.services.url}/messages/${id}`)).text();
    const ready = 'retry: 60000\n\nevent: ready\ndata: {"type":"ready"}\n\n';
    await route.fulfill({
      headers: streamHeaders(),
      body: `${ready}id: ${id}\ndata: ${message}\n\n`,
    });
  }, { times: 1 });
  await page.reload();
  await sees(page, 'kept');
  await sees(page, 'lost 1');
  await sees(page, 'lost 2');
  assert.deepEqual((await texts(page)).slice(-3), ['lost 1', 'lost 2', 'kept']);
});

/**
 * Answers the next request for the stream with these events, then cuts it.
 * @param {import('playwright-core').Page} page
 * @param {string} events
 */
const streamOnce = (page, events) =>
  page.route('**/events?*', (route) => route.fulfill({
    headers: streamHeaders(),
    body: `event: ready\ndata: {}\n\n${events}`,
  }), { times: 1 });

test('after a reset the newest page is loaded again', async () => {
  const { page, faults } = await enter(on.browser, on.services, 'Reset Rosa');
  let pages = 0;
  page.on('request', (request) => (pages += Number(request.url().endsWith('/messages?limit=50'))));
  await streamOnce(page, 'event: reset\ndata: {"type":"reset","reason":"expired"}\n\n');
  await page.reload();
  await until('the page was loaded twice', () => pages === 2);
  await on.services.post('Somebody', 'after the reset');
  await sees(page, 'after the reset');
  assert.deepEqual((await texts(page)).slice(-50), (await on.services.stored()).slice(-50));
  assert.deepEqual(faults, []);
});

test('edits and deletions change the message in place', async () => {
  const { id: edited } = await on.services.post('Ed', 'teh typo');
  const { id: deleted } = await on.services.post('Ed', 'a secret');
  const { page } = await enter(on.browser, on.services, 'Eddy');
  /** @param {string} type @param {string} id @param {object} fields */
  const change = async (type, id, fields) => {
    const message = await (await fetch(`${on.services.url}/messages/${id}`)).json();
    // In the log it comes after all that has been said.
    const data = { type, id: '29991231235959.000000', conversation_id: 'public', message: { ...message, ...fields } };
    return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  };
  await streamOnce(page, [
    await change('message_updated', edited, { content: 'the typo', edited_at: '2024-01-01T12:00:00Z' }),
    await change('message_deleted', deleted, { content: '', deleted: true }),
    'event: party\ndata: not json\n\n',
  ].join(''));
  await page.reload();
  await sees(page, 'This message was deleted.');
  await sees(page, 'the typo (edited)');
  assert.ok(!(await texts(page)).includes('a secret'));
});

test('a page of history that fails can be asked for again', async () => {
  const { page } = await enter(on.browser, on.services, 'Unlucky');
  await until('the end is shown', () => atEnd(page));
  const before = (await texts(page)).length;
  await page.route('**/messages?*before*', (route) => route.fulfill({ status: 503 }));
  await page.locator('.scroller').evaluate((box) => box.scrollTo(0, 0));
  await page.getByText('Older messages could not be loaded.').waitFor();
  await page.unrouteAll({ behavior: 'wait' });
  await page.getByRole('button', { name: 'Try again' }).click();
  await until('more is shown', async () => (await texts(page)).length > before);
});

test('a burst is shown in order, and the page lets go of the far past', async () => {
  const { page, faults } = await enter(on.browser, on.services, 'Busy Bea');
  const writers = Array.from({ length: 4 }, async (_, writer) => {
    for (let i = 0; i < 100; i += 1) await on.services.post(`Writer ${writer}`, `burst ${writer}-${i}`);
  });
  await Promise.all(writers);
  const stored = await on.services.stored();
  await sees(page, /** @type {string} */ (stored.at(-1)));
  assert.deepEqual((await texts(page)).slice(-200), stored);
  await until('old rows are gone', async () => (await page.locator('.line').count()) <= 300);
  assert.deepEqual(faults, []);
});
