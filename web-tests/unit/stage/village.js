// A few people who talk: a model of the service that produces a list and the events about it.
import { generator } from './random.js';

/** @typedef {import('../../../static/lib/conversations.js').Conversation} Conversation */
/** @typedef {import('../../../static/lib/store.js').Message} Message */
/** @typedef {import('../../../static/lib/store.js').StreamEvent} StreamEvent */
/** @typedef {{role: 'owner' | 'member', read: number, delivered: number}} Membership */
/** @typedef {{id: string, kind: 'room' | 'direct' | 'group', name?: string, messages: Message[], members: Map<string, Membership>}} Place */

const PEOPLE = ['alice', 'bob', 'eve', 'dan'];

export class Village {
  /** @type {StreamEvent[]} what one of the people hears */
  events = [];
  /** @type {Map<string, Place>} */
  places = new Map();
  #clock = 0;

  /** @param {number} seed @param {string} me who listens */
  constructor(seed, me) {
    this.random = generator(seed);
    this.me = me;
    this.#found('public', 'room', PEOPLE);
    this.#found('dm:alice:bob', 'direct', ['alice', 'bob']);
    this.#found('g-0', 'group', PEOPLE);
  }

  /** @returns {string} the end of the log */
  get cursor() {
    return stamp(this.#clock);
  }

  /** Something happens, anything. */
  live() {
    const what = this.random();
    if (what < 0.6) this.talk();
    else if (what < 0.7) this.#read(this.me);
    else if (what < 0.8) this.#change();
    else if (what < 0.9) this.#gather();
    else this.#move();
  }

  /** Somebody says something, reacts, or reads; the listener only talks. */
  talk() {
    const what = this.random();
    if (what < 0.7) this.#say();
    else if (what < 0.8) this.#react();
    else this.#read(this.#pick(PEOPLE.filter((user) => user !== this.me)));
  }

  /** @returns {Conversation[]} as the service lists them for the listener */
  list() {
    return [...this.places.values()].filter(({ members }) => members.has(this.me)).map((place) => {
      const read = place.members.get(this.me)?.read ?? 0;
      const unread = place.messages.filter(({ seq = 0, user, deleted }) => seq > read && user !== this.me && !deleted);
      return {
        ...this.#public(place),
        ...(place.messages.length > 0 && { last_message: place.messages.at(-1) }),
        unread: Math.min(100, unread.length),
        mentions: Math.min(100, unread.filter(({ mentions }) => mentions?.includes(this.me)).length),
        read_seq: read,
        joined: true,
        role: place.members.get(this.me)?.role,
      };
    });
  }

  /** @param {Place} place */
  #public({ id, kind, name, messages, members }) {
    const all = [...members].map(([user, { role, read, delivered }]) => ({ user, role, read_seq: read, delivered_seq: delivered }));
    return { id, kind, name, created_at: '2024-01-01T00:00:00Z', last_seq: messages.length, ...(kind !== 'room' && { members: all }) };
  }

  /** @param {string} id @param {Place['kind']} kind @param {string[]} people */
  #found(id, kind, people) {
    /** @type {Map<string, Membership>} */
    const members = new Map();
    for (const user of people) members.set(user, { role: kind === 'group' && members.size === 0 ? 'owner' : 'member', read: 0, delivered: 0 });
    const place = { id, kind, ...(kind !== 'direct' && { name: id }), messages: [], members };
    this.places.set(id, place);
    this.#tell(place, { type: 'conversation', action: 'created', conversation: this.#public(place) });
  }

  #say() {
    const place = this.#pick([...this.places.values()]);
    const user = this.#pick([...place.members.keys()]);
    const id = this.#next();
    const message = {
      type: 'message', id, conversation_id: place.id, seq: place.messages.length + 1, user, content: `said at ${id}`,
      timestamp: new Date(Date.UTC(2024, 0, 1) + this.#clock * 1_000).toISOString(),
      ...(this.random() < 0.2 && user !== this.me && { mentions: [this.me] }),
    };
    place.messages.push(message);
    if (place.members.has(this.me)) this.events.push(message);
  }

  #react() {
    const { place, message } = this.#message();
    if (!message) return;
    this.#tell(place, { type: 'reaction', message_id: message.id, user: 'bob', emoji: '👍', action: 'added', reactions: [{ emoji: '👍', users: ['bob'], count: 1 }] });
  }

  #change() {
    const { place, message } = this.#message();
    if (!message || message.deleted) return;
    const gone = this.random() < 0.5;
    const changed = gone
      ? { ...message, content: '', deleted: true, mentions: undefined }
      : { ...message, content: `changed at ${this.#clock}`, edited_at: '2024-01-02T00:00:00Z', mentions: this.random() < 0.5 ? [this.me] : undefined };
    place.messages[(message.seq ?? 0) - 1] = changed;
    this.#tell(place, { type: gone ? 'message_deleted' : 'message_updated', message: changed });
  }

  /** @param {string} user */
  #read(user) {
    const place = this.#pick([...this.places.values()].filter(({ members }) => members.has(user)));
    const member = place?.members.get(user);
    if (!place || !member) return;
    const seq = Math.ceil(this.random() * place.messages.length);
    member.delivered = Math.max(member.delivered, seq);
    if (this.random() < 0.7) member.read = Math.max(member.read, seq);
    const heard = place.kind === 'room' ? user === this.me : place.members.has(this.me);
    if (heard) this.events.push({ type: 'receipt', conversation_id: place.id, user, read_seq: member.read, delivered_seq: member.delivered });
  }

  #gather() {
    if (this.random() < 0.5) this.#found(`g-${this.#clock + 1}`, 'group', PEOPLE.filter((user) => user === this.me || this.random() < 0.7));
    const place = this.#pick([...this.places.values()].filter(({ kind }) => kind === 'group'));
    if (!place) return;
    place.name = `Group at ${this.#clock}`;
    this.#tell(place, { type: 'conversation', action: 'updated', conversation: this.#public(place) });
  }

  #move() {
    const place = this.#pick([...this.places.values()].filter(({ kind }) => kind === 'group'));
    if (!place) return;
    const user = this.#pick(PEOPLE);
    if (!place.members.has(user)) {
      place.members.set(user, { role: 'member', read: place.messages.length, delivered: place.messages.length });
      if (user === this.me) this.#tell(place, { type: 'conversation', action: 'joined', conversation: this.#public(place) });
      this.#tell(place, { type: 'member', user, action: 'joined', role: 'member' });
    } else if (this.random() < 0.3) {
      const member = /** @type {Membership} */ (place.members.get(user));
      member.role = member.role === 'owner' ? 'member' : 'owner';
      this.#tell(place, { type: 'member', user, action: 'role', role: member.role });
    } else {
      this.#tell(place, { type: 'member', user, action: 'left' });
      place.members.delete(user);
    }
  }

  /** @param {Place} place @param {StreamEvent} event */
  #tell(place, event) {
    const id = this.#next();
    if (place.members.has(this.me)) this.events.push({ ...event, id, conversation_id: place.id });
  }

  #message() {
    const place = this.#pick([...this.places.values()]);
    return { place, message: this.#pick(place.messages) };
  }

  #next() {
    this.#clock += 1;
    return stamp(this.#clock);
  }

  /** @template T @param {T[]} all @returns {T} */
  #pick(all) {
    return all[Math.floor(this.random() * all.length)];
  }
}

/** @param {number} clock */
function stamp(clock) {
  return `20240101000000.${String(clock).padStart(6, '0')}`;
}
