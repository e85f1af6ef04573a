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
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(URL_START)) {
    const address = withoutTail(match[0]);
    const href = parse(address);
    if (!href) continue;
    if (match.index > from) pieces.push(...callOut(text.slice(from, match.index), names));
    pieces.push({ text: address, href });
    from = match.index + address.length;
  }
  if (from < text.length) pieces.push(...callOut(text.slice(from), names));
  return pieces;
}

/** @param {string} text @param {readonly string[]} names @returns {{text: string, name?: string}[]} */
function callOut(text, names) {
  if (names.length === 0 || !text.includes('@')) return [{ text }];
  // The longest first: “@Ann Lee” is not “@Ann”.
  const all = [...names].sort((a, b) => b.length - a.length).map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(new RegExp(`@(?:${all.join('|')})(?![\\p{L}\\p{N}_])`, 'giu'))) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index) });
    pieces.push({ text: match[0], name: match[0].slice(1) });
    from = match.index + match[0].length;
  }
  if (from < text.length) pieces.push({ text: text.slice(from) });
  return pieces;
}

/** Drops the punctuation of the sentence around an address. @param {string} address */
function withoutTail(address) {
  for (;;) {
    const last = address.at(-1) ?? '';
    const opening = { ')': '(', ']': '[', '}': '{' }[last];
    const unmatched = opening && address.split(last).length > address.split(opening).length;
    if (!unmatched && !TRAILING.test(address)) return address;
    address = address.slice(0, -1);
  }
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
