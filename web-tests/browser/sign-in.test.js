import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit } from './stage/barrier.js';
import { guest, tab } from './stage/chromium.js';
import { enter, grave, live, say, sees, surely } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const PASSWORD = 'correct horse battery';
const on = stage(undefined, { AUTH_MODE: 'required' });

/** @param {import('playwright-core').Page} page @param {string} name @param {string} password @param {string} [button] */
async function sign(page, name, password, button = 'Sign in') {
  await page.getByLabel('Name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: button, exact: true }).click();
}


test('one registers, talks, signs out and in again; nothing shows before that', async () => {
  const { page, context, faults } = await guest(on.browser, { url: on.services.url });
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await page.locator('.scroller, .sidebar').count(), 0);
  await audit(page, 'signing in');
  await page.getByRole('button', { name: 'Create an account' }).click();
  await sign(page, 'Ann', 'short', 'Create account');
  await page.getByText('at least 8 characters').waitFor();
  await sign(page, 'Ann', PASSWORD, 'Create account');
  await live(page);
  await say(page, 'members only');
  await sees(page, 'members only');
  await page.reload();
  await live(page);
  assert.equal(await page.locator('.me-name').innerText(), 'Ann', 'the session is kept');

  const second = await tab(context, on.services.url);
  await live(second.page);
  await page.locator('header .me').click();
  await surely(page, 'Sign out everywhere');
  for (const each of [page, second.page]) await each.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.doesNotMatch(await page.locator('body').innerText(), /members only/);
  await sign(page, 'Ann', 'not the password');
  await until('it is refused', async () => (await page.locator('#name-fault').innerText()) !== '');
  await sign(page, 'Ann', PASSWORD);
  await live(page);
  await sees(page, 'members only');
  await live(second.page);
  assert.deepEqual(grave([...faults, ...second.faults]), []);
});

test('nobody is asked for a name before it is known whether a name is enough', async () => {
  const { page, faults } = await guest(on.browser);
  /** @type {(value?: unknown) => void} */
  let answer = () => {};
  const asked = new Promise((resolve) => (answer = resolve));
  await page.route('**/config.json', async (route) => {
    await asked;
    await route.fallback();
  });
  await page.goto(on.services.url);
  await page.locator('.status').waitFor();
  assert.equal(await page.locator('#name').count(), 0);
  answer();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.deepEqual(grave(faults), []);
});

test('a session that ends elsewhere asks again, and nothing typed is lost', async () => {
  const here = await guest(on.browser, { url: on.services.url });
  await here.page.getByRole('button', { name: 'Create an account' }).click();
  await sign(here.page, 'Ben', PASSWORD, 'Create account');
  await live(here.page);
  await here.page.locator('#draft').fill('half a thought');

  const there = await guest(on.browser, { url: on.services.url });
  await sign(there.page, 'Ben', PASSWORD);
  await live(there.page);
  await there.page.locator('header .me').click();
  await surely(there.page, 'Sign out everywhere');
  await here.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await here.page.getByLabel('Name').inputValue(), 'Ben');
  await sign(here.page, 'Ben', PASSWORD);
  await live(here.page);
  assert.equal(await here.page.locator('#draft').inputValue(), 'half a thought');
});

test('a message whose session ends on the way goes out after the next sign-in', async () => {
  const { page, context } = await guest(on.browser, { url: on.services.url });
  await page.getByRole('button', { name: 'Create an account' }).click();
  await sign(page, 'Cleo', PASSWORD, 'Create account');
  await live(page);
  const typing = page.waitForResponse((response) => response.url().endsWith('/typing'));
  await page.locator('#draft').fill('will it arrive?');
  await typing;
  await context.clearCookies();
  await page.locator('#draft').press('Enter');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await sign(page, 'Cleo', PASSWORD);
  await sees(page, 'will it arrive?');
  await until('it is sent', async () => (await page.locator('.line.pending').count()) === 0);
  assert.equal(await page.locator('.line.failed').count(), 0);
});

