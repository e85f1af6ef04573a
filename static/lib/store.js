// What the client knows of a room, and how events change it. Everything here is pure: the same
// events in any order and any number of times lead to the same room.

/**
 * @typedef {object} Message
 * @property {string} id also its place in the event log; ids sort as text
 * @property {number} [seq] its place in the conversation, without gaps
 * @property {string} [conversation_id]
 * @property {string} user
 * @property {string} content
 * @property {string} timestamp RFC 3339, UTC
 * @property {string} [client_msg_id]
 * @property {string} [edited_at]
 * @property {boolean} [deleted] a tombstone: the place stays, the content is gone
 */

/**
 * @typedef {object} Room
 * @property {readonly Message[]} messages oldest first, each once
 * @property {boolean} more whether older messages exist on the server
 */

/**
 * @typedef {object} Page
 * @property {Message[]} messages oldest first
 * @property {boolean} more whether older messages exist
 * @property {string} cursor where a stream has to start to continue this page
 */

/** @typedef {Message & {type: string}} RoomEvent */

/**
 * A place where messages are missing: those between `after` and `before`.
 * @typedef {{after: Message, before: Message}} Gap
 */

/** @type {Room} */
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
  return known.id ? { ...data, ...known, timestamp } : undefined;
}

/**
 * @param {Room} room
 * @param {RoomEvent} event
 * @returns {Room} the same object when nothing changed
 */
export function applyEvent(room, event) {
  switch (event.type) {
    case 'message':
      return add(room, [event]);
    case 'message_updated':
      return change(room, event.id, event);
    case 'message_deleted':
      return change(room, event.id, { deleted: true, content: '' });
    default:
      return room;
  }
}

/**
 * Adds older messages, or those that filled a gap.
 * @param {Room} room
 * @param {Page} page
 * @returns {Room}
 */
export function applyPage(room, page) {
  const oldest = room.messages[0]?.id;
  const reachesBack = oldest === undefined || page.messages.length === 0 || page.messages[0].id <= oldest;
  const grown = merge(room.messages, page.messages);
  return { messages: grown, more: reachesBack ? page.more : room.more };
}

/**
 * Begins with the newest page, at first and after a `reset`. What is newer than the page, such as
 * an own message answered in the meantime, stays.
 * @param {Room} room
 * @param {Page} page
 * @returns {Room}
 */
export function startOver(room, page) {
  const newer = room.messages.filter((message) => message.id > page.cursor);
  return { messages: merge(page.messages, newer), more: page.more };
}

/**
 * @param {Room} room
 * @param {ReadonlySet<string>} [settled] ids of messages before which nothing more can be found
 * @returns {Gap | undefined} the newest gap
 */
export function findGap(room, settled = new Set()) {
  for (let i = room.messages.length - 1; i > 0; i -= 1) {
    const after = room.messages[i - 1];
    const before = room.messages[i];
    const jump = (before.seq ?? 0) - (after.seq ?? 0);
    if (before.seq && after.seq && jump > 1 && !settled.has(before.id)) return { after, before };
  }
  return undefined;
}

/**
 * Forgets the oldest messages; they can be loaded again.
 * @param {Room} room
 * @param {number} keep
 * @returns {Room}
 */
export function trim(room, keep) {
  if (room.messages.length <= keep) return room;
  return { messages: room.messages.slice(-keep), more: true };
}

/**
 * @param {Room} room
 * @param {Message[]} messages
 * @returns {Room}
 */
function add(room, messages) {
  const oldest = room.messages[0]?.id;
  // Older than what is shown: it comes with its page. Alone it would be an island.
  const shown = room.more && oldest ? messages.filter((message) => message.id > oldest) : messages;
  const merged = merge(room.messages, shown);
  return merged === room.messages ? room : { ...room, messages: merged };
}

/**
 * @param {readonly Message[]} known
 * @param {readonly Message[]} more
 * @returns {readonly Message[]} both in order; what was known wins, since an edit may have changed it
 */
function merge(known, more) {
  const last = known.at(-1);
  if (last && more.length === 1 && more[0].id > last.id) return [...known, more[0]];
  const ids = new Set(known.map((message) => message.id));
  const fresh = more.filter((message) => !ids.has(message.id) && ids.add(message.id));
  if (fresh.length === 0) return known;
  return [...known, ...fresh].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/**
 * @param {Room} room
 * @param {string} id
 * @param {Partial<RoomEvent>} update
 * @returns {Room}
 */
function change(room, id, update) {
  const index = room.messages.findIndex((message) => message.id === id);
  if (index < 0) return room;
  const { type: _, ...fields } = update;
  const before = room.messages[index];
  // Deletion is final: an edit that arrives late must not bring the content back.
  const after = before.deleted ? before : { ...before, ...fields };
  if (JSON.stringify(before) === JSON.stringify(after)) return room;
  return { ...room, messages: room.messages.with(index, after) };
}
