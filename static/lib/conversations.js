// The list of conversations, and how events change it. Pure, and deaf to what it has heard before:
// a snapshot and the events after it lead to what a later snapshot says.
import { samePerson } from './text.js';

/** Counts are exact up to this; it stands for itself and more. */
export const COUNT_CAP = 100;
export const PUBLIC = 'public';

/** @typedef {import('./store.js').Message} Message */
/** @typedef {import('./store.js').StreamEvent} StreamEvent */
/** @typedef {{user: string, role: 'owner' | 'member', read_seq?: number, delivered_seq?: number}} Member */

/**
 * @typedef {object} Conversation
 * @property {string} id
 * @property {'room' | 'direct' | 'group'} kind
 * @property {string} [name]
 * @property {string} [created_by]
 * @property {string} [created_at]
 * @property {number} last_seq
 * @property {Message} [last_message]
 * @property {number} unread
 * @property {number} mentions
 * @property {number} read_seq
 * @property {boolean} [joined]
 * @property {Member['role']} [role]
 * @property {Member[]} [members] of directs and groups
 * @property {number} [member_count] of rooms
 * @property {number} [counted] up to where `unread` has counted; the client's own note
 * @property {string} [moved] the last event that `member_count` has counted; the client's own note
 */

/**
 * @typedef {object} List
 * @property {ReadonlyMap<string, Conversation>} byId
 * @property {string} cursor what came before it is in the list
 * @property {boolean} unsure something happened that only a new snapshot can tell
 */

/** What somebody without a name sees. @type {Conversation} */
const LOBBY = { id: PUBLIC, kind: 'room', name: PUBLIC, last_seq: 0, unread: 0, mentions: 0, read_seq: 0, joined: true };

/**
 * @param {readonly Conversation[]} conversations
 * @param {string} cursor
 * @returns {List}
 */
export function snapshot(conversations, cursor) {
  const all = conversations.some(({ id }) => id === PUBLIC) ? conversations : [LOBBY, ...conversations];
  return { byId: new Map(all.map((each) => [each.id, { ...each, counted: each.last_seq }])), cursor, unsure: false };
}

/**
 * @param {List} list
 * @param {StreamEvent} event
 * @param {string} me
 * @returns {List} the same object when nothing changed
 */
export function applyEvent(list, event, me) {
  // Messages are told apart by their seq; what else has an id and is not newer is in the list.
  if (event.type !== 'message' && event.id && event.id <= list.cursor) return list;
  const known = list.byId.get(event.conversation_id ?? PUBLIC);
  if (event.type === 'conversation') return conversationEvent(list, event, known);
  if (!known) return isPrivate(event.conversation_id) ? { ...list, unsure: true } : list;
  switch (event.type) {
    case 'message':
      return put(list, received(known, /** @type {any} */ (event), me));
    case 'message_updated':
    case 'message_deleted':
      return messageChanged(list, known, event.message, me);
    case 'receipt':
      return receipt(list, known, event, me);
    case 'member':
      return memberEvent(list, known, event, me);
    default:
      return list;
  }
}

/**
 * Takes an own message in before its event has come.
 * @param {List} list
 * @param {Message} message
 */
export function applySent(list, message) {
  const known = list.byId.get(message.conversation_id ?? PUBLIC);
  return known ? put(list, withLast(known, message)) : list;
}

/**
 * Moves the own read marker forward; there is nothing unread up to it.
 * @param {List} list
 * @param {string} id
 * @param {number} seq
 */
export function applyRead(list, id, seq) {
  const known = list.byId.get(id);
  if (!known || (seq <= known.read_seq && known.unread === 0)) return list;
  const read_seq = Math.max(known.read_seq, seq);
  if (read_seq >= known.last_seq) return put(list, { ...known, read_seq, unread: 0, mentions: 0 });
  const changed = { ...known, read_seq, unread: Math.min(known.unread, known.last_seq - read_seq) };
  return { ...put(list, changed), unsure: list.unsure || known.unread > 0 };
}

/** @param {List} list @returns {Conversation[]} newest activity first */
export function ordered(list) {
  return [...list.byId.values()].sort((a, b) => activity(b) - activity(a) || (a.id < b.id ? -1 : 1));
}

/** @param {Conversation} conversation @returns {number} when something last happened, 0 if unknown */
export function activity({ last_message, created_at }) {
  return Date.parse(last_message?.timestamp ?? created_at ?? '') || 0;
}

/** @param {Conversation} conversation @param {string} me @returns {string} the other one of a direct conversation */
export function other({ members = [], id }, me) {
  // With oneself, both are the same.
  const found = members.find(({ user }) => !samePerson(user, me)) ?? members[0];
  return found?.user ?? id.split(':').slice(1).find((key) => !samePerson(key, me)) ?? me;
}

/** @param {Conversation} conversation @param {string} me */
export function title(conversation, me) {
  return conversation.kind === 'direct' ? other(conversation, me) : conversation.name || conversation.id;
}

/**
 * How far an own message has come. In rooms nobody is told who has read.
 * @param {Conversation} conversation
 * @param {number | undefined} seq
 * @param {string} me
 * @returns {'sent' | 'delivered' | 'read'}
 */
