import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guestName, hue, initials, length, linkify, nameFault, samePerson, tidyName } from '../../static/lib/text.js';

test('length counts code points after trimming', () => {
  assert.equal(length('  hi \n'), 2);
  assert.equal(length('👍👍'), 2);
  assert.equal(length('e\u0301'), 2);
  assert.equal(length(' \t'), 0);
});

test('names follow the rules of the server', () => {
  for (const good of ['John Doe', 'a', 'Ælfred', '李伟', '😀', "O'Brien", '<b>', 'x'.repeat(64), '😀'.repeat(64)]) {
    assert.equal(nameFault(good), '', good);
  }
  for (const bad of ['', 'a:b', 'a,b', 'a/b', 'a\\b', 'a@b', 'a\u0000b', 'a\u202eb', 'a\u2066b', 'x'.repeat(65)]) {
    assert.notEqual(nameFault(bad), '', JSON.stringify(bad));
  }
});

test('a name is tidied before it is judged', () => {
  assert.equal(tidyName('  John \t  Doe '), 'John Doe');
  assert.equal(tidyName('   '), '');
});

test('every suggested name is a good one', () => {
  for (let i = 0; i < 200; i += 1) assert.equal(nameFault(guestName()), '');
  assert.equal(nameFault(guestName(() => 0.999_999)), '');
});

test('a person is the same in any case and width', () => {
  assert.ok(samePerson('Alice', 'ALICE'));
  assert.ok(samePerson('Ａlice', 'alice'));
  assert.ok(!samePerson('Alice', 'Alicia'));
});

test('initials and hue', () => {
  assert.equal(initials('John Doe'), 'JD');
  assert.equal(initials('maya'), 'M');
  assert.equal(initials('<img src=x>'), 'IS');
  assert.equal(initials('!!'), '!');
  assert.equal(hue('Alice', 8), hue('alice', 8));
  const used = new Set(Array.from({ length: 200 }, (_, i) => hue(`user ${i}`, 8)));
  assert.deepEqual([...used].sort(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

/** @param {string} text */
const links = (text) => linkify(text).filter((piece) => piece.href).map((piece) => piece.text);

test('web addresses become links, the sentence around them does not', () => {
  assert.deepEqual(linkify('see https://example.org/a?b=c#d, please'), [
    { text: 'see ' },
    { text: 'https://example.org/a?b=c#d', href: 'https://example.org/a?b=c#d' },
    { text: ', please' },
  ]);
  assert.deepEqual(links('(https://example.org/x) and "http://example.org".'), ['https://example.org/x', 'http://example.org']);
  assert.deepEqual(links('https://example.org/a_(b)'), ['https://example.org/a_(b)']);
  assert.deepEqual(links('HTTPS://EXAMPLE.ORG'), ['HTTPS://EXAMPLE.ORG']);
  assert.deepEqual(links('https://a.example https://b.example'), ['https://a.example', 'https://b.example']);
});

test('nothing else is a link', () => {
  for (const text of [
    'javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'file:///etc/passwd', 'ftp://example.org', 'https://',
    'http:///', 'http://[bad', '//example.org', 'www.example.org', 'java\nscript:alert(1)', 'blob:https:x',
  ]) {
    assert.deepEqual(links(text), [], text);
  }
});

test('names are called where the service finds them', () => {
  /** @param {string} text */
  const called = (text) => linkify(text, ['Ann', 'Ann Lee', 'bob', "o'neil"]).filter((piece) => piece.name).map((piece) => piece.name);
  for (const [text, expected] of /** @type {[string, string[]][]} */ ([
    ['hi @Ann Lee and @ann!', ['Ann Lee', 'ann']],
    ['“@bob”, (@bob) 「@bob」、＠bob。', ['bob', 'bob', 'bob', 'bob']],
    ["@bob's @o'neil", ['bob', "o'neil"]],
    ['@bobby x@bob @bob_ @bob@server.example see/@bob', []],
    ['ftp://h/?q=(@bob) का@bob', []],
    ['https://x.example/@bob `@bob` ``a ` @bob``', []],
    ['https://x.example @bob `a` @bob', ['bob', 'bob']],
    ['it` is @bob', ['bob']],
  ])) {
    assert.deepEqual(called(text), expected, text);
  }
});

test('pieces add up to the text', () => {
  const hostile = [`https://${')'.repeat(4_000)}`, 'https://'.repeat(500), `https://x.example/${'('.repeat(2_000)}${')'.repeat(2_000)}`];
  for (const text of ['', 'a', 'https://x.example', 'https:// https://y.example...', 'x https://z.example\ny', ...hostile]) {
    assert.equal(linkify(text).map((piece) => piece.text).join(''), text);
  }
});
