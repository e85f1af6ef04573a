import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, allSent, enter, line, live, say, sees, texts, turnTo, writeTo } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const on = stage();

async function pair() {
  const ann = await enter(on.browser, on.services, 'Ann');
  const ben = await enter(on.browser, on.services, 'Ben');
  return { ann, ben };
}

test('a message is edited in place, with the mouse and with the keyboard', async () => {
  const { ann, ben } = await pair();
  await say(ann.page, 'see you at fvie');
  await sees(ben.page, 'see you at fvie');
  await allSent(ann.page);
  await ann.page.locator('#draft').fill('something else');
  await act(ann.page, 'fvie', 'Edit');
  assert.equal(await ann.page.locator('#draft').inputValue(), 'see you at fvie');
  await say(ann.page, 'see you at five');
  await sees(ben.page, 'see you at five (edited)');
  await sees(ann.page, 'see you at five (edited)');
  assert.equal(await ann.page.locator('#draft').inputValue(), 'something else', 'what was being written is back');

  await ann.page.locator('#draft').fill('');
  await ann.page.locator('#draft').press('ArrowUp');
  assert.equal(await ann.page.locator('#draft').inputValue(), 'see you at five');
  await ann.page.locator('#draft').press('Escape');
  assert.equal(await ann.page.locator('#draft').inputValue(), '');
  await ann.page.locator('#draft').press('ArrowUp');
  await say(ann.page, 'see you at six');
  await sees(ben.page, 'see you at six (edited)');
  await ben.page.reload();
  await sees(ben.page, 'see you at six (edited)');
  await line(ben.page, 'see you').hover();
  await line(ben.page, 'see you').getByRole('button', { name: 'Reply' }).waitFor();
  assert.equal(await line(ben.page, 'see you').getByRole('button', { name: 'Edit' }).count(), 0, 'only its author changes it');
  assert.deepEqual([...ann.faults, ...ben.faults], []);
});

test('what is wrong with an edit is said where it is edited', async () => {
  const { ann } = await pair();
  await writeTo(ann.page, 'Ben');
  await turnTo(ann.page, 'public');
  await say(ann.page, 'all is well');
  await sees(ann.page, 'all is well');
  await allSent(ann.page);
  await ann.page.route('**/messages/*', (route) => route.fulfill({ status: 422, contentType: 'application/problem+json', body: '{"detail":"Too late."}' }));
  await act(ann.page, 'all is well', 'Edit');
  await say(ann.page, 'all is not');
  const fault = ann.page.locator('.composer-box .fault');
  await fault.getByText('Too late.').waitFor();
  await turnTo(ann.page, 'Ben');
  assert.equal(await fault.count(), 0);
});

test('a deleted message leaves a tombstone, for those who are there and those who come later', async () => {
  const { ann, ben } = await pair();
  await say(ann.page, 'a slip of the tongue');
  await sees(ben.page, 'a slip of the tongue');
  await allSent(ann.page);
  await act(ann.page, 'a slip', 'Delete');
  await line(ann.page, 'a slip').getByRole('button', { name: 'Keep it' }).click();
  await act(ann.page, 'a slip', 'Delete');
  await line(ann.page, 'a slip').getByRole('button', { name: 'Delete for everybody' }).click();
  for (const { page } of [ann, ben]) {
    await sees(page, 'This message was deleted.');
    assert.ok(!(await texts(page)).includes('a slip of the tongue'));
  }
  await ben.page.reload();
  await sees(ben.page, 'This message was deleted.');
  assert.deepEqual([...ann.faults, ...ben.faults], []);
});

test('reactions are given, counted and taken back', async () => {
  const { ann, ben } = await pair();
  await say(ann.page, 'we are done');
  await sees(ben.page, 'we are done');
  await act(ben.page, 'we are done', 'React');
  await line(ben.page, 'we are done').getByRole('button', { name: 'React with 🎉' }).click();
  const given = line(ann.page, 'we are done').locator('.reaction');
  await given.waitFor();
  assert.equal((await given.innerText()).replace(/\s+/g, ' '), '🎉 1');
  assert.equal(await given.getAttribute('aria-pressed'), 'false');
  assert.equal(await given.getAttribute('title'), 'Ben');
  await given.click();
  const both = line(ben.page, 'we are done').locator('.reaction');
  await until('both have given it', async () => /2/.test(await both.innerText()));
  await both.click();
  await until('one has taken it back', async () => /1/.test(await given.innerText()));
  await ann.page.reload();
  await until('it is kept', async () => /1/.test(await given.innerText().catch(() => '')));
  assert.equal(await given.getAttribute('aria-pressed'), 'true');
  await given.click();
  await until('none is left', async () => (await both.count()) === 0);
  assert.deepEqual([...ann.faults, ...ben.faults], []);
});

