// The room on the screen: what the services say, what is on its way to them, and who reads it.
import { batch, signal } from './html.js';
import { getPage, locate, postMessage, streamUrl } from './api.js';
import { isOutboxKey, newId, Outbox } from './outbox.js';
import { applyEvent, applyPage, EMPTY, findGap, startOver, trim } from './store.js';
import { Stream } from './stream.js';
import { samePerson } from './text.js';

const NAME_KEY = 'realtalk.name';
/** More rows than this are let go while the reader is at the newest end. */
const WINDOW = 300;
/** How often a burst of events is shown. */
const BURST_MS = 100;

/** @typedef {import('./store.js').Message} Message */

export class Room {
  /** The reader's name, '' until chosen. */
  name = signal(load(NAME_KEY));
  state = signal(EMPTY);
  /** Whether the newest page has been loaded. */
  loaded = signal(false);
  /** @type {import('@preact/signals').Signal<import('./outbox.js').Entry[]>} */
  unsent = signal([]);
  /** @type {import('@preact/signals').Signal<import('./stream.js').Connection>} */
  connection = signal({ phase: 'connecting' });
  /** @type {import('@preact/signals').Signal<'idle' | 'loading' | 'failed'>} */
  older = signal('idle');
  /** Messages by others that came while the page was hidden. */
  unread = signal(0);

