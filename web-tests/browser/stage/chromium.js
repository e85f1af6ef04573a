// Browsers, and the people who sit at them: each with a storage of their own.
import { chromium } from 'playwright-core';
import { PATIENCE_MS } from './services.js';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The system's Chromium with an empty profile. */
export function launch() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGS, headless: true });
}

/**
 * @typedef {object} Guest
 * @property {import('playwright-core').Page} page
 * @property {import('playwright-core').BrowserContext} context
 * @property {string[]} faults console errors, uncaught errors, CSP violations, dialogs
 */

/**
 * One person's browser: own storage, one tab, and a record of all that goes wrong in it.
 * @param {import('playwright-core').Browser} browser
 * @param {{url?: string, name?: string} & import('playwright-core').BrowserContextOptions} [options]
 * @returns {Promise<Guest>}
 */
export async function guest(browser, { url, name, ...contextOptions } = {}) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 }, ...contextOptions });
  context.setDefaultTimeout(PATIENCE_MS);
  if (name) {
    await context.addInitScript((value) => {
      // Pages without storage, such as about:blank, run this too.
      try {
        localStorage.getItem('realtalk.name') ?? localStorage.setItem('realtalk.name', value);
      } catch {}
    }, name);
  }
  const { page, faults } = await tab(context, url);
  return { page, context, faults };
}

/**
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} [url]
 */
export async function tab(context, url) {
  const page = await context.newPage();
  /** @type {string[]} */
  const faults = [];
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  await page.exposeFunction('reportViolation', (/** @type {string} */ text) => faults.push(`csp: ${text}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      /** @type {any} */ (window).reportViolation(`${event.violatedDirective} ${event.blockedURI}`);
    });
  });
  if (url) await page.goto(url);
  return { page, faults };
}
