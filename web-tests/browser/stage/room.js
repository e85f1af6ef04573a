// What a person does and sees.
import { guest } from './chromium.js';
import { until } from './services.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./chromium.js').Guest} Guest */

/**
 * @param {import('playwright-core').Browser} browser
 * @param {import('./services.js').Services} services
 * @param {string} name
 * @param {import('playwright-core').BrowserContextOptions} [options]
 * @returns {Promise<Guest>} somebody who is in the room, live
 */
export async function enter(browser, services, name, options) {
  const person = await guest(browser, { url: services.url, name, ...options });
  await live(person.page);
  return person;
}

/** @param {Page} page */
export async function live(page) {
  await page.locator('.status[data-phase="live"]').waitFor();
}

/** Waits until the client has noticed that its stream is gone. @param {Page} page */
export async function notLive(page) {
  await page.locator('.status:not([data-phase="live"])').waitFor();
}

/**
 * @param {Page} page
 * @param {string} text
 */
export async function say(page, text) {
  await page.locator('#draft').fill(text);
  await page.locator('#draft').press('Enter');
}

/** @param {Page} page @returns {Promise<string[]>} the texts on the screen, from top to bottom */
export async function texts(page) {
  const all = await page.locator('.bubble').allTextContents();
  return all.map((text) => text.trim());
}

/** @param {Page} page @param {string} text */
export async function sees(page, text) {
  await until(`“${text}” is on the screen`, async () => (await texts(page)).includes(text));
}

/** Waits until nothing is on its way any more. @param {Page} page */
export async function allSent(page) {
  await until('all is sent', async () => (await page.locator('.line.pending').count()) === 0);
}

/** The place of a conversation in the list. @param {Page} page @param {string} title */
export function entry(page, title) {
  return page.locator('.entry').filter({ has: page.getByText(title, { exact: true }) });
}

/** @param {Page} page @param {string} title of a conversation in the list */
export async function turnTo(page, title) {
  await entry(page, title).click();
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
}

/** Writes to somebody, found by name. @param {Page} page @param {string} name */
export async function writeTo(page, name) {
  await page.getByRole('button', { name: 'Message', exact: true }).click();
  await page.getByRole('searchbox').fill(name);
  await page.locator('.person').filter({ has: page.getByText(name, { exact: true }) }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

/** The line that says a text. @param {Page} page @param {string} text */
export function line(page, text) {
  return page.locator('.line').filter({ has: page.locator('.bubble', { hasText: text }) }).last();
}

/** Presses a button that asks first, and says yes. @param {import('playwright-core').Page | import('playwright-core').Locator} place @param {string} words */
export async function surely(place, words) {
  await place.getByRole('button', { name: new RegExp(`^${words}`) }).click();
  await place.getByRole('button', { name: `Yes, ${words}` }).click();
}

/** Does something with a message. @param {Page} page @param {string} text @param {string} action */
export async function act(page, text, action) {
  await line(page, text).hover();
  await line(page, text).getByRole('button', { name: action, exact: true }).click();
}

/** Without what the console notes when a request is answered with 401, as it is at a session's end. @param {string[]} faults */
export const grave = (faults) => faults.filter((fault) => !/status of 401/.test(fault));
