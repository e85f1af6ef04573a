// Says whether somebody who has the page open notices what a rude neighbour does: for each attack of
// `realtalk-bench rude`, how long what others say takes to the screen, before it and while it lasts; and what
// the person says themselves, to the screen of somebody else.
//
//   REALTALK_BIN=../target/release node attacked.js [attack…]
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from './browser/stage/chromium.js';
import { enter, grave, say, texts } from './browser/stage/room.js';
import { until } from './browser/stage/services.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const binaries = resolve(here, process.env.REALTALK_BIN ?? '../target/release');
const all = ['resume', 'sockets', 'unread', 'slow', 'groups', 'presence', 'posts', 'heads', 'searches', 'lists'];
const attacks = process.argv.length > 2 ? process.argv.slice(2) : all;

/** Seconds. */
const [QUIET, ATTACKED] = [25, 30];

/** Longer than this nobody is to wait for a message, in milliseconds. */
const NOTICED = 2_000;

/** The address at which a child of a process serves. @param {number} parent @param {string} name */
async function served(parent, name) {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const [status, environment] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/environ`, 'utf8'),
    ]).catch(() => ['', '']);
    if (!status.includes(`PPid:\t${parent}\n`)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    const port = /(?:^|\0)PORT=(\d+)/.exec(environment)?.[1];
    if (port && command.split('\0')[0].endsWith(name)) return `http://127.0.0.1:${port}`;
  }
  return undefined;
}

/** The id of the message with this text, which is said once, among the last few thousand. @param {string} url @param {string} text */
async function idOf(url, text) {
  let before = '';
  for (let page = 0; page < 20; page += 1) {
    const answer = await fetch(`${url}/messages?limit=200${before}`);
    const messages = /** @type {{id: string, content: string}[]} */ (answer.ok ? await answer.json() : []);
    const found = messages.find(({ content }) => content === text);
    if (found || messages.length === 0) return found?.id;
    before = `&before=${messages[0].id}`;
  }
  return undefined;
}

/**
 * Waits until a text is on the screen, or above it: of a thousand messages that come at once, a page draws the
 * last ones.
 * @param {import('playwright-core').Page} page
 * @param {string} url
 * @param {string} text
 */
async function comes(page, url, text) {
  let id = '';
  const asks = setInterval(async () => (id ||= (await idOf(url, text).catch(() => undefined)) ?? ''), 1_000);
  const first = () => document.querySelector('.line[data-id]')?.getAttribute('data-id') ?? '';
  try {
    await until(`“${text}” has come`, async () => {
      if ((await texts(page)).includes(text)) return true;
      return id !== '' && (await page.evaluate(first)) > id;
    });
  } finally {
    clearInterval(asks);
  }
}

/** The middle one, and the longest. @param {number[]} times */
function summary(times) {
  const sorted = times.toSorted((one, other) => one - other);
  return { count: times.length, median: sorted[Math.floor(times.length / 2)], longest: sorted.at(-1) };
}

const browser = await launch();
let isGood = true;
try {
  for (const attack of attacks) {
    const seconds = ['--quiet', QUIET, '--seconds', ATTACKED, '--rest', '5', '--after', '3'].map(String);
    const options = ['rude', '--attack', attack, '--runs', '1', '--targets', 'realtalk', '--bin-dir', binaries];
    const bench = spawn(join(binaries, 'realtalk-bench'), [...options, ...seconds], { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise((resolve) => bench.once('close', resolve));
    const seeded = new Promise((resolve) => bench.stderr.on('data', (chunk) => String(chunk).includes('seeded') && resolve(Date.now())));
    const url = await until('the services run', () => served(Number(bench.pid), 'message-service'));
    const began = /** @type {number} */ (await seeded);
    const [maya, jonas] = await Promise.all(['Maya', 'Jonas'].map((name) => enter(browser, /** @type {any} */ ({ url }), name)));
    /** @type {{quiet: number[], attacked: number[]}} */
    const times = { quiet: [], attacked: [] };
    for (let turn = 0; ; turn += 1) {
      const at = (Date.now() - began) / 1_000;
      if (at > QUIET + ATTACKED - 2) break;
      const [speaker, listener] = turn % 2 ? [maya, jonas] : [jonas, maya];
      const text = `${attack} ${turn}`;
      const said = Date.now();
      await say(speaker.page, text);
      await comes(listener.page, url, text);
      times[at < QUIET ? 'quiet' : 'attacked'].push(Date.now() - said);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const faults = [...grave(maya.faults), ...grave(jonas.faults)];
    const [quiet, attacked] = [summary(times.quiet), summary(times.attacked)];
    const isUnnoticed = attacked.count > 5 && Number(attacked.longest) < NOTICED && faults.length === 0;
    isGood &&= isUnnoticed;
    console.log(JSON.stringify({ attack, quiet, attacked, faults, verdict: isUnnoticed ? 'unnoticed' : 'NOTICED' }));
    await Promise.all([maya.context.close(), jonas.context.close()]);
    await ended;
  }
} finally {
  await browser.close();
}
process.exitCode = isGood ? 0 : 1;