export function progress({ members = [], kind }, seq, me) {
  const others = members.filter(({ user }) => !samePerson(user, me));
  if (kind === 'room' || seq === undefined || others.length === 0) return 'sent';
  if (others.every(({ read_seq = 0 }) => read_seq >= seq)) return 'read';
  const reached = others.every(({ read_seq = 0, delivered_seq = 0 }) => Math.max(read_seq, delivered_seq) >= seq);
  return reached ? 'delivered' : 'sent';
}

/** @param {number} count @returns {string} as far as counts are exact */
export function counted(count) {
  return count < COUNT_CAP ? String(count) : `${COUNT_CAP - 1}+`;
}

/** @param {string | undefined} id @returns {boolean} whether only members know of it */
export function isPrivate(id = PUBLIC) {
  return /^(?:dm:|g-)/.test(id);
}

/** @param {List} list @param {Conversation} conversation @returns {List} */
function put(list, conversation) {
  if (list.byId.get(conversation.id) === conversation) return list;
  return { ...list, byId: new Map(list.byId).set(conversation.id, conversation) };
}

/** @param {List} list @param {string} id @returns {List} */
function without(list, id) {
  const byId = new Map(list.byId);
  return byId.delete(id) ? { ...list, byId } : list;
}

/** @param {Conversation} known @param {Message} message @param {string} me @returns {Conversation} */
function received(known, message, me) {
  const seq = message.seq ?? 0;
  if (seq <= (known.counted ?? 0)) return known;
  const changed = { ...withLast(known, message), counted: seq };
  if (samePerson(message.user, me) || message.deleted || seq <= known.read_seq) return changed;
  const called = message.mentions?.some((name) => samePerson(name, me)) ? 1 : 0;
  return {
    ...changed,
    unread: Math.min(COUNT_CAP, known.unread + 1),
    mentions: Math.min(COUNT_CAP, known.mentions + called),
  };
}

/** @param {Conversation} known @param {Message} message @returns {Conversation} */
function withLast(known, message) {
  if (known.last_message && known.last_message.id >= message.id) return known;
  return { ...known, last_message: message, last_seq: Math.max(known.last_seq, message.seq ?? 0) };
}

/** @param {List} list @param {Conversation} known @param {Message | undefined} message @param {string} me @returns {List} */
function messageChanged(list, known, message, me) {
  if (!message) return list;
  const changed = known.last_message?.id === message.id ? put(list, { ...known, last_message: message }) : list;
  const counts = (message.seq ?? 0) > known.read_seq && !samePerson(message.user, me) && known.unread > 0;
  // Whether it counted before, as unread or as a mention, cannot be told from what it is now.
  return counts ? { ...changed, unsure: true } : changed;
}

/** @param {List} list @param {Conversation} known @param {StreamEvent} event @param {string} me @returns {List} */
function receipt(list, known, event, me) {
  const { user = '', read_seq = 0, delivered_seq = 0 } = event;
  const members = known.members?.map((member) => {
    if (!samePerson(member.user, user)) return member;
    const read = Math.max(member.read_seq ?? 0, read_seq);
    const delivered = Math.max(member.delivered_seq ?? 0, delivered_seq);
    return read === member.read_seq && delivered === member.delivered_seq
      ? member
      : { ...member, read_seq: read, delivered_seq: delivered };
  });
  const moved = members?.some((member, index) => member !== known.members?.[index]);
  const changed = moved ? put(list, { ...known, members }) : list;
  return samePerson(user, me) ? applyRead(changed, known.id, read_seq) : changed;
}

/** @param {Conversation} known a room @param {StreamEvent} event somebody has come or gone @returns {Conversation} */
function moved(known, { id = '', action }) {
  const step = { joined: 1, left: -1 }[/** @type {string} */ (action)];
  if (!step || known.member_count === undefined || id <= (known.moved ?? '')) return known;
  return { ...known, member_count: known.member_count + step, moved: id };
}

/** @param {List} list @param {StreamEvent} event @param {Conversation | undefined} known @returns {List} */
function conversationEvent(list, event, known) {
  const { action, conversation, conversation_id = '' } = event;
  if (action === 'left') return conversation_id === PUBLIC ? list : without(list, conversation_id);
  if (known) {
    const { name, history } = conversation ?? {};
    return put(list, { ...known, ...(name !== undefined && { name }), ...(history !== undefined && { history }) });
  }
  if (action === 'updated' || !conversation) return list;
  // How much of it is unread, the event cannot say: it is the same for all.
  const fresh = { unread: 0, mentions: 0, read_seq: 0, last_seq: 0, joined: true, counted: 0, ...conversation };
  return { ...put(list, fresh), unsure: true };
}

/** @param {List} list @param {Conversation} known @param {StreamEvent} event @param {string} me @returns {List} */
function memberEvent(list, known, event, me) {
  const { user = '', action, role } = event;
  if (samePerson(user, me)) {
    if (action === 'left') return known.kind === 'group' ? without(list, known.id) : list;
    if (action === 'role') list = put(list, { ...known, role });
  }
  if (known.kind === 'room') return put(list, moved(known, event));
  const current = list.byId.get(known.id) ?? known;
  const members = current.members ?? [];
  const others = members.filter((member) => !samePerson(member.user, user));
  if (action === 'left') return put(list, { ...current, members: others });
  if (action === 'role') {
    const changed = members.map((member) => (samePerson(member.user, user) ? { ...member, role } : member));
    return put(list, { ...current, members: changed });
  }
  // From where the markers of a new member count, only the service knows.
  return { ...put(list, { ...current, members: [...others, { user, role: role ?? 'member' }] }), unsure: true };
}
