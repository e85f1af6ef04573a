// Who is there, and who is writing: what only matters now.
import { effect, signal, untracked } from './html.js';
import { foldName, samePerson } from './text.js';

/** Somebody who has not been heard of for this long has stopped writing. */
const TYPING_MS = 6_000;

/** Others are told at most this often that one writes. */
const TELL_MS = 3_000;
/** At most this many people are asked about. */
const ASKED = 200;

/** @typedef {{user: string, until: number}} Typist */

export class People {
  #api;
  #toldAt = 0;
  /** The conversation whose members were last told that one writes; '' makes the next letter news. */
  told = '';
  /** @type {import('@preact/signals').Signal<ReadonlySet<string>>} folded names */
  online = signal(new Set());
  /** How many are in the public room, 0 if unknown. */
  crowd = signal(0);
  /** @type {import('@preact/signals').Signal<ReadonlyMap<string, Typist[]>>} by conversation */
  typists = signal(new Map());
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Pick<import('./api.js').Api, 'presence' | 'crowd' | 'typing'>} api */
  constructor(api) {
    this.#api = api;
  }

  /** @param {string} user */
  isOnline(user) {
    return this.online.value.has(foldName(user));
  }

  /** @param {string} conversation @returns {string[]} names */
  typing(conversation) {
    return (this.typists.value.get(conversation) ?? []).map(({ user }) => user);
  }

  /**
   * @param {import('./store.js').StreamEvent} event
   * @param {string} me
   */
  apply(event, me) {
    const { type, user, conversation_id = 'public' } = event;
    if (type === 'presence' && user) this.#set(user, Boolean(event.online));
    else if (type === 'presence') this.crowd.value = Number(event.online_count) || 0;
    else if (type === 'typing' && user && !samePerson(user, me)) this.#writes(conversation_id, user);
    // Who has sent something has stopped writing it.
    else if (type === 'message' && user) this.#stops(conversation_id, user);
  }

  /** @param {string[]} asked about whom @param {string[]} found those who are online */
  know(asked, found) {
    const online = new Set(this.online.value);
    for (const name of asked) online.delete(foldName(name));
    for (const name of found) online.add(foldName(name));
    this.online.value = online;
  }

  /** Tells the others that one writes. @param {string} conversation */
  tell(conversation) {
    const now = Date.now();
    if (conversation === this.told && now - this.#toldAt < TELL_MS) return;
    this.told = conversation;
    this.#toldAt = now;
    this.#api.typing(conversation).catch(() => {});
  }

  /** Asks who is there; changes come with the stream. @param {string[]} users */
  async ask(users) {
    const asked = users.slice(0, ASKED);
    if (asked.length === 0) return;
    try {
      this.know(asked, await this.#api.presence(asked));
    } catch {
      // Their dots come with the next change.
    }
  }

  /**
   * Asks when the stream begins, and when a conversation does: who is there then, no change will tell.
   * @param {import('@preact/signals').ReadonlySignal<import('./stream.js').Connection>} connection
   * @param {import('@preact/signals').ReadonlySignal<string>} contacts separated by commas
   */
  follow(connection, contacts) {
    effect(() => {
      if (connection.value.phase === 'live') untracked(() => this.count());
    });
    effect(() => {
      const users = contacts.value.split(',').filter(Boolean);
      if (connection.value.phase === 'live') untracked(() => this.ask(users));
    });
  }

  /** Asks how many are there; changes come with the stream. */
  async count() {
    // What cannot be asked comes with the next change.
    const crowd = await this.#api.crowd().catch(() => 0);
    if (crowd > 0) this.crowd.value = crowd;
  }

  /** The stream has ended: what was known of now is of the past. */
  forget() {
    clearTimeout(this.#timer);
    this.online.value = new Set();
    this.typists.value = new Map();
    this.crowd.value = 0;
  }

  /** @param {string} user @param {boolean} online */
  #set(user, online) {
    if (this.isOnline(user) === online) return;
    this.know([user], online ? [user] : []);
  }

  /** @param {string} conversation @param {string} user */
  #writes(conversation, user) {
    this.#put(conversation, [...this.#others(conversation, user), { user, until: Date.now() + TYPING_MS }]);
    this.#expire();
  }

  /** @param {string} conversation @param {string} user */
  #stops(conversation, user) {
    const others = this.#others(conversation, user);
    if (others.length !== this.typing(conversation).length) this.#put(conversation, others);
  }

  /** @param {string} conversation @param {string} user */
  #others(conversation, user) {
    return (this.typists.value.get(conversation) ?? []).filter((typist) => !samePerson(typist.user, user));
  }

  /** @param {string} conversation @param {Typist[]} typists */
  #put(conversation, typists) {
    const all = new Map(this.typists.value);
    if (typists.length > 0) all.set(conversation, typists);
    else all.delete(conversation);
    this.typists.value = all;
  }

  #expire() {
    clearTimeout(this.#timer);
    const now = Date.now();
    for (const [conversation, typists] of this.typists.value) {
      const still = typists.filter(({ until }) => until > now);
      if (still.length !== typists.length) this.#put(conversation, still);
    }
    const ends = [...this.typists.value.values()].flat().map(({ until }) => until);
    if (ends.length > 0) this.#timer = setTimeout(() => this.#expire(), Math.min(...ends) - now + 1);
  }
}
