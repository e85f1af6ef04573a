// What every browser test stands on: both services and one browser, and a clean end whatever happens.
import { after, afterEach, before } from 'node:test';
import { launch } from './chromium.js';
import { Services } from './services.js';

/** @typedef {{services: Services, browser: import('playwright-core').Browser}} Stage */

/**
 * @param {(services: Services) => Promise<void>} [furnish] runs once, before the first test
 * @param {Record<string, string>} [settings] of the services
 * @returns {Stage} filled when the tests run
 */
export function stage(furnish, settings) {
  const props = /** @type {Stage} */ ({});
  before(async () => {
    props.services = await Services.start(settings);
    props.browser = await launch();
    await furnish?.(props.services);
  });
  afterEach(async () => {
    await Promise.all(props.browser?.contexts().map((context) => context.close()) ?? []);
    await props.services?.mend();
  });
  after(async () => {
    await props.browser?.close();
    await props.services?.stop();
  });
  return props;
}
