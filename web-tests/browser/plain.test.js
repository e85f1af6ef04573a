import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guest } from './stage/chromium.js';
import { stage } from './stage/stage.js';

const on = stage();

test('the plain page works when it is opened from a file', async () => {
  await on.services.post('Ann', 'here before you');
  const { page, faults } = await guest(on.browser);
  await page.addInitScript(([message, notification]) => {
    Object.assign(window, { MESSAGE_SERVICE_URL: message, NOTIFICATION_SERVICE_URL: notification });
  }, [on.services.message.url, on.services.notification.url]);
  await page.goto(new URL('../../examples/plain.html', import.meta.url).href);
  await page.getByText('Ann: here before you').waitFor();
  await page.getByLabel('Name').fill('Ben');
  await page.getByLabel('Message').fill('<b>from a file</b>');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Ben: <b>from a file</b>').waitFor();
  assert.equal(await page.locator('#messages li').count(), 2);
  assert.equal(await page.locator('#status').innerText(), 'Live');
  assert.deepEqual(faults, []);
});
