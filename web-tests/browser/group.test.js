import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, entry, line, live, say, sees, surely, turnTo } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const on = stage(async (services) => {
  for (const name of ['Ann', 'Ben', 'Eve']) await services.post(name, `${name} was here`);
});

/** @param {import('playwright-core').Page} page @param {string} name @returns a member in the dialog */
const member = (page, name) => page.locator('.member').filter({ has: page.getByText(name, { exact: true }) });

/** @param {import('playwright-core').Page} page @param {string} name */
const pick = (page, name) => page.locator('.person').filter({ has: page.getByText(name, { exact: true }) }).click();

test('the life of a group: made, talked in, grown, renamed, left', async () => {
  const [ann, ben, eve] = await Promise.all(['Ann', 'Ben', 'Eve'].map((name) => enter(on.browser, on.services, name)));
  await ann.page.getByRole('button', { name: 'Group', exact: true }).click();
  await ann.page.getByLabel('Name of the group').fill('Tea at five');
  await pick(ann.page, 'Ben');
  await ann.page.getByRole('button', { name: 'Create group' }).click();
  await ann.page.getByRole('heading', { level: 1, name: 'Tea at five' }).waitFor();
  await say(ann.page, 'welcome, @Ben');

  await entry(ben.page, 'Tea at five').locator('.badge.mention').waitFor();
  await turnTo(ben.page, 'Tea at five');
  await sees(ben.page, 'welcome, @Ben');
  await ben.page.locator('.me-called').waitFor();
  await line(ann.page, 'welcome').getByRole('img', { name: 'Read', exact: true }).waitFor();
  assert.equal(await entry(eve.page, 'Tea at five').count(), 0);

  // Eve is added: she sees the group at once, and everybody sees her.
  await ann.page.getByRole('button', { name: 'Details' }).click();
  await member(ann.page, 'Ben').getByText('Member, online').waitFor();
  await member(ann.page, 'Ann').getByText('Owner').waitFor();
  await ann.page.getByRole('button', { name: 'Add somebody' }).click();
  await pick(ann.page, 'Eve');
  await member(ann.page, 'Eve').waitFor();
  await turnTo(eve.page, 'Tea at five');
  await ben.page.getByText('· 3 members').waitFor();
  await say(eve.page, 'thank you');
  await sees(ben.page, 'thank you');

  // Only owners change things: Ben sees no way to, until he is one.
  await ben.page.getByRole('button', { name: 'Details' }).click();
  assert.equal(await ben.page.getByRole('button', { name: /^Remove/ }).count(), 0);
  await member(ann.page, 'Ben').getByRole('button', { name: /^Make owner/ }).click();
  await member(ben.page, 'Ben').getByText('Owner').waitFor();
  await ben.page.getByLabel('Name', { exact: true }).fill('Tea at six');
  await ben.page.getByRole('button', { name: 'Rename' }).click();
  await Promise.all([ann, eve].map(({ page }) => page.getByRole('heading', { level: 1, name: 'Tea at six' }).waitFor()));

  // Eve is removed: it goes from her list and her screen, and she hears no more of it.
  await surely(member(ben.page, 'Eve'), 'Remove');
  await eve.page.getByRole('heading', { level: 1, name: 'public' }).waitFor();
  await until('it is gone from her list', async () => (await entry(eve.page, 'Tea at six').count()) === 0);
  await ben.page.keyboard.press('Escape');
  await say(ben.page, 'just the two of us');
  await ann.page.keyboard.press('Escape');
  await sees(ann.page, 'just the two of us');
  assert.doesNotMatch(await eve.page.locator('body').innerText(), /just the two/);

  await ann.page.getByRole('button', { name: 'Details' }).click();
  await surely(ann.page, 'Leave');
  await ann.page.getByRole('heading', { level: 1, name: 'public' }).waitFor();
  await until('it is gone', async () => (await entry(ann.page, 'Tea at six').count()) === 0);
  await ben.page.getByText('· 1 member').waitFor();
  assert.deepEqual([...ann.faults, ...ben.faults, ...eve.faults], []);
});