  #clientId = newId();
  #cursor = '';
  /** @type {Promise<import('./api.js').Services> | undefined} */
  #services;
  /** @type {Set<string>} */
  #settledGaps = new Set();
  #filling = false;
  /** @type {{event: import('./store.js').RoomEvent, cursor: string}[]} */
  #received = [];
  #appliedAt = 0;
  /**
   * Entries that another tab has sent, until the stream brings their messages here.
   * @type {Map<string, import('./outbox.js').Entry>}
   */
  #leaving = new Map();
  /** @type {Set<(message: Message) => void>} */
  #listeners = new Set();
  #stream = new Stream({
    prepare: () => this.#prepare(),
    onEvent: (event, cursor) => this.#receive(event, cursor),
    onReset: () => this.loaded.value = false,
    onChange: (connection) => this.#connectionChanged(connection),
  });
  #outbox = new Outbox({
    shelf: shelf(),
    post: async (entry) => postMessage(await this.#locate(), entry),
    onChange: (entries, sent) => this.#outboxChanged(entries, sent),
    exclusive: navigator.locks && ((send) => navigator.locks.request('realtalk.outbox', send)),
  });

  /** Opens the room and follows it until the page goes away. */
  open() {
    this.#stream.start();
    this.#outbox.refresh();
    addEventListener('storage', (event) => {
      if (event.key === null) this.#leaving.clear();
      if (isOutboxKey(event.key)) this.#outbox.refresh();
      if (event.key === NAME_KEY) this.name.value = event.newValue ?? '';
    });
    addEventListener('online', () => this.#look());
    addEventListener('offline', () => this.#stream.doubt());
    addEventListener('pagehide', () => this.#stream.stop());
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.#stream.start();
    });
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.unread.value = 0;
      this.#look();
    });
  }

  /** @param {string} name a tidy, faultless name */
  rename(name) {
    this.name.value = name;
    save(NAME_KEY, name);
  }

  /** @param {string} content */
  post(content) {
    this.#outbox.add(this.name.value, content.trim());
  }

  /** @param {string} id */
  retry(id) {
    this.#outbox.retry(id);
  }

  /**
   * @param {string} id
   * @returns {string} what the message said
   */
  discard(id) {
    return this.#outbox.discard(id);
  }

  tryNow() {
    this.#stream.tryNow();
    this.#outbox.wake();
  }

  async loadOlder() {
    const oldest = this.state.value.messages[0];
    if (!oldest || !this.state.value.more || this.older.value === 'loading') return;
    this.older.value = 'loading';
    try {
      const page = await getPage(await this.#locate(), oldest.id);
      batch(() => {
        // A reset may have replaced the room meanwhile; this page would leave a hole in the new one.
        if (this.state.value.messages[0]?.id === oldest.id) this.state.value = applyPage(this.state.value, page);
        this.older.value = 'idle';
      });
    } catch {
      this.older.value = 'failed';
    }
  }

  /** The reader is at the newest end: lets go of the far past. */
  forget() {
    if (this.older.value !== 'loading') this.state.value = trim(this.state.value, WINDOW);
  }

  /**
   * @param {(message: Message) => void} listener hears each new message by somebody else
   * @returns {() => void} stops it
   */
  onArrival(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #look() {
    this.#stream.check();
    this.#outbox.wake();
  }

  async #locate() {
    this.#services ??= locate().catch((error) => {
      this.#services = undefined;
      throw error;
    });
    return this.#services;
  }

  async #prepare() {
    const services = await this.#locate();
    if (!this.loaded.value) {
      const page = await getPage(services);
      batch(() => {
        this.state.value = startOver(this.state.value, page);
        this.#received.length = 0;
        this.#cursor = page.cursor;
        this.#settledGaps.clear();
        this.loaded.value = true;
      });
    }
    return streamUrl(services, this.#clientId, this.#cursor);
  }

  /**
   * A lone event shows at once; a burst shows once per pause, not once per event.
   * @param {import('./store.js').RoomEvent} event
   * @param {string} cursor
   */
  #receive(event, cursor) {
    this.#received.push({ event, cursor });
    if (this.#received.length > 1) return;
    const wait = this.#appliedAt + BURST_MS - performance.now();
    if (wait > 0) setTimeout(() => this.#apply(), wait);
    else this.#apply();
  }

  #apply() {
    this.#appliedAt = performance.now();
    const received = this.#received.splice(0);
    batch(() => {
      for (const { event, cursor } of received) {
        const before = this.state.value;
        this.state.value = applyEvent(before, event);
        if (cursor) this.#cursor = cursor;
        if (this.state.value !== before) this.#noticed(event);
      }
    });
    this.#fillGaps();
  }

  /** @param {import('./store.js').RoomEvent} event something new */
  #noticed(event) {
    if (event.client_msg_id && this.#leaving.delete(event.client_msg_id)) this.#outbox.refresh();
    if (event.type !== 'message' || samePerson(event.user, this.name.value)) return;
    if (document.hidden) this.unread.value += 1;
    for (const listener of this.#listeners) listener(event);
  }

  /** A jump in `seq` means that messages exist which no event brought. */
  async #fillGaps() {
    if (this.#filling) return;
    this.#filling = true;
    try {
      for (;;) {
        const gap = findGap(this.state.value, this.#settledGaps);
        if (!gap) break;
        const page = await getPage(await this.#locate(), gap.before.id);
        // Filled in part, the rest shows as a gap further back. Without progress nothing is there.
        const before = this.state.value;
        this.state.value = applyPage(before, page);
        if (!page.messages.some((message) => message.id > gap.after.id)) this.#settledGaps.add(gap.before.id);
      }
    } catch {
      // The next event, or the next time the stream goes live, tries again.
    } finally {
      this.#filling = false;
    }
  }

  /** @param {import('./stream.js').Connection} connection */
  #connectionChanged(connection) {
    this.connection.value = connection;
    if (connection.phase !== 'live') return;
    this.#outbox.wake();
    this.#fillGaps();
  }

  /**
   * @param {import('./outbox.js').Entry[]} entries
   * @param {Message} [sent]
   */
  #outboxChanged(entries, sent) {
    const waiting = new Set(entries.map((entry) => entry.client_msg_id));
    const here = sent ? [...this.state.value.messages, sent] : this.state.value.messages;
    const arrived = new Set(here.map((message) => message.client_msg_id));
    for (const entry of this.unsent.value) {
      const id = entry.client_msg_id;
      if (entry.fault === undefined && !waiting.has(id) && !arrived.has(id)) this.#leaving.set(id, entry);
    }
    batch(() => {
      this.unsent.value = [...this.#leaving.values(), ...entries];
      if (sent) this.state.value = applyEvent(this.state.value, { ...sent, type: 'message' });
    });
  }
}

/** @returns {Storage | undefined} reading the property already throws where storage is forbidden */
function shelf() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** @param {string} key */
function load(key) {
  return shelf()?.getItem(key) ?? '';
}

/**
 * @param {string} key
 * @param {string} value
 */
function save(key, value) {
  try {
    shelf()?.setItem(key, value);
  } catch {
    // Full: the name then lasts as long as the page.
  }
}
