// Keeps one EventSource open. An EventSource gives up for good on any answer but 200, cannot see
// response headers and knows no jitter, so it is only the pipe: this supervisor decides when to open it.
import { backoff } from './backoff.js';
import { readMessage } from './store.js';

/** The server says something at least every 15 s; two missed beats and some slack mean it is gone. */
const SILENCE_MS = 40_000;
/** Heard within this time, a stream counts as healthy when somebody asks. */
const FRESH_MS = 20_000;
/** A stream that lived this long did not fail at the start. */
const STEADY_MS = 10_000;
/** A server at its limit is left alone for up to this long, more than after a mere cut. */
const BUSY_MS = 10_000;
/** Events that are in the log, besides plain messages. */
export const DURABLE = ['message_updated', 'message_deleted', 'reaction', 'conversation', 'member'];
/** Events that only matter now. */
export const EPHEMERAL = ['typing', 'presence', 'receipt'];

/** @typedef {import('./store.js').StreamEvent} StreamEvent */
/** @typedef {{phase: 'connecting' | 'live' | 'stopped'} | {phase: 'waiting', until: number}} Connection */

/**
 * @typedef {object} Options
 * @property {() => Promise<string>} prepare gets ready and tells the address to open
 * @property {(event: StreamEvent, cursor: string) => void} onEvent
 * @property {(cursor: string) => void} onReset something was missed: the next `prepare` has to load
 *   anew; the stream then goes on from `cursor`, if the server named one
 * @property {(connection: Connection) => void} onChange
 * @property {(reason: string) => void} [onReauth] the server wants to know again who this is
 * @property {(url: string) => EventSource} [open]
 */

export class Stream {
  #options;
  #openSource;
  /** @type {EventSource | undefined} */
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Connection['phase'] | 'stopped'} */
  #phase = 'stopped';
  /** Tells the answers of this attempt from those of an abandoned one. */
  #attempt = 0;
  /** When the trouble began, 0 while there is none. */
  #downSince = 0;
  #liveSince = 0;
  #heardAt = 0;
  #notBefore = 0;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#openSource = options.open ?? ((url) => new EventSource(url));
  }

  start() {
    if (this.#phase === 'stopped') this.#connect();
  }

  /** Leaves the network alone until `start`. */
  stop() {
    this.#release();
    this.#enter({ phase: 'stopped' });
  }

  /** The address has changed: opens the stream again, where it is. */
  reopen() {
    if (this.#phase !== 'stopped') this.#connect();
  }

  /** Something hints that the network changed: looks whether the stream still lives. */
  check() {
    if (this.#phase === 'waiting') this.#retryIn(Math.max(this.#notBefore - Date.now(), Math.random() * 500));
    if (this.#phase === 'live' && Date.now() - this.#heardAt > FRESH_MS) this.#connect();
  }

  /** The browser says the network is gone: an open stream would only notice by its silence. */
  doubt() {
    if (this.#phase === 'live') this.#fail();
  }

  /** Somebody asks for it: no jitter needed for a person's click. */
  tryNow() {
    if (this.#phase === 'waiting') this.#connect();
  }

  async #connect() {
    this.#release();
    const attempt = this.#attempt;
    this.#enter({ phase: 'connecting' });
    try {
      const url = await this.#options.prepare();
      if (attempt === this.#attempt) this.#open(url);
    } catch (error) {
      if (attempt === this.#attempt) this.#fail(Number(/** @type {any} */ (error)?.retryAfter) || 0);
    }
  }

  /** @param {string} url */
  #open(url) {
    const source = this.#openSource(url);
    this.#source = source;
    this.#expectSound();
    source.onmessage = (event) => this.#deliver(event);
    // Closed on every error, also on those the browser would retry itself: its delay is not ours to
    // show or to cut short.
    source.onerror = () => this.#fail();
    for (const name of [...DURABLE, ...EPHEMERAL]) {
      source.addEventListener(name, (event) => this.#deliver(event, name));
    }
    source.addEventListener('ready', () => this.#heard());
    source.addEventListener('heartbeat', () => this.#heard());
    source.addEventListener('busy', () => this.#fail(Math.random() * BUSY_MS));
    source.addEventListener('reset', (event) => {
      this.#options.onReset(String(parse(event.data)?.cursor ?? ''));
      this.#fail();
    });
    source.addEventListener('reauth', (event) => {
      this.#fail();
      this.#options.onReauth?.(String(parse(event.data)?.reason ?? ''));
    });
  }

  /**
   * @param {MessageEvent<string>} event
   * @param {string} [type]
   */
  #deliver(event, type) {
    this.#heard();
    const data = parse(event.data);
    if (!type) {
      // A message has to be whole.
      const message = readMessage(data, event.lastEventId);
      if (message) this.#options.onEvent({ ...message, type: 'message' }, event.lastEventId);
    } else if (data?.id || (data && EPHEMERAL.includes(type))) {
      this.#options.onEvent({ ...data, type }, event.lastEventId);
    }
  }

  #heard() {
    this.#heardAt = Date.now();
    this.#expectSound();
    if (this.#phase === 'live') return;
    this.#liveSince = Date.now();
    this.#enter({ phase: 'live' });
  }

  #expectSound() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(), SILENCE_MS);
  }

  /** @param {number} [asked] milliseconds the server wants to be left alone */
  #fail(asked = 0) {
    const now = Date.now();
    const steady = this.#phase === 'live' && now - this.#liveSince > STEADY_MS;
    if (steady || !this.#downSince) this.#downSince = now;
    this.#release();
    this.#notBefore = now + asked;
    this.#retryIn(asked + Math.max(100, backoff(now - this.#downSince)));
  }

  /** @param {number} ms */
  #retryIn(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connect(), ms);
    this.#enter({ phase: 'waiting', until: Date.now() + ms });
  }

  #release() {
    this.#attempt += 1;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  /** @param {Connection} connection */
  #enter(connection) {
    this.#phase = connection.phase;
    this.#options.onChange(connection);
  }
}

/** @param {unknown} text @returns {any} undefined if it is not JSON */
function parse(text) {
  try {
    return JSON.parse(String(text));
  } catch {
    return undefined;
  }
}
