// What the client knows of one conversation's messages, and how events change it. Everything here is
// pure: the same events in any order and any number of times lead to the same messages.

/**
 * @typedef {object} Reaction
 * @property {string} emoji
 * @property {string[]} users names of those who share it: of many, the first, and whom else the client knows of
 * @property {number} count how many they are
 */

/**
 * @typedef {object} Message
 * @property {string} id also its place in the event log; ids sort as text
 * @property {number} [seq] its place in the conversation, without gaps
 * @property {string} [conversation_id]
 * @property {string} user
 * @property {string} content
 * @property {string} timestamp RFC 3339, UTC
 * @property {string} [client_msg_id]
 * @property {string} [reply_to] the id of another message
 * @property {string} [edited_at]
 * @property {boolean} [deleted] a tombstone: the place stays, the content is gone
 * @property {Reaction[]} [reactions]
 * @property {string[]} [mentions] names
 * @property {string} [version] the last event that is known to be in it; the client's own note
 */

/**
 * @typedef {object} Log
 * @property {readonly Message[]} messages oldest first, each once
 * @property {boolean} more whether older messages exist on the server
 */

/**
 * @typedef {object} Page
 * @property {Message[]} messages oldest first
 * @property {boolean} more whether older messages exist
 * @property {string} cursor where a stream has to start to continue this page
 */

/**
 * An event of the stream. Which fields it has depends on its type.
 * @typedef {{type: string, id?: string, conversation_id?: string, message?: Message, message_id?: string,
 *   user?: string, reactions?: Reaction[], [field: string]: any}} StreamEvent
 */

/**
 * A place where messages are missing: those between `after` and `before`.
 * @typedef {{after: Message, before: Message}} Gap
 */

/** @type {Log} */
export const EMPTY = { messages: [], more: false };

/**
 * Makes a message of what a service sent. Anybody with access to `POST /notify` can broadcast objects
 * that lack what a stored message has.
 * @param {any} data
 * @param {string} [id] where the event itself has none
 * @returns {Message | undefined}
 */
export function readMessage(data, id = '') {
  if (typeof data !== 'object' || data === null) return undefined;
  const known = {
    id: String(data.id ?? id),
    user: String(data.user ?? 'unknown'),
    content: String(data.content ?? ''),
  };
  const timestamp = Number.isNaN(Date.parse(data.timestamp)) ? new Date().toISOString() : data.timestamp;
  const message = { ...data, ...known, timestamp };
  for (const [field, fits] of Object.entries(SHAPES)) if (field in message && !fits(message[field])) delete message[field];
  return known.id ? message : undefined;
}

/** @param {unknown} value */
const isText = (value) => typeof value === 'string';
/** @param {any} value */
const isReaction = (value) => isText(value?.emoji) && Array.isArray(value.users) && Number.isInteger(value.count);

/** What a field of a message has to be, or it is none. @type {Record<string, (value: any) => boolean>} */
const SHAPES = {
  seq: Number.isInteger,
  conversation_id: isText,
  client_msg_id: isText,
  reply_to: isText,
  edited_at: isText,
  deleted: (value) => typeof value === 'boolean',
  mentions: (value) => Array.isArray(value) && value.every(isText),
  reactions: (value) => Array.isArray(value) && value.every(isReaction),
};

/**
 * @param {Log} log
 * @param {StreamEvent} event
 * @returns {Log} the same object when nothing changed
 */
export function applyEvent(log, event) {
  switch (event.type) {
    case 'message':
      return add(log, [/** @type {any} */ (event)]);
    case 'message_updated':
      return change(log, event.message?.id, event.message ?? {}, event.id);
    case 'message_deleted':
      return change(log, event.message?.id, { deleted: true, content: '', reactions: [], mentions: [] }, event.id);
    case 'reaction':
      return change(log, event.message_id, { reactions: named(log, event) }, event.id);
    default:
      return log;
  }
}

/**
 * Adds older messages, or those that filled a gap.
 * @param {Log} log
 * @param {Page} page
 * @returns {Log}
 */
export function applyPage(log, page) {
  const oldest = log.messages[0]?.id;
  const reachesBack = oldest === undefined || page.messages.length === 0 || page.messages[0].id <= oldest;
  const grown = merge(log.messages, stamped(page));
  return { messages: grown, more: reachesBack ? page.more : log.more };
}

/**
 * Begins with the newest page, at first and after a `reset`. What is newer than the page, such as
 * an own message answered in the meantime, stays.
 * @param {Log} log
 * @param {Page} page
 * @returns {Log}
 */
export function startOver(log, page) {
  const newer = log.messages.filter((message) => message.id > page.cursor);
  return { messages: merge(stamped(page), newer), more: page.more };
}

