import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allSent, enter, entry, line, live, say, sees, texts, turnTo, writeTo } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const on = stage();

/** @param {import('playwright-core').Page} page @param {string} text @param {string} state */
const ticked = (page, text, state) => line(page, text).getByRole('img', { name: state, exact: true }).waitFor();

test('two people talk in private, with badges, ticks, typing and presence; a third sees none of it', async () => {
  const ann = await enter(on.browser, on.services, 'Ann');
  const ben = await enter(on.browser, on.services, 'Ben');
  const eve = await enter(on.browser, on.services, 'Eve');
  /** @type {string[]} */
  const leaks = [];
  eve.page.on('response', async (response) => {
    const body = await response.text().catch(() => '');
    if (/secret/.test(body)) leaks.push(response.url());
  });

  await writeTo(ann.page, 'Ben');
  await say(ann.page, 'secret one');
  await sees(ann.page, 'secret one');
  await allSent(ann.page);
  // Ben looks at the public room: it is delivered, and unread.
  await entry(ben.page, 'Ann').locator('.badge').getByText('1', { exact: false }).waitFor();
  assert.equal(await ben.page.title(), '(1) RealTalk');
  await ticked(ann.page, 'secret one', 'Delivered');
  await entry(ann.page, 'Ben').getByText('online').waitFor({ state: 'attached' });
  await entry(ben.page, 'Ann').getByText('online').waitFor({ state: 'attached' });

  await turnTo(ben.page, 'Ann');
  await sees(ben.page, 'secret one');
  await ben.page.getByText('New messages').waitFor();
  await ticked(ann.page, 'secret one', 'Read');
  await until('the badge is gone', async () => (await entry(ben.page, 'Ann').locator('.badge').count()) === 0);
  assert.equal(await ben.page.title(), 'RealTalk');

  await ben.page.locator('#draft').pressSequentially('secr');
  await ann.page.locator('.typing').getByText('Ben is typing…').waitFor();
  await say(ben.page, 'secret two');
  await sees(ann.page, 'secret two');
  await until('nobody types', async () => (await ann.page.locator('.typing').innerText()).trim() === '');
  await ticked(ben.page, 'secret two', 'Read');

  // Three more while Ben looks elsewhere; reading clears them on his other device too.
  await turnTo(ben.page, 'public');
  for (const text of ['secret three', 'secret four', 'secret five']) await say(ann.page, text);
  await entry(ben.page, 'Ann').locator('.badge').getByText('3', { exact: false }).waitFor();
  const phone = await enter(on.browser, on.services, 'Ben', { viewport: { width: 390, height: 740 } });
  await phone.page.getByRole('button', { name: 'Conversations, 3 unread' }).click();
  await entry(phone.page, 'Ann').click();
  await phone.page.getByText('New messages').waitFor();
  await sees(phone.page, 'secret five');
  await until('the badge is gone on the other device', async () => (await entry(ben.page, 'Ann').locator('.badge').count()) === 0);
  await ticked(ann.page, 'secret five', 'Read');

  // Eve's page has been live all the time.
  await say(ann.page, 'secret six');
  await turnTo(ann.page, 'public');
  await say(ann.page, 'good night, all');
  await sees(eve.page, 'good night, all');
  assert.equal(await eve.page.locator('.entry').count(), 1);
  assert.doesNotMatch(await eve.page.locator('body').innerText(), /secret/);
  assert.deepEqual(leaks, []);
  assert.ok(!(await texts(ann.page)).some((text) => /secret/.test(text)), 'nor does the public room');

  // Under his name stands whether he is there, not that her own stream is.
  await turnTo(ann.page, 'Ben');
  await ann.page.locator('.about').getByText('Online now').waitFor();
  await ben.context.close();
  await phone.context.close();
  await until('Ben is seen to go', async () => (await entry(ann.page, 'Ben').getByText('online').count()) === 0);
  assert.equal((await ann.page.locator('.about').innerText()).trim(), 'Not online');
  assert.deepEqual([...ann.faults, ...eve.faults], []);
});

test('somebody is written to with the keyboard alone', async () => {
  const kim = await enter(on.browser, on.services, 'Kim');
  const lou = await enter(on.browser, on.services, 'Lou');
  await kim.page.getByRole('button', { name: 'Message', exact: true }).focus();
  await kim.page.keyboard.press('Enter');
  await kim.page.locator('.person').filter({ has: kim.page.getByText('Lou', { exact: true }) }).waitFor();
  await kim.page.keyboard.type('lou');
  await kim.page.keyboard.press('Enter');
  await kim.page.getByRole('heading', { level: 1, name: 'Lou' }).waitFor();
  await kim.page.locator('#draft').focus();
  await kim.page.keyboard.type('by keyboard');
  await kim.page.keyboard.press('Enter');
  await entry(lou.page, 'Kim').locator('.badge').waitFor();
  assert.deepEqual([...kim.faults, ...lou.faults], []);
  await kim.context.close();
  await lou.context.close();
});

test('what comes while nobody is there is counted, delivered and read on return', async () => {
  const cleo = await enter(on.browser, on.services, 'Cleo');
  const dora = await enter(on.browser, on.services, 'Dora');
  await writeTo(cleo.page, 'Dora');
  await say(cleo.page, 'are you there?');
  await entry(dora.page, 'Cleo').locator('.badge').waitFor();
  await dora.page.goto('about:blank');
  for (let i = 1; i <= 4; i += 1) await say(cleo.page, `missed ${i}`);
  await allSent(cleo.page);
  await line(cleo.page, 'missed 4').getByRole('img', { name: 'Sent' }).waitFor();
  await dora.page.goto(on.services.url);
  await live(dora.page);
  await entry(dora.page, 'Cleo').locator('.badge').getByText('5', { exact: false }).waitFor();
  await ticked(cleo.page, 'missed 4', 'Delivered');
  await turnTo(dora.page, 'Cleo');
  await sees(dora.page, 'missed 4');
  await ticked(cleo.page, 'missed 4', 'Read');
  // The place is in the address: a reload stays there, and so does what was being written.
  await dora.page.locator('#draft').fill('half a thou');
  await dora.page.reload();
  await live(dora.page);
  await dora.page.getByRole('heading', { level: 1, name: 'Cleo' }).waitFor();
  assert.equal(await dora.page.locator('#draft').inputValue(), 'half a thou');
  await turnTo(dora.page, 'public');
  assert.equal(await dora.page.locator('#draft').inputValue(), '', 'each conversation has its own draft');
  assert.deepEqual([...cleo.faults, ...dora.faults], []);
});

test('a hidden page reads nothing', async () => {
  const finn = await enter(on.browser, on.services, 'Finn');
  const gwen = await enter(on.browser, on.services, 'Gwen');
  await writeTo(finn.page, 'Gwen');
  await say(finn.page, 'first');
  await turnTo(gwen.page, 'Finn');
  await ticked(finn.page, 'first', 'Read');
  /** @param {boolean} hidden */
  const hide = (hidden) => gwen.page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await hide(true);
  await say(finn.page, 'second');
  await sees(gwen.page, 'second');
  await ticked(finn.page, 'second', 'Delivered');
  assert.equal(await gwen.page.title(), '(1) RealTalk');
  await hide(false);
  await ticked(finn.page, 'second', 'Read');
  await gwen.page.getByText('New messages').waitFor();
});
