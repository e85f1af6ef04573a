// What a person does and sees in the room.
import { guest } from './chromium.js';
import { until } from './server.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./chromium.js').Guest} Guest */

/**
 * @param {import('playwright-core').Browser} browser
 * @param {import('./server.js').Services} services
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
  await page.locator('.status[data-phase="live"]').waitFor({ timeout: 45_000 });
}

/** Waits until the client has noticed that its stream is gone. @param {Page} page */
export async function notLive(page) {
  await page.locator('.status:not([data-phase="live"])').waitFor({ timeout: 45_000 });
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
  await until(`“${text}” is on the screen`, async () => (await texts(page)).includes(text), 45_000);
}

/** Waits until nothing is on its way any more. @param {Page} page */
export async function allSent(page) {
  await until('all is sent', async () => (await page.locator('.line.pending').count()) === 0, 45_000);
}
