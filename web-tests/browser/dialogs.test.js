import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, entry } from './room.js';
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
