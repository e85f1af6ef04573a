import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const root = new URL('../../static/', import.meta.url);
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.replace(/\/+/g, '/').slice(root.pathname.length));
const own = files.filter((file) => !file.startsWith('vendor/'));
/** @param {string} file */
const read = (file) => readFileSync(new URL(file, root), 'utf8');
const index = read('index.html');

/** What turns text into markup or code. */
const BANNED = [
  /innerHTML/i, /outerHTML/i, /insertAdjacentHTML/i, /document\.write/, /createContextualFragment/, /DOMParser/,
  /srcdoc/i, /\beval\s*\(/, /\bnew\s+Function\b/, /\bset(?:Timeout|Interval)\s*\(\s*['"`]/, /javascript:/i,
];

test('no source turns text into markup or code', () => {
  for (const file of own) {
    for (const pattern of BANNED) assert.doesNotMatch(read(file), pattern, file);
  }
});

test('the page has one inline script, the import map, and no inline style or handler', () => {
  const scripts = [...index.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)];
  const inline = scripts.filter(([, , text]) => text.trim() !== '');
  assert.equal(inline.length, 1);
  assert.equal(inline[0][1].trim(), 'type="importmap"');
  assert.doesNotMatch(index, /<style|\sstyle=|\son\w+=/i);
});

/** What only some visits need: it comes when it is needed. */
const LAZY = /^(?:views\/dialogs\/.*|views\/actions\.js|views\/sign-in\.js|dialogs\.css)$/;

test('the page preloads every module that it needs at once, and the import map names every library', () => {
  const modules = files.filter((file) => file.endsWith('.js') && file !== 'app.js' && !LAZY.test(file)).sort();
  const preloaded = [...index.matchAll(/rel="modulepreload" href="\.\/([^"]+)"/g)].map((match) => match[1]);
  assert.deepEqual(preloaded.sort(), modules);
  const map = /<script type="importmap">([\s\S]*?)<\/script>/.exec(index)?.[1] ?? '';
  const targets = Object.values(JSON.parse(map).imports).map((path) => String(path).slice(2));
  assert.deepEqual(targets.sort(), modules.filter((file) => file.startsWith('vendor/')));
});

test('what comes later is not imported by what comes at once', () => {
  for (const file of own.filter((name) => name.endsWith('.js') && !LAZY.test(name))) {
    for (const [, path] of read(file).matchAll(/^import\b[^;]*? from '(\.[^']+)'/gm)) {
      assert.doesNotMatch(new URL(path, new URL(file, root)).pathname.slice(root.pathname.length), LAZY, file);
    }
  }
});

// One noun, one file, and no bundler: the modules are many and small. All of them are named in the
// page, so they come in parallel, one round trip after it.
test('the page needs at most 44 files and 80 kB', () => {
  const needed = files.filter((file) => /\.(?:html|css|js|svg)$/.test(file) && !LAZY.test(file));
  const bytes = needed.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, root))).length, 0);
  assert.ok(needed.length <= 44, `${needed.length} files`);
  assert.ok(bytes <= 80_000, `${bytes} bytes`);
});

test('only one file knows the libraries', () => {
  for (const file of own.filter((name) => name.endsWith('.js') && name !== 'lib/html.js')) {
    assert.doesNotMatch(read(file), /^(?:import|export)\b.*from ['"][^./]/m, file);
  }
});

test('no source is longer than 300 lines', () => {
  for (const file of own) assert.ok(read(file).split('\n').length <= 301, file);
});

test('the lock file names no host', () => {
  const lock = readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8');
  assert.doesNotMatch(lock, /"resolved"|https?:\/\//);
});