test('an answer quotes what it answers, and leads there from far away', async () => {
  await on.services.post('Otto', 'the question of questions');
  // More than a page keeps while its reader is at the end.
  for (let i = 0; i < 350; i += 1) await on.services.post(`Filler ${i % 3}`, `filler ${i}`);
  const { ann, ben } = await pair();
  for (let i = 0; i < 12 && (await line(ann.page, 'the question').count()) === 0; i += 1) {
    const before = (await texts(ann.page)).length;
    await ann.page.locator('.scroller').evaluate((box) => box.scrollTo(0, 0));
    await until('more is shown', async () => (await texts(ann.page)).length > before);
  }
  await act(ann.page, 'the question', 'Reply');
  await ann.page.locator('.subject').getByText('Reply to Otto').waitFor();
  await say(ann.page, 'forty-two');
  await sees(ann.page, 'forty-two');
  assert.equal(await ann.page.locator('.subject').count(), 0);

  await sees(ben.page, 'forty-two');
  const quote = line(ben.page, 'forty-two').locator('.quote');
  await quote.getByText('the question of questions').waitFor();
  assert.equal(await line(ben.page, 'the question').locator('.bubble').getByText('the question of questions').count(), 0, 'not loaded yet');
  await quote.click();
  await ben.page.locator('.line.target').getByText('the question of questions').waitFor();
  assert.ok(await ben.page.locator('.line.target').evaluate((row) => {
    const box = row.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight;
  }), 'it is in view');
  assert.deepEqual([...ann.faults, ...ben.faults], []);
});

test('on a phone, a tap offers what can be done with a message', async () => {
  await on.services.post('Otto', 'tap me');
  const { page, faults } = await enter(on.browser, on.services, 'Ann', { viewport: { width: 390, height: 740 }, hasTouch: true, isMobile: true });
  await sees(page, 'tap me');
  await line(page, 'tap me').locator('.bubble').tap();
  await line(page, 'tap me').getByRole('button', { name: 'React', exact: true }).tap();
  await line(page, 'tap me').getByRole('button', { name: 'React with 👍' }).tap();
  await line(page, 'tap me').locator('.reaction').waitFor();
  await line(page, 'tap me').getByRole('button', { name: 'Reply' }).tap();
  await page.locator('.subject').getByText('Reply to Otto').waitFor();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the screen');
  assert.deepEqual(faults, []);
});

test('what is written into one conversation while offline arrives there, once', async () => {
  const { ann, ben } = await pair();
  await on.services.ask('POST', '/conversations/resolve', { user: 'Ann', recipient: 'Ben' });
  await ann.page.locator('.entry', { hasText: 'Ben' }).first().click();
  await ann.page.getByRole('heading', { level: 1, name: 'Ben' }).waitFor();
  await ann.context.setOffline(true);
  await say(ann.page, 'written in the tunnel');
  await ann.page.locator('.line.pending').waitFor();
  await ann.context.setOffline(false);
  await allSent(ann.page);
  await live(ann.page);
  await ben.page.locator('.entry', { hasText: 'Ann' }).first().click();
  await sees(ben.page, 'written in the tunnel');
  assert.equal((await texts(ben.page)).filter((text) => text === 'written in the tunnel').length, 1);
});

test('what can be done with a message stands beside it and covers none', async () => {
  for (const text of ['look', 'ok', 'a message that is so long that it has to go on in another line, as wide as a bubble becomes']) {
    await on.services.post('Otto', text);
  }
  const { page } = await enter(on.browser, on.services, 'Ann');
  for (const text of ['mine', 'yes', 'mine, which is so long that it has to go on in another line too, as wide as a bubble becomes']) await say(page, text);
  await allSent(page);
  for (const text of ['ok', 'it has to go on in another line, as', 'yes', 'it has to go on in another line too']) {
    await line(page, text).hover();
    await line(page, text).locator('.actions').waitFor();
    const found = await line(page, text).evaluate((row) => {
      const box = /** @type {Element} */ (row.querySelector('.actions')).getBoundingClientRect();
      const own = /** @type {Element} */ (row.querySelector('.bubble')).getBoundingClientRect();
      const covered = [...document.querySelectorAll('.bubble')].filter((each) => {
        const other = each.getBoundingClientRect();
        return other.left < box.right && other.right > box.left && other.top < box.bottom && other.bottom > box.top;
      });
      const gap = Math.max(own.left - box.right, box.left - own.right);
      const { left, right } = /** @type {Element} */ (document.querySelector('.scroller')).getBoundingClientRect();
      return { covered: covered.map((each) => each.textContent), near: gap < 40, inside: box.left >= left && box.right <= right };
    });
    assert.deepEqual(found, { covered: [], near: true, inside: true }, text);
  }
});
