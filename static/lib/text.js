// What people write: names and messages. The rules repeat the server's, which has the last word;
// here they only spare somebody a round trip.

/** Longest message, in Unicode code points after trimming. */
export const CONTENT_LIMIT = 4_000;
/** Longest name, in Unicode code points. */
export const NAME_LIMIT = 64;

// Control characters, and the invisible ones that turn the direction of the text around them.
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const RESERVED = /[:,/\\@]/;
const URL_START = /https?:\/\/[^\s<>"]+/giu;
/** Of any scheme, from behind that: nobody is called in it. */
const ADDRESS = /:\/\/[^\s<>"]*/gu;
const TRAILING = /[.,;:!?'"*_~…]$/u;

/**
 * @param {string} text
 * @returns {number} its length as the server counts it
 */
export function length(text) {
  let count = 0;
  for (const _ of text.trim()) count += 1;
  return count;
}

/**
 * @param {string} raw
 * @returns {string} the name as it is sent: trimmed, with single inner spaces
 */
export function tidyName(raw) {
  return raw.trim().replace(/\s+/gu, ' ');
}

/**
 * @param {string} name a tidy name
 * @returns {string} what is wrong with it, or '' when it can be used
 */
export function nameFault(name) {
  if (name === '') return 'Please type a name.';
  if ([...name].length > NAME_LIMIT) return `A name has at most ${NAME_LIMIT} characters.`;
  const reserved = RESERVED.exec(name);
  if (reserved) return `A name cannot contain “${reserved[0]}”.`;
  if (UNPRINTABLE.test(name)) return 'A name cannot contain invisible characters.';
  return '';
}

/**
 * @param {string} a
 * @param {string} b
 * @returns {boolean} whether both names are the same person
 */
export function samePerson(a, b) {
  return a === b || foldName(a) === foldName(b);
}

/** @param {string} name @returns {string} the same for every way to write the name of one person */
export function foldName(name) {
  return name.normalize('NFKC').toLowerCase();
}

const MOODS = ['Calm', 'Bright', 'Gentle', 'Merry', 'Quiet', 'Swift', 'Sunny', 'Witty', 'Brave', 'Cosy'];
const ANIMALS = ['Otter', 'Heron', 'Fox', 'Badger', 'Robin', 'Lynx', 'Hare', 'Finch', 'Seal', 'Wren'];

/**
 * @param {() => number} [random]
 * @returns {string} a friendly name for somebody who has not chosen one
 */
export function guestName(random = Math.random) {
  const pick = (/** @type {string[]} */ words) => words[Math.floor(random() * words.length)];
  return `${pick(MOODS)} ${pick(ANIMALS)} ${10 + Math.floor(random() * 90)}`;
}

/**
 * @param {string} name
 * @returns {string} one or two letters that stand for the name
 */
export function initials(name) {
  const letters = name.split(/[\s._-]+/u).map((word) => /[\p{L}\p{N}\p{Emoji_Presentation}]/u.exec(word)?.[0] ?? '');
  const found = letters.filter(Boolean).slice(0, 2).join('');
  return (found || [...name][0] || '?').toLocaleUpperCase();
}

/**
 * @param {string} name
 * @param {number} hues
 * @returns {number} the same hue for the same person, everywhere
 */
export function hue(name, hues) {
  let hash = 2_166_136_261;
  for (const unit of foldName(name)) hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 16_777_619);
  return (hash >>> 0) % hues;
}

/**
 * Cuts a text into plain pieces, web addresses and names that are called. Only http and https are
 * addresses: any other scheme stays plain text.
 * @param {string} text
 * @param {readonly string[]} [names] those that the service has found in it
 * @returns {{text: string, href?: string, name?: string}[]}
 */
export function linkify(text, names = []) {
  const links = addresses(text);
  const pieces = [];
  let from = 0;
  for (const { at, ...piece } of [...links, ...calls(text, names)].sort((a, b) => a.at - b.at)) {
    if (at > from) pieces.push({ text: text.slice(from, at) });
    pieces.push(piece);
    from = at + piece.text.length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** @param {string} text @returns {{at: number, text: string, href: string}[]} */
function addresses(text) {
  const found = Array.from(text.matchAll(URL_START), ({ 0: match, index }) => {
    const address = withoutTail(match);
    return { at: index, text: address, href: parse(address) };
  });
  return found.filter(({ href }) => href);
}

/**
 * Where names are called, as the service finds them: the longest name at each “@”, and none inside a
 * word, an address or code.
 * @param {string} text
 * @param {readonly string[]} names
 * @returns {{at: number, text: string, name: string}[]}
 */
function calls(text, names) {
  if (names.length === 0) return [];
  // The longest first: “@Ann Lee” is not “@Ann”.
  const all = [...names].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const call = new RegExp(`(?<![\\p{Alphabetic}\\p{N}_/@＠])[@＠](?:${all.join('|')})(?![\\p{Alphabetic}\\p{N}_@＠])`, 'giu');
  const silent = [...code(text), ...Array.from(text.matchAll(ADDRESS), ({ 0: match, index }) => [index, index + match.length])];
  const found = Array.from(text.matchAll(call), ({ 0: match, index }) => ({ at: index, text: match, name: match.slice(1) }));
  return found.filter(({ at }) => !silent.some(([start, end]) => start <= at && at < end));
}

/** @param {string} text @returns {[number, number][]} what stands between two runs of as many backticks */
function code(text) {
  const runs = Array.from(text.matchAll(/`+/g), ({ 0: run, index }) => ({ at: index, length: run.length }));
  /** @type {Map<number, number[]>} */
  const ofLength = new Map();
  for (const { at, length } of runs) {
    const same = ofLength.get(length);
    if (same) same.push(at);
    else ofLength.set(length, [at]);
  }
  /** @type {[number, number][]} */
  const spans = [];
  let end = 0;
  for (const { at, length } of runs) {
    if (at < end) continue;
    const same = ofLength.get(length) ?? [];
    while (same.length > 0 && same[0] <= at) same.shift();
    if (same.length === 0) continue;
    end = same[0] + length;
    spans.push([at, end]);
  }
  return spans;
}

/** Drops the punctuation of the sentence around an address. @param {string} address */
function withoutTail(address) {
  /** @type {Record<string, string>} */
  const opening = { ')': '(', ']': '[', '}': '{' };
  /** @type {Record<string, number>} how many of each are open */
  const open = {};
  for (const bracket of address.replace(/[^()[\]{}]/g, '')) {
    const kind = opening[bracket] ?? bracket;
    open[kind] = (open[kind] ?? 0) + (bracket === kind ? 1 : -1);
  }
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    const kind = opening[last];
    if (kind && open[kind] < 0) open[kind] += 1;
    else if (!TRAILING.test(last)) break;
  }
  return address.slice(0, end);
}

/** @param {string} address */
function parse(address) {
  try {
    const url = new URL(address);
    const web = url.protocol === 'http:' || url.protocol === 'https:';
    return web && url.hostname ? url.href : '';
  } catch {
    return '';
  }
}
