// Writes docs/screenshot.png: a pleasant conversation, in the real client on the real services.
import { fileURLToPath } from 'node:url';
import { launch } from './browser/stage/chromium.js';
import { act, allSent, enter, entry, line, say, turnTo } from './browser/stage/room.js';
import { Services } from './browser/stage/services.js';

const target = fileURLToPath(new URL('../docs/screenshot.png', import.meta.url));

const services = await Services.start();
const browser = await launch();
try {
  const talk = [
    ['Jonas', 'Good morning! The stream has been up all night, not one message lost 🎉'],
    ['Jonas', 'I pulled the plug twice, just to be sure.'],
    ['Maya', 'Twice? You really do not trust it yet 😄'],
    ['Wei Lin', 'My train went through three tunnels and every word arrived. Once.'],
    ['Amira', 'The notes from yesterday are here: https://example.org/notes/launch'],
    ['Amira', 'Shall we go live on Thursday, @Maya?'],
  ];
  for (const user of ['Maya', 'Jonas', 'Wei Lin', 'Amira']) await services.ask('POST', '/sessions', { username: user });
  await services.ask('POST', '/conversations', { user: 'Maya', kind: 'room', id: 'coffee', name: 'Coffee corner' });
  await services.ask('POST', '/messages', { user: 'Jonas', conversation_id: 'coffee', content: 'The new beans have arrived' });
  await services.post('Wei Lin', 'Who has the key to the bike shed?');
  const { id: conversation_id } = await services.ask('POST', '/conversations', {
    user: 'Jonas', kind: 'group', name: 'Launch crew', members: ['Maya', 'Wei Lin', 'Amira'],
  });
  const options = { viewport: { width: 1200, height: 800 }, locale: 'en-GB' };
  const { page } = await enter(browser, services, 'Maya', options);
  const jonas = await enter(browser, services, 'Jonas', options);
  await turnTo(page, 'Launch crew');
  let last;
  for (const [user, content] of talk) {
    if (user === 'Maya') await say(page, content);
    else last = await services.ask('POST', '/messages', { user, content, conversation_id });
    await line(page, content.slice(0, 30)).waitFor();
    await allSent(page);
  }
  for (const user of ['Jonas', 'Wei Lin']) await services.ask('PUT', `/messages/${last.id}/reactions/${encodeURIComponent('👍')}?${new URLSearchParams({ user })}`, {});
  await act(page, 'Shall we', 'Reply');
  await say(page, 'Thursday it is. I will tell everybody over lunch.');
  await turnTo(jonas.page, 'Launch crew');
  await line(jonas.page, 'Thursday it is').waitFor();
  await services.ask('POST', '/messages', { user: 'Amira', recipient: 'Maya', content: 'Do you have a minute later?' });
  await services.ask('POST', '/messages', { user: 'Amira', recipient: 'Maya', content: 'It is about the slides' });
  await entry(page, 'Amira').locator('.badge').waitFor();
  await page.mouse.move(0, 0);
  await jonas.page.locator('#draft').pressSequentially('Who is up');
  await page.locator('.typing').getByText('Jonas').waitFor();
  await page.screenshot({ path: target, animations: 'disabled' });
} finally {
  await browser.close();
  await services.stop();
}
