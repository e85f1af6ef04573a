import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guest } from './stage/chromium.js';
import { enter, entry, grave, live, turnTo } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const PASSWORD = 'correct horse battery';
const on = stage(async (services) => {
  for (const name of ['Ann', 'Ben']) await services.post(name, `${name} was here`);
});

/** @param {import('playwright-core').Page} page */
const closed = (page) => until('the dialog is closed', async () => (await page.locator('dialog').count()) === 0);

test('a double click makes one group, and one room', async () => {
  const { page, faults } = await enter(on.browser, on.services, 'Ann');
  /** @type {(string | undefined)[]} */
  const made = [];
  await page.route('**/conversations', async (route) => {
    if (route.request().method() === 'POST') made.push(route.request().postDataJSON().kind);
    await route.fallback();
  });
  await page.getByRole('button', { name: 'Group', exact: true }).click();
  await page.getByLabel('Name of the group').fill('Only once');
  await page.getByRole('button', { name: 'Create group' }).dblclick();
  await page.getByRole('heading', { level: 1, name: 'Only once' }).waitFor();
  await closed(page);
  await page.getByRole('button', { name: 'Rooms' }).click();
  await page.getByLabel('A new room').fill('Only here');
  await page.getByRole('button', { name: 'Create' }).dblclick();
  await page.getByRole('heading', { level: 1, name: 'Only here' }).waitFor();
  await closed(page);
  assert.deepEqual(made, ['group', 'room']);
  assert.equal(await entry(page, 'Only once').count(), 1);
  assert.deepEqual(faults, []);
});

test('details do not become those of another conversation', async () => {
  const { id } = await on.services.ask('POST', '/conversations', { user: 'Ann', kind: 'group', name: 'Short stay', members: ['Ben'] });
  const { page, faults } = await enter(on.browser, on.services, 'Ben');
  await turnTo(page, 'Short stay');
  await page.getByRole('button', { name: 'Details' }).click();
  await page.locator('.member').first().waitFor();
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'public' }).waitFor();
  await closed(page);

  await turnTo(page, 'Short stay');
  await page.getByRole('button', { name: 'Details' }).click();
  await page.locator('.member').first().waitFor();
  await on.services.ask('DELETE', `/conversations/${id}/members/Ben?user=Ann`, {});
  await page.getByRole('heading', { level: 1, name: 'public' }).waitFor();
  await closed(page);
  await page.getByText('You are no longer in “Short stay”.').waitFor();
  assert.deepEqual(faults, []);
});

test('what fails in a dialog is said in front of it', async () => {
  const group = { user: 'Ann', kind: 'group', name: 'Stubborn', members: ['Ben'] };
  await on.services.ask('POST', '/conversations', group);
  const { page } = await enter(on.browser, on.services, 'Ann');
  await turnTo(page, 'Stubborn');
  await page.getByRole('button', { name: 'Details' }).click();
  await page.route('**/members/Ben', (route) => route.fulfill({ status: 403, body: '{"detail":"Not today."}' }));
  await page.getByRole('button', { name: 'Make owner Ben' }).click();
  const notice = page.getByText('Not today.');
  await notice.waitFor();
  assert.ok(await notice.evaluate((element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    return document.elementFromPoint(left + width / 2, top + height / 2) === element;
  }), 'nothing lies over it');
  await page.keyboard.press('Escape');
  await closed(page);
});

test('a dialog whose files do not come says so, and opens the next time', async () => {
  const { page } = await enter(on.browser, on.services, 'Ann');
  await page.route('**/dialogs.css', (route) => route.abort(), { times: 1 });
  await page.getByRole('button', { name: 'Rooms' }).click();
  await page.getByText('cannot be shown at the moment').waitFor();
  await page.getByRole('button', { name: 'Rooms' }).click();
  await page.getByLabel('A new room').waitFor();
  await page.keyboard.press('Escape');
  await closed(page);
  await page.route('**/account.js', (route) => route.abort(), { times: 1 });
  await page.locator('header .me').click();
  await page.getByText('cannot be shown at the moment').waitFor();
  await page.locator('header .me').click();
  await page.getByLabel('Password').waitFor();
});

test('what cannot be taken back asks first, and a double click is no answer', async () => {
  await on.services.ask('POST', '/conversations', { user: 'Ann', kind: 'group', name: 'To stay', members: ['Ben'] });
  const { page, faults } = await enter(on.browser, on.services, 'Ann');
  /** @type {string[]} */
  const gone = [];
  page.on('request', (request) => request.method() === 'DELETE' && gone.push(request.url()));
  await turnTo(page, 'To stay');
  await page.getByRole('button', { name: 'Details' }).click();
  const ben = page.locator('[data-member="Ben"]');
  await ben.getByRole('button', { name: 'Remove Ben' }).dblclick();
  const focused = () => page.evaluate(() => document.activeElement?.textContent);
  await until('the safe answer has the focus', async () => (await focused()) === 'Cancel');
  await page.keyboard.press('Enter');
  await until('the focus is back', async () => (await focused()) === 'Remove Ben');
  // So slowly that the answers are there when the second click comes.
  const at = await ben.getByRole('button', { name: 'Remove Ben' }).boundingBox();
  assert.ok(at);
  await page.mouse.move(at.x + at.width / 2, at.y + at.height / 2);
  await page.mouse.down({ clickCount: 1 });
  await page.mouse.up({ clickCount: 1 });
  await until('it asks', async () => (await focused()) === 'Cancel');
  await page.mouse.down({ clickCount: 2 });
  await page.mouse.up({ clickCount: 2 });
  assert.equal(await focused(), 'Cancel');
  await page.keyboard.press('Enter');
  await until('the focus is back again', async () => (await focused()) === 'Remove Ben');
  await page.getByRole('button', { name: 'Leave' }).click();
  await page.getByRole('button', { name: 'Cancel' }).waitFor();
  assert.deepEqual(gone, []);
  await page.getByRole('button', { name: 'Yes, leave' }).click();
  await page.getByRole('heading', { level: 1, name: 'public' }).waitFor();
  await closed(page);
  assert.equal(gone.length, 1);
  assert.deepEqual(faults, []);
});

const closedShop = stage(undefined, { AUTH_MODE: 'required' });

test('a dialog does not outlive the session that it was opened in', async () => {
  const { page, faults } = await guest(closedShop.browser, { url: closedShop.services.url });
  await page.getByRole('button', { name: 'Create an account' }).click();
  await page.getByLabel('Name').fill('Cara');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await live(page);
  await page.getByRole('button', { name: 'Rooms' }).click();
  await page.getByLabel('A new room').waitFor();
  // As from another device.
  const answer = await page.evaluate(() => fetch('/sessions/current', { method: 'DELETE' }).then(({ status }) => status));
  assert.equal(answer, 204);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await live(page);
  assert.equal(await page.locator('dialog').count(), 0);
  assert.deepEqual(grave(faults), []);
});
