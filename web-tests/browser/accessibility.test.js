import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit } from './stage/barrier.js';
import { guest } from './stage/chromium.js';
import { act, enter, entry, line, live, say, sees, turnTo } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const on = stage(async (services) => {
  // Every hue of the names, a link, a reply in one go.
  for (let i = 0; i < 24; i += 1) await services.post(`Person ${i}`, `Message ${i} with https://example.org/${i}`);
  await services.post('Person 1', 'first');
  await services.post('Person 1', 'second');
});

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  for (const viewport of [{ width: 1000, height: 700 }, { width: 360, height: 640 }]) {
    test(`no barrier, ${colorScheme}, ${viewport.width} px`, async () => {
      const newcomer = await guest(on.browser, { url: on.services.url, colorScheme, viewport });
      await live(newcomer.page);
      await audit(newcomer.page, 'asking for a name');

      const { page, context } = await enter(on.browser, on.services, 'Ada', { colorScheme, viewport, reducedMotion: 'reduce' });
      await say(page, 'mine, with https://example.org/mine');
      await sees(page, 'mine, with https://example.org/mine');
      await audit(page, 'the room');
      await page.route('**/messages', (route) => route.fulfill({ status: 403, body: '{"detail":"Not today."}' }));
      await say(page, 'refused');
      await page.locator('.line.failed').waitFor();
      await page.locator('#draft').fill('x'.repeat(4_001));
      await audit(page, 'a refused message, and one that is too long');
      await page.locator('.scroller').evaluate((box) => box.scrollTo(0, 0));
      await page.locator('.jump').waitFor();
      await context.setOffline(true);
      await page.locator('.banner').waitFor();
      await audit(page, 'offline');
    });
  }
}

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  for (const viewport of [{ width: 1000, height: 700 }, { width: 360, height: 640 }]) {
    test(`no barrier in private, ${colorScheme}, ${viewport.width} px`, async () => {
      const narrow = viewport.width < 700;
      const { services } = on;
      const me = `Grace ${colorScheme} ${viewport.width}`;
      const { page, faults } = await enter(on.browser, services, me, { colorScheme, viewport, reducedMotion: 'reduce' });
      const group = await services.ask('POST', '/conversations', { user: 'Person 1', kind: 'group', name: 'Crew', members: [me, 'Person 2'] });
      const first = await services.ask('POST', '/messages', { user: 'Person 1', content: `come in, @${me}`, conversation_id: group.id });
      await services.ask('POST', '/messages', { user: 'Person 2', content: 'yes, do', conversation_id: group.id, reply_to: first.id });
      await services.ask('POST', '/messages', { user: 'Person 3', content: 'hello', recipient: me });
      const list = async () => narrow && page.getByRole('button', { name: /^Conversations/ }).click();
      await until('all three are counted', async () => (await page.title()) === '(3) RealTalk');
      await list();
      await entry(page, 'Person 3').locator('.badge').waitFor();
      await audit(page, 'the list');
      await turnTo(page, 'Crew');
      await page.locator('.quote').waitFor();
      await act(page, 'come in', 'React');
      await audit(page, 'choosing a reaction');
      await line(page, 'come in').getByRole('button', { name: 'React with 👍' }).click();
      await line(page, 'come in').locator('.reaction').waitFor();
      await act(page, 'yes, do', 'Reply');
      await page.locator('.subject').waitFor();
      await audit(page, 'a group, with an answer in the making');
      await page.getByRole('button', { name: 'Details' }).click();
      await page.locator('.member').first().waitFor();
      await audit(page, 'details');
      await page.keyboard.press('Escape');
      for (const [button, sign] of [['Message', '.person'], ['Group', '.person'], ['Rooms', '.person'], ['Your account', '#new-password']]) {
        await list();
        await page.locator('.sidebar').getByRole('button', { name: button }).first().click();
        await page.locator(`dialog ${sign}`).first().waitFor();
        await audit(page, button);
        await page.keyboard.press('Escape');
        await until('the dialog is closed', async () => (await page.locator('dialog').count()) === 0);
      }
      assert.deepEqual(faults, []);
    });
  }
}

