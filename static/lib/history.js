// The messages of one conversation, as far as they are loaded: brings pages, fills gaps, looks up
// what is quoted.
import { batch, signal } from './html.js';
import { applyEvent, applyPage, EMPTY, findGap, react, startOver, trim } from './store.js';

/** More rows than this are let go while the reader is at the newest end. */
const WINDOW = 300;
/** How far back a quoted message is looked for. */
const REACH_PAGES = 20;
const REACH_SIZE = 200;

/** @typedef {import('./store.js').Message} Message */

export class History {
  #api;
  /** @type {Set<string>} */
  #settledGaps = new Set();
  #filling = false;
  /** @type {Promise<void> | undefined} */
  #loading;
  /** @type {Promise<void> | undefined} */
  #loadingOlder;
  #flights = 0;
  /** What was heard while a page was on its way: it may or may not be in it. @type {import('./store.js').StreamEvent[]} */
  #heard = [];
  /** Where a stream has to start to continue what is loaded. */
  cursor = '';
  log = signal(EMPTY);
  /** Whether the newest page has been loaded. */
  loaded = signal(false);
  /** Whether the last attempt to load it did not work. */
  failed = signal(false);
  /** Whether the reader is on the way to a message further back, which must not be let go of before. */
  reaching = false;
  /** @type {import('@preact/signals').Signal<'idle' | 'loading' | 'failed'>} */
  older = signal('idle');
  /** Quoted messages that are not in the log; null while, or because, there is none. */
  quotes = signal(/** @type {ReadonlyMap<string, Message | null>} */ (new Map()));

  /** @param {import('./api.js').Api} api @param {string} id of the conversation */
  constructor(api, id) {
    this.#api = api;
    this.id = id;
  }

  /** Loads the newest page, unless it is there. */
  load() {
    if (this.loaded.value) return Promise.resolve();
    this.#loading ??= this.#loadNewest().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #loadNewest() {
    this.failed.value = false;
    try {
      await this.#take(undefined, (page) => {
        this.log.value = startOver(this.log.value, page);
        this.cursor = page.cursor;
        this.#settledGaps.clear();
        this.loaded.value = true;
      });
    } catch (error) {
      this.failed.value = true;
      throw error;
    }
  }

  /** Brings the page before what is loaded, one at a time. */
  loadOlder(limit = 50) {
    this.#loadingOlder ??= this.#loadOlder(limit).finally(() => (this.#loadingOlder = undefined));
    return this.#loadingOlder;
  }

  async #loadOlder(/** @type {number} */ limit) {
    const oldest = this.log.value.messages[0];
    if (!oldest || !this.log.value.more) return;
    this.older.value = 'loading';
    try {
      await this.#take(oldest.id, (page) => {
        // A reset may have replaced all meanwhile; this page would leave a hole.
        if (this.log.value.messages[0]?.id === oldest.id) this.log.value = applyPage(this.log.value, page);
        this.older.value = 'idle';
      }, limit);
    } catch {
      this.older.value = 'failed';
    }
  }

  /** @param {import('./store.js').StreamEvent} event @returns {boolean} whether it told something new */
  apply(event) {
    if (this.#flights > 0) this.#heard.push(event);
    const before = this.log.value;
    this.log.value = applyEvent(before, event);
    return this.log.value !== before;
  }

  /** The reader is at the newest end: lets go of the far past. */
  forget() {
    if (this.older.value !== 'loading' && !this.reaching) this.log.value = trim(this.log.value, WINDOW);
  }

  /** @param {string} id */
  find(id) {
    return this.log.value.messages.find((message) => message.id === id);
  }

  /** Loads back to a message. @param {string} id @returns {Promise<boolean>} whether it is there now */
  async reach(id) {
    this.reaching = true;
    for (let i = 0; i < REACH_PAGES && !this.find(id); i += 1) {
      if (!this.log.value.more || this.older.value === 'failed') break;
      await this.loadOlder(REACH_SIZE);
    }
    this.reaching = this.find(id) !== undefined;
    return this.reaching;
  }

  /** @param {string} id @returns {Message | null | undefined} undefined while it is looked for */
  quoted(id) {
    const here = this.find(id);
    if (here) return here;
    if (!this.quotes.value.has(id)) queueMicrotask(() => this.#look(id));
    return this.quotes.value.get(id);
  }

  /**
   * Shows a reaction at once, and takes it back if the service does not agree.
   * @param {string} id
   * @param {string} user
   * @param {string} emoji
   * @param {boolean} on
   */
  async react(id, user, emoji, on) {
    this.log.value = react(this.log.value, id, user, emoji, on);
    try {
      await this.#api.react(id, emoji, on);
    } catch (error) {
      this.log.value = react(this.log.value, id, user, emoji, !on);
      throw error;
    }
  }

  /** A jump in `seq` means that messages exist which no event brought. */
  async fillGaps() {
    if (this.#filling) return;
    this.#filling = true;
    try {
      for (;;) {
        const gap = findGap(this.log.value, this.#settledGaps);
        if (!gap) break;
        const page = await this.#take(gap.before.id, (found) => (this.log.value = applyPage(this.log.value, found)));
        // Filled in part, the rest shows as a gap further back. Without progress nothing is there.
        if (!page.messages.some((message) => message.id > gap.after.id)) this.#settledGaps.add(gap.before.id);
      }
    } catch {
      // The next event, or the next time the stream goes live, tries again.
    } finally {
      this.#filling = false;
    }
  }

  /**
   * @param {string | undefined} before
   * @param {(page: import('./store.js').Page) => void} use
   * @param {number} [limit]
   */
  async #take(before, use, limit) {
    this.#flights += 1;
    try {
      const page = await this.#api.page(this.id, before, limit);
      batch(() => {
        use(page);
        this.log.value = this.#heard.reduce(applyEvent, this.log.value);
      });
      return page;
    } finally {
      this.#flights -= 1;
      if (this.#flights === 0) this.#heard = [];
    }
  }

  /** @param {string} id */
  async #look(id) {
    if (this.quotes.value.has(id)) return;
    /** @param {Message | null | undefined} message */
    const note = (message) => {
      const known = new Map(this.quotes.value);
      if (message === undefined) known.delete(id);
      else known.set(id, message);
      this.quotes.value = known;
    };
    note(null);
    try {
      note(await this.#api.message(id));
    } catch {
      // Gone, or not for this reader; a quote without its words says enough.
    }
  }
}
