// Time as people read it: days, clock times, and who spoke in one go.
import { samePerson } from './text.js';

/** Messages of one person closer than this stand together. */
const GROUP_MS = 5 * 60_000;

const clockFormat = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const fullFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'short' });
const nearDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const farDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });

/**
 * A message, or an entry of the outbox, with what grouping needs to know.
 * @typedef {object} Line
 * @property {string} key stays the same when the outbox entry becomes a message
 * @property {string} user
 * @property {number} time milliseconds since 1970
 * @property {boolean} own
 * @property {import('./store.js').Message} [message]
 * @property {import('./outbox.js').Entry} [entry]
 */

/** @typedef {{kind: 'day', key: string, label: string}} DayRow */
/** @typedef {{kind: 'line', key: string, line: Line, lead: boolean, last: boolean}} LineRow */

/** @param {number} time */
export function clock(time) {
  return clockFormat.format(time);
}

/** @param {number} time @param {number} [now] @returns {string} when, in a few letters */
export function moment(time, now = Date.now()) {
  const label = dayLabel(time, now);
  if (label === 'Today') return clock(time);
  return label === 'Yesterday' ? label : shortDay.format(time);
}

/** @param {number} time */
export function fullTime(time) {
  return fullFormat.format(time);
}

/**
 * @param {number} time
 * @returns {string} the reader's calendar day, not UTC's
 */
export function dayKey(time) {
  const date = new Date(time);
  const two = (/** @type {number} */ part) => String(part).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/**
 * @param {number} time
 * @param {number} now
 */
export function dayLabel(time, now) {
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  if (dayKey(time) === dayKey(now)) return 'Today';
  if (dayKey(time) === dayKey(yesterday.getTime())) return 'Yesterday';
  const sameYear = new Date(time).getFullYear() === new Date(now).getFullYear();
  return (sameYear ? nearDay : farDay).format(time);
}

/**
 * Puts a separator before each day and marks where a group of lines by one person begins and ends.
 * @param {readonly Line[]} lines oldest first
 * @param {number} now
 * @returns {(DayRow | LineRow)[]}
 */
export function group(lines, now) {
  /** @type {(DayRow | LineRow)[]} */
  const rows = [];
  lines.forEach((line, index) => {
    const before = lines[index - 1];
    const after = lines[index + 1];
    const day = dayKey(line.time);
    if (!before || dayKey(before.time) !== day) {
      rows.push({ kind: 'day', key: day, label: dayLabel(line.time, now) });
    }
    rows.push({ kind: 'line', key: line.key, line, lead: !together(before, line), last: !together(line, after) });
  });
  return rows;
}

/**
 * @param {Line | undefined} a
 * @param {Line | undefined} b
 */
function together(a, b) {
  if (!a || !b) return false;
  return samePerson(a.user, b.user) && b.time - a.time < GROUP_MS && dayKey(a.time) === dayKey(b.time);
}
