// Writes docs/screenshot.png: a pleasant conversation, in the real client on the real services.
import { fileURLToPath } from 'node:url';
import { launch } from './browser/chromium.js';
import { allSent, enter, say, sees } from './browser/room.js';
import { Services } from './browser/server.js';

const target = fileURLToPath(new URL('../docs/screenshot.png', import.meta.url));

const services = await Services.start();
const browser = await launch();
try {
  const { page } = await enter(browser, services, 'Maya', { viewport: { width: 1200, height: 800 }, locale: 'en-GB' });
  /** @type {[string, string][]} */
  const talk = [
    ['Jonas', 'Good morning! The stream has been up all night, not one message lost 🎉'],
    ['Jonas', 'I pulled the plug twice, just to be sure.'],
    ['Maya', 'Twice? You really do not trust it yet 😄'],
    ['Wei Lin', 'My train went through three tunnels and every word arrived. Once.'],
    ['Amira', 'The notes from yesterday are here: https://example.org/notes/launch'],
    ['Amira', 'Shall we go live on Thursday?'],
    ['Jonas', '👍'],
    ['Maya', 'Thursday it is. I will tell everybody over lunch.'],
  ];
  for (const [name, text] of talk) {
    if (name === 'Maya') await say(page, text);
    else await services.post(name, text);
    await sees(page, text);
    await allSent(page);
  }
  await page.locator('#draft').fill('Who is up for lunch');
  await page.screenshot({ path: target, animations: 'disabled' });
} finally {
  await browser.close();
  await services.stop();
}
