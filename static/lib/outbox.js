// Messages on their way to the server. They are written down before they are sent and crossed out
// after the server has answered, so a reload, a crash or a second tab can send one again, but the
// server stores it once: the `client_msg_id` stays with the message.
import { Problem } from './http.js';
import { backoff } from './backoff.js';

const PREFIX = 'realtalk.outbox.';

/**
 * @typedef {object} Entry
 * @property {string} client_msg_id
 * @property {string} user
 * @property {string} content
 * @property {string} [conversation_id] `public` without it
 * @property {string} [reply_to]
 * @property {number} time when it was written, in milliseconds since 1970; also its place in line
 * @property {string} [fault] why the server refused it for good
 */

/**
 * What the outbox needs of `localStorage`.
 * @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>} Shelf
 */

/**
 * @typedef {object} Options
 * @property {Shelf | undefined} shelf shared by all tabs; without it entries live as long as the page
 * @property {(entry: Entry) => Promise<import('./store.js').Message>} post
 * @property {(entries: Entry[], sent?: import('./store.js').Message) => void} onChange
 *   gets an entry's disappearance and the message that replaces it in one call
 * @property {(entry: Entry) => boolean} [mine] whether it can be sent now; others wait for their author
 * @property {(send: () => Promise<number>) => Promise<number>} [exclusive] runs `send` in one tab at a time
 */

/** The line is empty, or only holds what the server refused. */
const DONE = -1;

export class Outbox {
  #options;
  /** @type {Map<string, Entry>} entries that could not be written down */
  #unsaved = new Map();
  /** When the trouble began, 0 while there is none. */
  #downSince = 0;
  #running = false;
  #again = false;
  #notBefore = 0;
  /** @type {(() => void) | undefined} */
  #endPause;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
  }

  /** @returns {Entry[]} oldest first, from every tab */
  get entries() {
    const found = new Map(this.#unsaved);
    const { shelf } = this.#options;
    for (let i = 0; i < (shelf?.length ?? 0); i += 1) {
      const entry = parse(shelf?.key(i), shelf);
      if (entry) found.set(entry.client_msg_id, entry);
    }
    return [...found.values()].sort((a, b) => a.time - b.time || (a.client_msg_id < b.client_msg_id ? -1 : 1));
  }

  /**
   * @param {string} user
   * @param {string} content
   * @param {Pick<Entry, 'conversation_id' | 'reply_to'>} [place]
   */
  add(user, content, place = {}) {
    // Two messages in one millisecond keep their order.
    const time = Math.max(Date.now(), (this.entries.at(-1)?.time ?? 0) + 1);
    this.#save({ client_msg_id: newId(), user, content, time, ...place });
    this.#changed();
    this.flush();
  }

  /**
   * A guest goes on under another name.
   * @param {string} from
   * @param {string} to
   * @param {(entry: Entry) => boolean} which of them
   */
  readdress(from, to, which) {
    for (const entry of this.entries) if (entry.user === from && which(entry)) this.#save({ ...entry, user: to });
  }

  /** Sends a refused message again, as the same message. @param {string} id */
  retry(id) {
    const entry = this.#find(id);
    if (!entry) return;
    const { fault: _, ...rest } = entry;
    this.#save(rest);
    this.#changed();
    this.flush();
  }

  /**
   * Takes a refused message out.
   * @param {string} id
   * @returns {string} what it said
   */
  discard(id) {
    const content = this.#find(id)?.content ?? '';
    this.#remove(id);
    this.#changed();
    return content;
  }

  /** Another tab wrote or crossed something out. */
  refresh() {
    this.#changed();
    this.flush();
  }

  /** The network may be back: does not wait any longer than the server asked for. */
  wake() {
    if (Date.now() < this.#notBefore) return;
    this.#downSince = 0;
    this.#endPause?.();
    this.flush();
  }

  /** Sends what is in line, in order. */
  async flush() {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    const exclusive = this.#options.exclusive ?? ((send) => send());
    while (this.#again) {
      this.#again = false;
      // Only the attempt is exclusive, never the pause: a sleeping background tab would hold up all.
      const pause = await exclusive(() => this.#sendFirst());
      if (pause === DONE) continue;
      this.#again = true;
      if (pause > 0) await this.#pause(pause);
    }
    this.#running = false;
  }

  /** @returns {Promise<number>} milliseconds to wait before the next attempt, or `DONE` */
  async #sendFirst() {
    const mine = this.#options.mine ?? (() => true);
    const entry = this.entries.find((candidate) => candidate.fault === undefined && mine(candidate));
    if (!entry) return DONE;
    try {
      const message = await this.#options.post(entry);
      this.#downSince = 0;
      this.#remove(entry.client_msg_id);
      this.#changed(message);
      return 0;
    } catch (error) {
      // The session has ended. Nothing is wrong with the message: it waits for `refresh`.
      if (error instanceof Problem && error.status === 401) return DONE;
      if (error instanceof Problem && error.final) {
        this.#save({ ...entry, fault: error.message });
        this.#changed();
        return 0;
      }
      const asked = error instanceof Problem ? error.retryAfter : 0;
      const now = Date.now();
      this.#downSince ||= now;
      this.#notBefore = now + asked;
      return asked + Math.max(100, backoff(now - this.#downSince));
    }
  }

  /** @param {number} ms */
  async #pause(ms) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endPause = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
    });
    this.#endPause = undefined;
  }

  /** @param {string} id */
  #find(id) {
    return this.entries.find((entry) => entry.client_msg_id === id);
  }

  /** @param {Entry} entry */
  #save(entry) {
    try {
      if (!this.#options.shelf) throw new Error('no shelf');
      this.#options.shelf.setItem(PREFIX + entry.client_msg_id, JSON.stringify(entry));
      this.#unsaved.delete(entry.client_msg_id);
    } catch {
      // Full, or forbidden: the message still goes out, it only would not survive a reload.
      this.#unsaved.set(entry.client_msg_id, entry);
    }
  }

  /** @param {string} id */
  #remove(id) {
    this.#unsaved.delete(id);
    this.#options.shelf?.removeItem(PREFIX + id);
  }

  /** @param {import('./store.js').Message} [sent] */
  #changed(sent) {
    this.#options.onChange(this.entries, sent);
  }
}

/** @param {string | null} key @returns {boolean} whether a change of this key concerns the outbox */
export function isOutboxKey(key) {
  return key === null || key.startsWith(PREFIX);
}

/** @returns {string} 128 random bits; `crypto.randomUUID` is missing on plain http */
export function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {string | null | undefined} key
 * @param {Shelf | undefined} shelf
 * @returns {Entry | undefined}
 */
function parse(key, shelf) {
  if (!key?.startsWith(PREFIX)) return undefined;
  try {
    const entry = JSON.parse(shelf?.getItem(key) ?? '');
    return typeof entry.client_msg_id === 'string' && typeof entry.content === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}
