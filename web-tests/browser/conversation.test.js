import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guest, tab } from './stage/chromium.js';
import { allSent, enter, live, say, sees, texts } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const on = stage();

test('a newcomer picks a name and talks, with the keyboard alone', async () => {
  const { page, faults } = await guest(on.browser, { url: on.services.url });
  const name = page.locator('#name');
  await name.waitFor();
  assert.match(await name.inputValue(), /\w+ \w+ \d+/, 'a name is suggested');
  await until('the name has the focus', () => name.evaluate((field) => field === document.activeElement));
  await page.keyboard.type('a/b');
  await page.keyboard.press('Enter');
  assert.match(await page.locator('#name-fault').innerText(), /cannot contain/);
  await page.keyboard.press('Control+A');
  await page.keyboard.type('  Keyboard   Kim ');
  await page.keyboard.press('Enter');
  await until('the composer has the focus', () =>
    page.locator('#draft').evaluate((field) => field === document.activeElement));
  await page.keyboard.type('first line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('second line');
  await page.keyboard.press('Enter');
  await sees(page, 'first line\nsecond line');
  await allSent(page);
  assert.equal(await page.locator('#draft').inputValue(), '');
  assert.equal(await page.locator('.me-name').innerText(), 'Keyboard Kim');

  await page.reload();
  await live(page);
  assert.equal(await page.locator('.me-name').innerText(), 'Keyboard Kim', 'the name is kept');
  assert.equal(await page.locator('.line.own').count(), 1);
  assert.deepEqual(faults, []);
});

test('two people exchange messages', async () => {
  const ann = await enter(on.browser, on.services, 'Ann');
  const ben = await enter(on.browser, on.services, 'Ben');
  await say(ann.page, 'Hello Ben');
  await sees(ben.page, 'Hello Ben');
  await say(ben.page, 'Hello Ann');
  await sees(ann.page, 'Hello Ann');
  for (let i = 1; i <= 10; i += 1) await say(i % 2 ? ann.page : ben.page, `turn ${i}`);
  for (const { page } of [ann, ben]) {
    await sees(page, 'turn 10');
    await until('every turn is there', async () => (await texts(page)).filter((text) => /^turn/.test(text)).length === 10);
    await allSent(page);
    assert.deepEqual(await texts(page), await on.services.stored(), 'the order of the server');
  }
  assert.deepEqual([...ann.faults, ...ben.faults], []);
});

test('two tabs of one person show every message once', async () => {
  const eve = await enter(on.browser, on.services, 'Eve');
  const second = await tab(eve.context, on.services.url);
  await live(second.page);
  for (let i = 0; i < 5; i += 1) {
    await say(eve.page, `left ${i}`);
    await say(second.page, `right ${i}`);
  }
  for (const page of [eve.page, second.page]) {
    await until('all ten are there', async () => (await texts(page)).filter((text) => /^(left|right) \d/.test(text)).length === 10);
    await allSent(page);
    assert.deepEqual(await texts(page), await on.services.stored());
  }
  assert.deepEqual([...eve.faults, ...second.faults], []);
});

test('a hidden page counts what its reader misses, in the title', async () => {
  const { page, faults } = await enter(on.browser, on.services, 'Hidden Hana');
  /** @param {boolean} hidden */
  const hide = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (value ? 'hidden' : 'visible') });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await on.services.post('Otto', 'you can see this');
  await sees(page, 'you can see this');
  assert.equal(await page.title(), 'RealTalk');
  await hide(true);
  await on.services.post('Otto', 'one');
  await on.services.post('Otto', 'two');
  await on.services.post('Hidden Hana', 'from my phone');
  await sees(page, 'from my phone');
  assert.equal(await page.title(), '(2) RealTalk');
  await hide(false);
  assert.equal(await page.title(), 'RealTalk');
  assert.deepEqual(faults, []);
});

test('the room left near the limit is shown, and too much cannot be sent', async () => {
  const { page } = await enter(on.browser, on.services, 'Long Lou');
  const field = page.locator('#draft');
  await field.fill('x'.repeat(3_700));
  assert.equal(await page.locator('.left').innerText(), '');
  await field.fill(`  ${'😀'.repeat(3_990)}\n`);
  await page.getByText('10 left').waitFor();
  await field.fill('😀'.repeat(4_003));
  await page.getByText('3 too many').waitFor();
  await field.press('Enter');
  assert.equal((await field.inputValue()).length, 8_006, 'nothing is cut or lost');
  await field.fill('😀'.repeat(4_000));
  await field.press('Enter');
  await allSent(page);
  assert.equal(await page.locator('.line.failed').count(), 0, 'the server counts as the client does');
});

test('a refused message says why and can be retried, edited or discarded', async () => {
  const { page } = await enter(on.browser, on.services, 'Refused Rita');
  let refuse = true;
  /** @type {string[]} */
  const ids = [];
  await page.route('**/messages', (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    ids.push(route.request().postDataJSON().client_msg_id);
    if (!refuse) return route.fallback();
    return route.fulfill({ status: 403, contentType: 'application/problem+json', body: '{"status":403,"detail":"Not today."}' });
  });
  await say(page, 'please');
  await page.getByText('Not sent. Not today.').waitFor();
  refuse = false;
  await page.getByRole('button', { name: 'Retry' }).click();
  await allSent(page);
  await until('it is no longer failed', async () => (await page.locator('.line.failed').count()) === 0);
  assert.equal(ids[0], ids[1], 'a retry is the same message');
  refuse = true;
  await say(page, 'plese');
  await page.getByRole('button', { name: 'Edit' }).click();
  assert.equal(await page.locator('#draft').inputValue(), 'plese');
  refuse = false;
  await say(page, 'pretty please');
  await sees(page, 'pretty please');
  await allSent(page);
  assert.notEqual(ids.at(-1), ids.at(-2), 'an edited message is another one');
  assert.ok(!(await texts(page)).includes('plese'));
});

test('the first load is small', async () => {
  const { page } = await guest(on.browser);
  /** @type {import('playwright-core').Response[]} */
  const responses = [];
  page.on('response', (response) => responses.push(response));
  await page.goto(on.services.url);
  await live(page);
  const files = responses.filter((response) => !/\/(?:messages|conversations|sessions|events|config\.json)(?:\?|$)/.test(response.url()));
  assert.ok(files.length <= 44, `${files.length} files:\n${files.map((file) => file.url()).join('\n')}`);
  assert.ok(files.every((file) => file.ok()));
});
