// Which conversation is on the screen, what of it is loaded, and what of it has been read.
import { batch, computed, signal } from './html.js';
import { isPrivate, PUBLIC } from './conversations.js';
import { History } from './history.js';

/** No seq: of a conversation that has never been read, all after 0 is new. */
const NONE = -1;
/** As many conversations stay loaded. */
const KEPT = 12;

/** @typedef {import('./store.js').Message} Message */

/**
 * @typedef {object} Options
 * @property {import('./api.js').Api} api
 * @property {import('./inbox.js').Inbox} inbox
 * @property {(id: string, seq: number) => void} onRead
 * @property {(id: string) => void} onMissing the address names what is not in the list
 */

export class Screen {
  #options;
  /** @type {Map<string, History>} the one used last is last */
  #histories = new Map();
  /** @type {Set<(message: Message) => void>} */
  #listeners = new Set();
  /** Whether what is shown has been in front of somebody. */
  #looked = false;
  /** The id of the conversation that is shown. */
  open = signal(PUBLIC);
  conversation = computed(() => this.#options.inbox.get(this.open.value));
  /** What came after this seq was new when the conversation was opened; negative for none. */
  unreadAfter = signal(NONE);
  /** A message that somebody wants to see. */
  target = signal('');
  /** Whether the newest message is in view. */
  following = true;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#readAddress();
    addEventListener('hashchange', () => this.#readAddress());
    addEventListener('popstate', () => this.#readAddress());
    addEventListener('focus', () => this.read());
  }

  /** @param {string} id of a conversation to put on the screen */
  show(id) {
    const address = id === PUBLIC ? location.pathname + location.search : `#${encodeURIComponent(id)}`;
    if (addressed() !== id) history.pushState(null, '', address);
    this.#turnTo(id);
  }

  /** Loads what is shown. A failure shows there, and can be tried again. */
  async load() {
    const shown = this.shown();
    try {
      await shown.load();
      this.read();
    } catch (error) {
      if (shown.id !== PUBLIC && /** @type {any} */ (error)?.status === 404) this.show(PUBLIC);
    }
  }

  /** @param {string} [id] @returns {History} */
  shown(id = this.open.value) {
    const shown = this.#histories.get(id) ?? new History(this.#options.api, id);
    this.#histories.delete(id);
    this.#histories.set(id, shown);
    for (const oldest of this.#histories.keys()) {
      if (this.#histories.size <= KEPT) break;
      if (oldest !== this.open.peek()) this.#histories.delete(oldest);
    }
    return shown;
  }

  /** @param {string} id @returns {History | undefined} if it is loaded */
  loaded(id) {
    return this.#histories.get(id);
  }

  /** One has answered: what was new is not any more. */
  settle() {
    this.unreadAfter.value = NONE;
  }

  /** Takes over an answer to an own request without waiting for its event. @param {import('./store.js').StreamEvent} event */
  learn(event) {
    this.loaded(event.conversation_id ?? PUBLIC)?.apply(event);
  }

  /**
   * What is in view, in front of somebody, is read. What they had not seen when the conversation was
   * opened gets a line above it.
   */
  read() {
    const id = this.open.peek();
    const shown = this.#histories.get(id);
    if (!shown?.loaded.peek() || !this.following || document.hidden || !document.hasFocus()) return;
    const { unread = 0, read_seq = 0 } = this.conversation.peek() ?? {};
    if (!this.#looked && unread > 0) this.unreadAfter.value = read_seq;
    this.#looked = true;
    const seq = shown.log.peek().messages.at(-1)?.seq ?? 0;
    if (this.#options.inbox.read(id, seq)) this.#options.onRead(id, seq);
  }

  /** @param {Message} message a new one by somebody else */
  announce(message) {
    if ((message.conversation_id ?? PUBLIC) !== this.open.peek()) return;
    // Whoever looks away gets a line when they look again.
    if (document.hidden && this.unreadAfter.peek() < 0) this.#looked = false;
    for (const listener of this.#listeners) listener(message);
  }

  /**
   * @param {(message: Message) => void} listener hears each new message by somebody else
   * @returns {() => void} stops it
   */
  onArrival(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Something was missed: all has to be loaded anew. */
  expire() {
    for (const [id, each] of this.#histories) {
      if (id === this.open.value) each.loaded.value = false;
      else this.#histories.delete(id);
    }
  }

  /** Somebody else sits here now. @param {boolean} all or only what was private */
  forget(all) {
    batch(() => {
      for (const id of this.#histories.keys()) if (all || isPrivate(id)) this.#histories.delete(id);
      this.expire();
      this.unreadAfter.value = NONE;
      this.#looked = false;
      this.open.value = addressed();
    });
  }

  /** Only what is in the list can be shown. */
  correct() {
    if (!this.conversation.value) this.#miss(this.open.value);
  }

  #readAddress() {
    const id = addressed();
    if (!this.#options.inbox.loaded.peek()) this.open.value = id;
    else if (this.#options.inbox.get(id)) this.#turnTo(id);
    else this.#miss(id);
  }

  /** @param {string} id */
  #miss(id) {
    // Whoever has no name yet may have it in their list once they have one.
    if (this.#options.inbox.owned) {
      history.replaceState(null, '', location.pathname + location.search);
      this.#options.onMissing(id);
    }
    this.#turnTo(PUBLIC);
  }

  /** @param {string} id */
  #turnTo(id) {
    if (id === this.open.peek()) return;
    this.#looked = false;
    batch(() => {
      this.unreadAfter.value = NONE;
      this.target.value = '';
      this.following = true;
      this.open.value = id;
    });
    this.load();
  }
}

/** @returns {string} the conversation that the address names */
function addressed() {
  try {
    return decodeURIComponent(location.hash.slice(1)) || PUBLIC;
  } catch {
    return PUBLIC;
  }
}