test('a message can be reached and answered with the keyboard alone', async () => {
  const { page } = await enter(on.browser, on.services, 'Kim Keyboard');
  await on.services.post('Person 1', 'what do you say?');
  await sees(page, 'what do you say?');
  await say(page, 'my own words');
  await sees(page, 'my own words');
  await page.locator('#draft').press('Shift+Tab');
  for (let i = 0; i < 4; i += 1) {
    const here = await page.evaluate(() => document.activeElement?.className ?? '');
    if (/\bline\b/.test(here)) break;
    await page.keyboard.press('Shift+Tab');
  }
  const focused = page.locator('.line:focus');
  assert.match(await focused.innerText(), /my own words/);
  await page.keyboard.press('ArrowUp');
  assert.match(await focused.innerText(), /what do you say/);
  await line(page, 'what do you').getByRole('button', { name: 'Reply' }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.locator('.subject').getByText('Reply to Person 1').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'draft');
  await page.keyboard.type('got it');
  await page.keyboard.press('Enter');
  await line(page, 'got it').locator('.quote').getByText('what do you say?').waitFor();
});

test('a reaction is given with the keyboard alone, and the focus stays at its message', async () => {
  const { page } = await enter(on.browser, on.services, 'Kim Keyboard');
  await on.services.post('Person 1', 'how is that?');
  await sees(page, 'how is that?');
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '');
  await line(page, 'how is that?').focus();
  await line(page, 'how is that?').getByRole('button', { name: 'React', exact: true }).press('Enter');
  await until('the first one has the focus', async () => (await focused()) === 'React with 👍');
  await line(page, 'how is that?').getByRole('button', { name: 'Close' }).press('Enter');
  await until('the buttons have it back', async () => (await focused()) === 'React');
  await page.keyboard.press('Enter');
  await until('the first one has the focus', async () => (await focused()) === 'React with 👍');
  await page.keyboard.press('Enter');
  await line(page, 'how is that?').locator('.reaction').waitFor();
  assert.match(await focused(), /how is that/);
});

test('a dialog takes the focus and gives it back', async () => {
  const { page } = await enter(on.browser, on.services, 'Dialog Dan');
  const button = page.getByRole('button', { name: 'Rooms' });
  await button.focus();
  await page.keyboard.press('Enter');
  await page.locator('dialog').waitFor();
  assert.ok(await page.evaluate(() => document.activeElement?.closest('dialog') !== null));
  await page.keyboard.press('Escape');
  await until('the dialog is closed', async () => (await page.locator('dialog').count()) === 0);
  await until('the focus is back', () => button.evaluate((element) => element === document.activeElement));
});

test('a screen reader hears about messages, in digests', async () => {
  const { page } = await enter(on.browser, on.services, 'Listener');
  for (let i = 1; i <= 6; i += 1) await on.services.post('Fast Fred', `quick ${i}`);
  await sees(page, 'quick 6');
  const announcer = page.locator('.announcer');
  await until('the last one is announced', async () => /quick 6/.test((await announcer.textContent()) ?? ''));
  assert.equal(await page.locator('[role="log"]').getAttribute('aria-live'), 'off', 'the list itself keeps quiet');
});

test('everything can be reached with the keyboard, visibly', async () => {
  const { page } = await enter(on.browser, on.services, 'Tabitha');
  /** @returns {Promise<string[] | undefined>} what has the focus in turn, unless what had it went away */
  const walk = async () => {
    await page.locator('header .me').focus();
    /** @type {string[]} */
    const stops = [];
    while (stops.length < 60 && stops.at(-1) !== 'send') {
      await page.keyboard.press('Tab');
      const stop = await page.evaluate(() => {
        const active = /** @type {HTMLElement} */ (document.activeElement);
        const style = getComputedStyle(active.id === 'draft' ? /** @type {Element} */ (active.parentElement) : active);
        return { what: active.id || active.className || active.tagName, visible: style.outlineStyle !== 'none' && style.outlineWidth !== '0px' };
      });
      if (stop.what === 'BODY') return undefined;
      assert.ok(stop.visible, `no visible focus on ${stop.what}, after ${stops.join(', ')}`);
      stops.push(stop.what);
    }
    return stops;
  };
  // While a page fills, something may go that has the focus: then it is walked through once more.
  const stops = await until('a walk through the page', walk);
  assert.ok(stops.includes('scroller') && stops.includes('draft') && stops.includes('send'), stops.join(', '));
});
