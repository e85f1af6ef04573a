import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tab } from './chromium.js';
import { enter, entry, live, turnTo } from './room.js';
import { until } from './server.js';
import { stage } from './stage.js';

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

test('a dialog does not outlive whom it was opened by', async () => {
  const { page, context, faults } = await enter(on.browser, on.services, 'Cara');
  const second = await tab(context, on.services.url);
  await live(second.page);
  await page.locator('header .me').click();
  await page.getByRole('heading', { name: 'Cara' }).waitFor();
  await second.page.locator('header .me').click();
  await second.page.getByRole('button', { name: 'Sign out everywhere' }).click();
  await page.locator('#name').waitFor();
  await closed(page);
  await closed(second.page);
  assert.deepEqual([...faults, ...second.faults], []);
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
