import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSent, enter, live, notLive, say, sees, texts } from './stage/room.js';
import { unavailable, until } from './stage/services.js';
import { stage } from './stage/stage.js';

/** @typedef {import('./stage/chromium.js').Guest} Guest */

const on = stage();

/** Both screens show what the server holds: nothing missing, nothing twice. @param {Guest[]} people */
async function agree(...people) {
  const stored = await on.services.stored();
  assert.equal(new Set(stored).size, stored.length, 'stored twice');
  for (const { page } of people) {
    await allSent(page);
    await until('the screen shows what is stored', async () => (await texts(page)).length >= stored.length);
    assert.deepEqual(await texts(page), stored);
    await page.evaluate(() => {
      if (!(/** @type {any} */ (window).sameSession)) throw new Error('the page was reloaded');
    });
  }
}

async function pair() {
  const people = [await enter(on.browser, on.services, 'Ann'), await enter(on.browser, on.services, 'Ben')];
  for (const { page } of people) await page.evaluate(() => (/** @type {any} */ (window).sameSession = true));
  return people;
}

test('real-time-ntfn is killed and comes back', async () => {
  const people = await pair();
  const [ann, ben] = people;
  await say(ann.page, 'before the crash');
  await sees(ben.page, 'before the crash');
  await on.services.notification.kill();
  await Promise.all(people.map(({ page }) => notLive(page)));
  await say(ann.page, 'written while the stream was down');
  await on.services.post('Cora', 'nobody could be told');
  await ann.page.locator('.banner').waitFor();
  await on.services.notification.start();
  await Promise.all(people.map(({ page }) => live(page)));
  await say(ben.page, 'after the crash');
  await Promise.all(people.map(({ page }) => sees(page, 'after the crash')));
  await agree(...people);
  assert.equal(await ann.page.locator('.banner').count(), 0);
});

test('the message service is killed and comes back', async () => {
  const people = await pair();
  const [ann, ben] = people;
  await on.services.message.kill();
  await say(ann.page, 'written while the message service was down 1');
  await say(ann.page, 'written while the message service was down 2');
  await ann.page.locator('.line.pending').first().waitFor();
  await on.services.message.start();
  await sees(ben.page, 'written while the message service was down 2');
  await agree(...people);
});

test('a 503 at the reconnect is not the end', async () => {
  const people = await pair();
  await on.services.notification.kill();
  const impostor = await unavailable(on.services.notification.port);
  await until('both have met the 503', () => impostor.requests >= 3);
  await on.services.post('Cora', 'said during the 503');
  await impostor.stop();
  await on.services.notification.start();
  await Promise.all(people.map(({ page }) => live(page)));
  await Promise.all(people.map(({ page }) => sees(page, 'said during the 503')));
  await agree(...people);
});

test('“Try now” does what it says', async () => {
  const people = await pair();
  const [ann] = people;
  // A long wait does not end by itself.
  await ann.page.evaluate(() => {
    const start = window.setTimeout;
    Object.assign(window, { setTimeout: (/** @type {() => void} */ run, /** @type {number} */ ms) => {
      const isLong = ms > 4_000 && ms < 31_000;
      if (isLong) Object.assign(window, { waits: true });
      return isLong ? 0 : start(run, ms);
    } });
  });
  await on.services.notification.kill();
  await ann.page.locator('.banner').waitFor();
  await until('a long wait is announced', () => ann.page.evaluate(() => (/** @type {any} */ (window).waits)));
  await on.services.notification.start();
  await ann.page.getByRole('button', { name: 'Try now' }).click();
  await live(ann.page);
});

test('what is written offline arrives exactly once', async () => {
  const people = await pair();
  const [ann, ben] = people;
  await ann.context.setOffline(true);
  await say(ann.page, 'written offline 1');
  await say(ann.page, 'written offline 2');
  await on.services.post('Cora', 'missed while offline');
  await ann.page.locator('.status.offline').waitFor();
  assert.equal(await ann.page.locator('.line.pending').count(), 2);
  await ann.context.setOffline(false);
  await sees(ben.page, 'written offline 2');
  await sees(ann.page, 'missed while offline');
  await agree(...people);
});

test('an unsent message survives a reload and arrives exactly once', async () => {
  const people = await pair();
  const [ann, ben] = people;
  // The first is stored but its answer is lost, the second never leaves: the worst moment to reload.
  let attempts = 0;
  await ann.page.route('**/messages', async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    attempts += 1;
    if (attempts === 1) await route.fetch();
    return route.abort();
  });
  await say(ann.page, 'sent, but never answered');
  await say(ann.page, 'not sent at all');
  await until('the server has the first', () => attempts > 1);
  await ann.page.goto('about:blank');
  assert.ok(!(await on.services.stored()).includes('not sent at all'));
  await ann.page.unrouteAll({ behavior: 'wait' });
  await ann.page.goto(on.services.url);
  await ann.page.evaluate(() => (/** @type {any} */ (window).sameSession = true));
  await sees(ben.page, 'not sent at all');
  await sees(ann.page, 'not sent at all');
  await agree(...people);
});
