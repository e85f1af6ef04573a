// What the services can do, one method for each thing.
import { Problem, request } from './http.js';
import { locate } from './services.js';

const PAGE_SIZE = 50;
/** The most that one list holds. */
const LIST_SIZE = 200;

/** @typedef {import('./services.js').Services} Services */
/** @typedef {import('./store.js').Message} Message */
/** @typedef {import('./conversations.js').Conversation} Conversation */
/** @typedef {import('./conversations.js').Member} Member */

/** @typedef {{username: string, display_name?: string, kind: 'member' | 'guest', admin?: boolean}} User */
/** @typedef {{conversation_id: string, read?: number, delivered?: number}} Receipt */

/**
 * @typedef {object} StreamQuery
 * @property {string} clientId
 * @property {string} cursor the last event that is known, '' for none
 * @property {string[]} [rooms] besides `public`
 * @property {string} [ticket]
 * @property {boolean} [acks] whether deliveries are acknowledged
 */

export class Api {
  /** @type {Promise<Services> | undefined} */
  #services;
  /** Hears that the session has ended. @type {(problem: Problem) => void} */
  onSignedOut = () => {};

  /** @param {Services} [services] found when first needed */
  constructor(services) {
    if (services) this.#services = Promise.resolve(services);
  }

  /** @returns {Promise<Services>} */
  services() {
    this.#services ??= locate().catch((error) => {
      this.#services = undefined;
      throw error;
    });
    return this.#services;
  }

  // Who one is

  /** Waits while any tab gets another cookie: the answer is about the one that stays. @returns {Promise<User>} */
  me = () => alone('shared', () => this.#json('GET', '/users/me', undefined, false));
  /** Does what ends a session or begins one. @template T @param {() => Promise<T>} deed @returns {Promise<T>} */
  renewing = (deed) => alone('exclusive', deed);
  /** @param {string} username @param {string} [password] @returns {Promise<{user: User}>} */
  signIn = (username, password) => this.#json('POST', '/sessions', { username, password }, false);
  /** @param {string} username @param {string} password @returns {Promise<User>} */
  register = (username, password) => this.#json('POST', '/users', { username, password }, false);
  signOut = () => this.renewing(() => this.#call('DELETE', '/sessions/current', undefined, false));
  /** @param {{password: string, current_password?: string}} fields @returns {Promise<User>} */
  changeMe = (fields) => this.renewing(() => this.#json('PATCH', '/users/me', fields, false));
  /** @returns {Promise<{ticket: string}>} */
  ticket = () => this.#json('POST', '/tickets');
  /** @param {string} q @returns {Promise<User[]>} */
  findPeople = (q) => this.#json('GET', `/users?${new URLSearchParams({ q, limit: '20' })}`);

  // Conversations

  /** @returns {Promise<{conversations: Conversation[], cursor: string}>} mine */
  async conversations() {
    /** @type {Conversation[]} */
    const conversations = [];
    let cursor;
    let next = '';
    do {
      const response = await this.#call('GET', `/conversations?limit=${LIST_SIZE}${next && `&before=${next}`}`);
      conversations.push(...(await response.json()));
      // What happens between two pages comes after the first one's cursor.
      cursor ??= response.headers.get('X-Event-Cursor') ?? '';
      next = /[?&]before=([^&>]+)/.exec(response.headers.get('Link') ?? '')?.[1] ?? '';
    } while (next);
    return { conversations, cursor };
  }

  /** @returns {Promise<Conversation[]>} all public rooms */
  rooms = () => this.#json('GET', `/conversations?kind=room&limit=${LIST_SIZE}`);
  /** @param {{kind: 'room' | 'group', name: string, id?: string, members?: string[]}} fields @returns {Promise<Conversation>} */
  create = (fields) => this.#json('POST', '/conversations', fields);
  /** @param {string} user @param {string} recipient @returns {Promise<Conversation>} */
  resolve = (user, recipient) => this.#json('POST', '/conversations/resolve', { user, recipient });
  /** @param {string} id @param {string} name */
  rename = (id, name) => this.#call('PATCH', at(id), { name });
  /** @param {string} id @returns {Promise<Member[]>} */
  members = (id) => this.#json('GET', at(id, 'members'));
  /** @param {string} id @param {string} user @param {Member['role']} [role] */
  putMember = (id, user, role) => this.#call('PUT', `${at(id, 'members')}/${encodeURIComponent(user)}`, { role });
  /** @param {string} id @param {string} user */
  removeMember = (id, user) => this.#call('DELETE', `${at(id, 'members')}/${encodeURIComponent(user)}`);

  // Messages

  /**
   * @param {string} conversation
   * @param {string} [before] an id; without it the newest page
   * @param {number} [limit]
   * @returns {Promise<import('./store.js').Page>}
   */
  async page(conversation, before, limit = PAGE_SIZE) {
    const query = new URLSearchParams({ limit: String(limit) });
    if (before) query.set('before', before);
    const response = await this.#call('GET', `${at(conversation, 'messages')}?${query}`);
    /** @type {Message[]} */
    const messages = await response.json();
    return {
      messages,
      more: (response.headers.get('X-Has-More') ?? String(messages.length >= limit)) === 'true',
      cursor: response.headers.get('X-Event-Cursor') ?? messages.at(-1)?.id ?? '',
    };
  }

  /** @param {string} id @returns {Promise<Message>} */
  message = (id) => this.#json('GET', `/messages/${id}`);

  /**
   * @param {import('./outbox.js').Entry} entry
   * @returns {Promise<Message>} the stored message, the same one for a repeat
   */
  post({ content, user, client_msg_id, conversation_id, reply_to }) {
    return this.#json('POST', '/messages', { content, user, client_msg_id, conversation_id, reply_to });
  }

  /** @param {string} id @param {string} content @returns {Promise<Message>} */
  edit = (id, content) => this.#json('PATCH', `/messages/${id}`, { content });
  /** @param {string} id */
  remove = (id) => this.#call('DELETE', `/messages/${id}`);
  /** @param {string} id @param {string} emoji @param {boolean} on */
  react = (id, emoji, on) =>
    this.#call(on ? 'PUT' : 'DELETE', `/messages/${id}/reactions/${encodeURIComponent(emoji)}`);

  // What only matters now

  /** Outlives the page. @param {Receipt[]} receipts */
  receipts = (receipts) => this.#call('POST', '/receipts', { receipts }, true, true);
  /** @param {string} conversation */
  typing = (conversation) => this.#call('POST', at(conversation, 'typing'));

  /**
   * @param {string[]} users
   * @returns {Promise<string[]>} those who are online
   */
  async presence(users) {
    const { notifications } = await this.services();
    const url = `${notifications}/presence?${new URLSearchParams({ users: users.join(',') })}`;
    return (await (await request(url, { credentials: 'include' })).json()).online_users;
  }

  /** @returns {Promise<number>} how many are online, 0 where that is not for everybody to know */
  async crowd() {
    const { notifications, mode } = await this.services();
    if (mode !== 'open') return 0;
    // Whoever says who they are is told of their contacts only.
    return (await (await request(`${notifications}/presence`, { credentials: 'omit' })).json()).online_count;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {boolean} [inSession] whether a 401 means that the session has ended
   * @returns {Promise<any>}
   */
  async #json(method, path, body, inSession) {
    return (await this.#call(method, path, body, inSession)).json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} [body]
   * @param {boolean} [inSession]
   * @param {boolean} [keepalive] whether the request goes on when the page goes
   */
  async #call(method, path, body, inSession = true, keepalive = false) {
    const { messages } = await this.services();
    try {
      return await request(messages + path, {
        method,
        keepalive,
        // Same as 'same-origin' where the page comes from the message service itself.
        credentials: 'include',
        ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (inSession && error instanceof Problem && error.status === 401) this.onSignedOut(error);
      throw error;
    }
  }
}

/**
 * @param {Services} services
 * @param {StreamQuery} query
 * @returns {string} the address of the stream that continues after the cursor
 */
export function streamUrl(services, { clientId, cursor, rooms = [], ticket, acks }) {
  const query = new URLSearchParams({ client_id: clientId });
  if (rooms.length > 0) query.set('rooms', ['public', ...rooms].join(','));
  if (acks) query.set('acks', 'true');
  if (ticket) query.set('ticket', ticket);
  if (cursor) query.set('last_event_id', cursor);
  return `${services.notifications}/events?${query}`;
}

/** @type {<T>(mode: LockMode, deed: () => Promise<T>) => Promise<T>} in step with all tabs, where the browser can */
const alone = (mode, deed) =>
  globalThis.navigator?.locks ? navigator.locks.request('realtalk.session', { mode }, deed) : deed();

/** @param {string} conversation @param {string} [part] */
function at(conversation, part) {
  return `/conversations/${encodeURIComponent(conversation)}${part ? `/${part}` : ''}`;
}