/**
 * @param {Log} log
 * @param {ReadonlySet<string>} [settled] ids of messages before which nothing more can be found
 * @returns {Gap | undefined} the newest gap
 */
export function findGap(log, settled = new Set()) {
  for (let i = log.messages.length - 1; i > 0; i -= 1) {
    const after = log.messages[i - 1];
    const before = log.messages[i];
    const jump = (before.seq ?? 0) - (after.seq ?? 0);
    if (before.seq && after.seq && jump > 1 && !settled.has(before.id)) return { after, before };
  }
  return undefined;
}

/**
 * Forgets the oldest messages; they can be loaded again.
 * @param {Log} log
 * @param {number} keep
 * @returns {Log}
 */
export function trim(log, keep) {
  if (log.messages.length <= keep) return log;
  return { messages: log.messages.slice(-keep), more: true };
}

/**
 * Shows a reaction before the service has confirmed it.
 * @param {Log} log
 * @param {string} id of the message
 * @param {string} user
 * @param {string} emoji
 * @param {boolean} on
 * @returns {Log}
 */
export function react(log, id, user, emoji, on) {
  const known = log.messages.find((message) => message.id === id)?.reactions ?? [];
  const changed = known.map((reaction) => {
    if (reaction.emoji !== emoji) return reaction;
    const others = reaction.users.filter((each) => each !== user);
    const count = reaction.count - (reaction.users.length - others.length) + (on ? 1 : 0);
    return { emoji, users: on ? [...others, user] : others, count };
  });
  if (on && !known.some((reaction) => reaction.emoji === emoji)) changed.push({ emoji, users: [user], count: 1 });
  return change(log, id, { reactions: changed.filter((reaction) => reaction.count > 0) });
}

/**
 * The reactions that an event brings. Of many who share one it names the first only: whom else the
 * client knows of stay known, or their own reaction would look taken back.
 * @param {Log} log
 * @param {StreamEvent} event
 * @returns {Reaction[]}
 */
function named(log, event) {
  const known = log.messages.find((message) => message.id === event.message_id)?.reactions ?? [];
  return (event.reactions ?? []).map((reaction) => {
    const { emoji, users, count } = reaction;
    if (!(count > users.length)) return reaction;
    const more = new Set([...users, ...(known.find((each) => each.emoji === emoji)?.users ?? [])]);
    if (event.emoji === emoji && event.user && event.action === 'added') more.add(event.user);
    if (event.emoji === emoji && event.user && event.action === 'removed') more.delete(event.user);
    return { emoji, users: [...more].slice(0, count), count };
  });
}

/**
 * @param {Log} log
 * @param {Message[]} messages
 * @returns {Log}
 */
function add(log, messages) {
  const oldest = log.messages[0]?.id;
  // Older than what is shown: it comes with its page. Alone it would be an island.
  const shown = log.more && oldest ? messages.filter((message) => message.id > oldest) : messages;
  const merged = merge(log.messages, shown);
  return merged === log.messages ? log : { ...log, messages: merged };
}

/** @param {Page} page @returns {Message[]} its messages, which hold every change up to its cursor */
function stamped(page) {
  return page.messages.map((message) => ({ ...message, version: page.cursor }));
}

/**
 * @param {readonly Message[]} known
 * @param {readonly Message[]} more
 * @returns {readonly Message[]} both in order; of the same message, what knows more changes
 */
function merge(known, more) {
  const last = known.at(-1);
  if (last && more.length === 1 && more[0].id > last.id) return [...known, more[0]];
  const all = new Map(known.map((message) => [message.id, message]));
  let changed = false;
  for (const message of more) {
    const before = all.get(message.id);
    if (before && (message.version ?? '') <= (before.version ?? '')) continue;
    all.set(message.id, message);
    changed = true;
  }
  return changed ? [...all.values()].sort((a, b) => (a.id < b.id ? -1 : 1)) : known;
}

/**
 * @param {Log} log
 * @param {string | undefined} id of the message
 * @param {Partial<Message>} fields
 * @param {string} [version] the event that says so
 * @returns {Log}
 */
function change(log, id, fields, version) {
  const index = log.messages.findIndex((message) => message.id === id);
  if (index < 0) return log;
  const before = log.messages[index];
  // Told again, or overtaken by what a page has brought. Deletion is final in any case.
  if (before.deleted || (version && version <= (before.version ?? ''))) return log;
  const { client_msg_id } = before;
  const after = { ...before, ...fields, ...(client_msg_id && { client_msg_id }), ...(version && { version }) };
  return { ...log, messages: log.messages.with(index, after) };
}