test('whoever changes their password stays, in every tab', async () => {
  const { page, context, faults } = await guest(on.browser, { url: on.services.url });
  await page.getByRole('button', { name: 'Create an account' }).click();
  await sign(page, 'Dana', PASSWORD, 'Create account');
  await live(page);
  const others = [await tab(context, on.services.url), await tab(context, on.services.url)];
  for (const other of others) await live(other.page);
  /** @type {string[]} */
  const lost = [];
  for (const each of [page, ...others.map((other) => other.page)]) {
    await each.exposeFunction('noteLoss', () => lost.push('signed out'));
    await each.evaluate(() => new MutationObserver(() => document.querySelector('.gate') && /** @type {any} */ (window).noteLoss())
      .observe(document.body, { childList: true, subtree: true }));
  }
  await page.locator('header .me').click();
  await page.getByLabel('Current password').fill(PASSWORD);
  await page.getByLabel('New password').fill(`${PASSWORD} staple`);
  await page.getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByText('The password is changed.').waitFor();
  await page.keyboard.press('Escape');
  // The streams of the old session have ended: those of the new one bring this.
  await say(page, 'still me');
  for (const each of [page, ...others.map((other) => other.page)]) {
    await sees(each, 'still me');
    await live(each);
    assert.equal(await each.locator('.me-name').innerText(), 'Dana');
  }
  assert.deepEqual(lost, []);
  assert.deepEqual(grave([...faults, ...others.flatMap((other) => other.faults)]), []);
});

const open = stage();

test('in open mode a name can be given a password, and then takes it', async () => {
  const ann = await enter(open.browser, open.services, 'Dora');
  await ann.page.locator('header .me').click();
  await ann.page.getByLabel('Password').fill(PASSWORD);
  await ann.page.getByRole('button', { name: 'Register' }).click();
  await ann.page.getByRole('button', { name: 'Change', exact: true }).waitFor();
  await ann.page.getByText('The name is yours.').waitFor();
  await ann.page.keyboard.press('Escape');
  await say(ann.page, 'it is really me');
  await sees(ann.page, 'it is really me');

  const { page } = await guest(open.browser, { url: open.services.url });
  await live(page);
  await sees(page, 'it is really me');
  await page.locator('#name').fill('dora');
  await page.locator('#name').press('Enter');
  await page.locator('#password').waitFor();
  await audit(page, 'a name with a password');
  assert.match(await page.locator('#name-fault').innerText(), /has a password/);
  await page.locator('#password').fill('a guess, nothing more');
  await page.locator('#password').press('Enter');
  await page.getByText('not the password').waitFor();
  await page.locator('#password').fill(PASSWORD);
  await page.locator('#password').press('Enter');
  await page.locator('#draft').waitFor();
  assert.equal(await page.locator('.me-name').innerText(), 'Dora');
  await page.reload();
  await live(page);
  assert.equal(await page.locator('.me-name').innerText(), 'Dora');
});

test('in open mode a name is given a password while other tabs are open: all of them stay', async () => {
  for (const name of ['Gus', 'Hal', 'Ida', 'Jon', 'Kay']) {
    const first = await enter(open.browser, open.services, name);
    const tabs = [first, ...await Promise.all([1, 2, 3].map(() => tab(first.context, open.services.url)))];
    for (const { page } of tabs) await live(page);
    await first.page.locator('header .me').click();
    await first.page.getByLabel('Password').fill(PASSWORD);
    await first.page.getByRole('button', { name: 'Register' }).click();
    await first.page.getByRole('button', { name: 'Change', exact: true }).waitFor();
    await first.page.keyboard.press('Escape');
    await say(first.page, `${name} has registered`);
    for (const { page } of tabs) {
      await sees(page, `${name} has registered`);
      assert.equal(await page.locator('.me-name').innerText(), name);
      await page.reload();
      await live(page);
      assert.equal(await page.locator('.me-name').innerText(), name, 'nor is the session forgotten');
    }
    await first.context.close();
  }
});

test('in open mode a guest takes another name, and what was being written stays', async () => {
  const { page, faults } = await enter(open.browser, open.services, 'Finn');
  await page.locator('#draft').fill('half a thought');
  await page.locator('header .me').click();
  await page.getByLabel('Another name').fill('Fiona');
  await page.getByRole('button', { name: 'Change name' }).click();
  await until('the name has changed', async () => (await page.locator('.me-name').innerText()) === 'Fiona');
  await live(page);
  assert.equal(await page.locator('#draft').inputValue(), 'half a thought');
  await page.locator('#draft').press('Enter');
  await sees(page, 'half a thought');
  assert.equal(await page.locator('.line.own').count(), 1);
  assert.deepEqual(faults, []);
});
