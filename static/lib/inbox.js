// The list of one's conversations as it is now: loads it, applies events, and asks again when an
// event says less than has changed.
import { batch, computed, signal } from './html.js';
import { applyEvent, applyRead, applySent, ordered, other, PUBLIC, snapshot } from './conversations.js';

/** At most one new snapshot in this time, however much happens. */
const PAUSE_MS = 500;

/** A stream watches fifty rooms, the public one among them. What is said in others shows with the next list. */
const MOST_ROOMS = 49;

/** @typedef {import('./conversations.js').Conversation} Conversation */
/** @typedef {import('./store.js').StreamEvent} StreamEvent */

export class Inbox {
  #api;
  #session;
  /** Tells the answers of this person's requests from those of somebody before. */
  #era = 0;
  #flights = 0;
  /** What was heard while a snapshot was on its way: it may or may not be in it. @type {StreamEvent[]} */
  #heard = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  list = signal(snapshot([], ''));
  loaded = signal(false);
  conversations = computed(() => ordered(this.list.value));
  unread = computed(() => this.conversations.value.reduce((sum, { unread }) => sum + unread, 0));
  /** Joined rooms besides the public one, those with the latest news first. */
  rooms = computed(() =>
    this.conversations.value.filter(({ kind, id }) => kind === 'room' && id !== PUBLIC).map(({ id }) => id));
  /** All with whom one shares a private conversation, separated by commas, which no name contains. */
  contacts = computed(() => {
    const names = this.conversations.value.flatMap(({ members = [] }) => members.map(({ user }) => user));
    return [...new Set(names)].sort().join();
  });

  /** @param {import('./api.js').Api} api @param {import('./session.js').Session} session */
  constructor(api, session) {
    this.#api = api;
    this.#session = session;
  }

  /** @param {string} open @returns {string[]} what a stream names besides the public room: the open one, and those with the latest news */
  watched(open) {
    const joined = this.rooms.value;
    const first = joined.filter((id) => id === open);
    return [...first, ...joined.filter((id) => id !== open)].slice(0, MOST_ROOMS).sort();
  }

  /** Whether it is the list of somebody, and not what all see. */
  get owned() {
    return this.#session.account.value !== null;
  }

  /** @param {string} id */
  get(id) {
    return this.list.value.byId.get(id);
  }

  /** @param {string} user @returns {Conversation | undefined} the direct conversation with somebody */
  direct(user) {
    const me = this.#session.user.value;
    return this.conversations.value.find((each) => each.kind === 'direct' && other(each, me) === user);
  }

  /** Loads the list, unless it is there. */
  async load() {
    if (!this.loaded.value) await this.#fetch();
  }

  /** Asks for the list again. */
  async refresh() {
    if (this.#session.account.value) await this.#fetch();
  }

  /** @param {StreamEvent} event @returns {boolean} whether it told something new */
  apply(event) {
    if (this.#flights > 0) this.#heard.push(event);
    const before = this.list.value;
    this.list.value = applyEvent(before, event, this.#session.user.value);
    if (this.list.value.unsure) this.#doubt();
    return this.list.value !== before;
  }

  /** @param {import('./store.js').Message} message an own one */
  sent(message) {
    this.list.value = applySent(this.list.value, message);
  }

  /** @param {string} id @param {number} seq @returns {boolean} whether that is news */
  read(id, seq) {
    const before = this.list.value;
    this.list.value = applyRead(before, id, seq);
    if (this.list.value.unsure) this.#doubt();
    return this.list.value !== before;
  }

  /** Something was missed: the next `load` asks again. */
  expire() {
    this.loaded.value = false;
  }

  /** Somebody else sits here now. */
  forget() {
    this.#era += 1;
    this.#heard = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    batch(() => {
      this.loaded.value = false;
      this.list.value = snapshot([], '');
    });
  }

  #doubt() {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      // The next event that leaves a doubt, or the next reset, asks again.
      this.refresh().catch(() => {});
    }, PAUSE_MS);
  }

  async #fetch() {
    const era = this.#era;
    const me = this.#session.user.value;
    this.#flights += 1;
    try {
      const { conversations, cursor } = this.#session.account.value
        ? await this.#api.conversations()
        : { conversations: [], cursor: '' };
      if (era !== this.#era) return;
      batch(() => {
        const fresh = snapshot(conversations, cursor);
        this.list.value = this.#heard.reduce((list, event) => applyEvent(list, event, me), fresh);
        this.loaded.value = true;
      });
    } finally {
      this.#flights -= 1;
      if (this.#flights === 0) this.#heard = [];
    }
  }
}