test('what somebody says while they are removed is not lost', async () => {
  const { id } = await on.services.ask('POST', '/conversations', { user: 'Ann', kind: 'group', name: 'Chess', members: ['Eve'] });
  const eve = await enter(on.browser, on.services, 'Eve');
  await turnTo(eve.page, 'Chess');
  /** @type {() => void} */
  let release = () => {};
  const removed = new Promise((resolve) => (release = () => resolve(undefined)));
  await eve.page.route('**/messages', async (route) => {
    await removed;
    await route.continue();
  });
  await say(eve.page, 'my last words');
  await on.services.ask('DELETE', `/conversations/${id}/members/Eve?user=Ann`);
  await eve.page.getByRole('heading', { level: 1, name: 'public' }).waitFor();
  release();
  const refused = line(eve.page, 'my last words');
  await refused.getByText('You are no longer in that conversation.').waitFor();
  await eve.page.reload();
  await live(eve.page);
  await refused.getByRole('button', { name: 'Edit' }).click();
  assert.equal(await eve.page.locator('#draft').inputValue(), 'my last words');
  await until('it is not shown any more', async () => (await refused.count()) === 0);
});

test('a link to a room leads there, or says why not', async () => {
  await on.services.ask('POST', '/conversations', { user: 'Ann', kind: 'room', id: 'garden', name: 'Garden' });
  const ben = await enter(on.browser, on.services, 'Ben');
  const here = ben.page.url();
  const missing = ben.page.getByText('You are not in “garden”.');
  await ben.page.goto(`${here}#garden`);
  await missing.waitFor();
  assert.equal(ben.page.url(), here);
  await ben.page.goto('about:blank');
  await ben.page.goto(`${here}#garden`);
  await missing.waitFor();
  await ben.page.getByRole('heading', { level: 1, name: 'public' }).waitFor();
  assert.equal(ben.page.url(), here);
  await on.services.ask('PUT', '/conversations/garden/members/Ben?user=Ben');
  await ben.page.goto('about:blank');
  await ben.page.goto(`${here}#garden`);
  await ben.page.getByRole('heading', { level: 1, name: 'Garden' }).waitFor();
  assert.deepEqual(ben.faults, []);
});

test('rooms are made, found, joined and left, and a reload knows', async () => {
  const ann = await enter(on.browser, on.services, 'Ann');
  const ben = await enter(on.browser, on.services, 'Ben');
  await ann.page.getByRole('button', { name: 'Rooms' }).click();
  await ann.page.getByLabel('A new room').fill('Café Corner');
  await ann.page.getByRole('button', { name: 'Create' }).click();
  await ann.page.getByRole('heading', { level: 1, name: 'Café Corner' }).waitFor();
  await say(ann.page, 'first in');

  await ben.page.getByRole('button', { name: 'Rooms' }).click();
  await ann.page.getByText('· 1 member').waitFor();
  await ben.page.locator('[data-room="cafe-corner"]').click();
  await ann.page.getByText('· 2 members').waitFor();
  await ben.page.getByRole('heading', { level: 1, name: 'Café Corner' }).waitFor();
  await sees(ben.page, 'first in');
  // What is said there now comes live: the stream has been opened again with the new room.
  await live(ben.page);
  await say(ann.page, 'hello Ben');
  await sees(ben.page, 'hello Ben');
  await say(ben.page, 'hello Ann');
  await sees(ann.page, 'hello Ann');

  await turnTo(ben.page, 'public');
  await say(ann.page, 'anybody?');
  await entry(ben.page, 'Café Corner').locator('.badge').waitFor();
  await ben.page.reload();
  await live(ben.page);
  await entry(ben.page, 'Café Corner').locator('.badge').getByText('1', { exact: false }).waitFor();
  await ben.page.getByText(/· \d here/).waitFor();
  await turnTo(ben.page, 'Café Corner');
  await ben.page.getByRole('button', { name: 'Details' }).click();
  await surely(ben.page, 'Leave');
  await until('it is gone', async () => (await entry(ben.page, 'Café Corner').count()) === 0);
  assert.deepEqual([...ann.faults, ...ben.faults], []);
});

test('a room is named in any script, and no two share an address', async () => {
  const { page, faults } = await enter(on.browser, on.services, 'Ann');
  for (const name of ['Кофейня', '咖啡', 'Чай 24', 'Вода 24']) {
    await page.getByRole('button', { name: 'Rooms' }).click();
    await page.getByLabel('A new room').fill(name);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  }
  await page.getByRole('button', { name: 'Rooms' }).click();
  await page.getByLabel('A new room').fill('?!');
  await page.getByRole('button', { name: 'Create' }).click();
  await page.getByText('needs letters or digits').waitFor();
  assert.deepEqual(faults, []);
});

test('who has been picked is not said to be missing', async () => {
  const { page } = await enter(on.browser, on.services, 'Ann');
  await page.getByRole('button', { name: 'Group', exact: true }).click();
  for (const name of ['Ben', 'Eve']) await pick(page, name);
  await page.getByText('Nobody else is left.').waitFor();
  await page.getByRole('searchbox').fill('Ben');
  await page.getByText('Nobody else is called that.').waitFor();
});
