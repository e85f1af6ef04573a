import assert from 'node:assert/strict';
import { test } from 'node:test';
import { act, allSent, enter, say, sees } from './stage/room.js';
import { until } from './stage/services.js';
import { stage } from './stage/stage.js';

const on = stage();

const CONTENTS = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '"><script>alert(1)</script>',
  "'><svg onload=alert(1)>",
  '<svg><script href="data:,alert(1)"/></svg>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<a href="javascript:alert(1)">click</a>',
  'javascript:alert(1)',
  'https://example.org/"onmouseover="alert(1)',
  'https://example.org/\' onclick=\'alert(1)',
  'https://example.org/<img/src=x/onerror=alert(1)>',
  'data:text/html,<script>alert(1)</script>',
  '<style>@import "https://example.org/x.css";</style>',
  '<link rel=stylesheet href=//example.org/x.css>',
  '<meta http-equiv=refresh content="0;url=javascript:alert(1)">',
  '<base href="https://example.org/">',
  '<form action="https://example.org"><button>x</button></form>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<template><img src=x onerror=alert(1)></template>',
  '<object data="data:text/html,<script>alert(1)</script>"></object>',
  '<video><source onerror=alert(1)></video>',
  '<details open ontoggle=alert(1)>',
  '${alert(1)} {{constructor.constructor("alert(1)")()}} #{alert(1)}',
  '</textarea></title></script><img src=x onerror=alert(1)>',
  '&lt;img src=x onerror=alert(1)&gt; &#x3c;script&#x3e;',
  '<x onclick=alert(1) style="position:fixed;inset:0">cover</x>',
];
const NAMES = [
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)<',
  '"><svg onload=alert(1)>',
  "' onclick='alert(1)",
  '{{constructor.constructor("alert(1)")()}}',
  '&lt;b&gt; __proto__',
  '__proto__',
  'constructor',
];

test('markup in messages and names stays text, for the writer and for everybody else', async () => {
  const witness = await enter(on.browser, on.services, 'Witness');
  const writer = await enter(on.browser, on.services, NAMES[0]);
  /** @type {string[]} */
  const strays = [];
  const hosts = [on.services.message.url, on.services.notification.url];
  witness.page.on('request', (request) => {
    if (!hosts.includes(new URL(request.url()).origin)) strays.push(request.url());
  });

  for (const content of CONTENTS) await say(writer.page, content);
  await allSent(writer.page);
  for (const [index, name] of NAMES.entries()) await on.services.post(name, `my name is ${index}`);
  await on.services.post('Last', 'the last one');

  for (const { page } of [witness, writer]) {
    await sees(page, 'the last one');
    const shown = await page.locator('.bubble').evaluateAll((bubbles) => bubbles.map((bubble) => bubble.textContent));
    for (const content of CONTENTS) assert.ok(shown.includes(content), `changed: ${content}`);
    const authors = await page.locator('.line .meta span, .line p.hidden span').allTextContents();
    for (const name of NAMES.slice(1)) assert.ok(authors.includes(name), `changed: ${name}`);
    const foreign = await page.locator('.timeline').evaluate((timeline) =>
      [...timeline.querySelectorAll('script, img, iframe, object, video, style, link, meta, base, form, template, details, math, x')]
        .map((element) => element.outerHTML));
    assert.deepEqual(foreign, []);
    const links = await page.locator('.bubble a').evaluateAll((all) =>
      all.map((link) => ({
        protocol: /** @type {HTMLAnchorElement} */ (link).protocol,
        rel: link.getAttribute('rel'),
        attributes: link.getAttributeNames().sort().join(' '),
      })));
    assert.ok(links.length >= 3);
    for (const link of links) {
      assert.match(link.protocol, /^https?:$/);
      assert.equal(link.rel, 'noopener noreferrer');
      assert.equal(link.attributes, 'href rel target');
    }
  }
  // The title carries a number only, never what somebody wrote.
  assert.match(await witness.page.title(), /^(?:\(\d+\) )?RealTalk$/);
  await until('nothing is left to happen', async () => (await witness.page.evaluate(() => document.readyState)) === 'complete');
  assert.deepEqual(witness.faults, []);
  assert.deepEqual(writer.faults, []);
  assert.deepEqual(strays, []);
});

test('the policy forbids what a slip in the client would allow', async () => {
  const { page, faults } = await enter(on.browser, on.services, 'Auditor');
  const outcome = await page.evaluate(() => {
    try {
      document.body.insertAdjacentHTML('beforeend', '<img src=x onerror="document.title=\'owned\'">');
      return 'allowed';
    } catch (error) {
      return /** @type {Error} */ (error).name;
    }
  });
  assert.equal(outcome, 'TypeError');
  assert.equal(await page.title(), 'RealTalk');
  assert.ok(faults.some((fault) => fault.startsWith('csp:')), 'violations are seen by these tests');
});

test('long words and addresses wrap, down to 320 px', async () => {
  await on.services.post('Wide Wanda', 'w'.repeat(500));
  await on.services.post('Wide Wanda', `https://example.org/${'path/'.repeat(80)}`);
  const { id } = await on.services.post('W'.repeat(64), 'a long name');
  await on.services.ask('POST', '/messages', { user: 'Wide Wanda', content: 'an answer', reply_to: id });
  const { page } = await enter(on.browser, on.services, 'N'.repeat(64), { viewport: { width: 320, height: 568 } });
  await sees(page, 'an answer');
  await act(page, 'a long name', 'Reply');
  await page.locator('.subject').waitFor();
  const overflow = await page.evaluate(() =>
    ['html', '.sidebar', '.sidebar header', '.conversations', '.talk header', '.scroller', 'footer', '.quote', '.subject'].filter((selector) => {
      const element = /** @type {Element} */ (document.querySelector(selector));
      return element.scrollWidth > element.clientWidth;
    }));
  assert.deepEqual(overflow, []);
});
