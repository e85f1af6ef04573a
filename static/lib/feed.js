// One stream for all tabs of a browser. The tab that holds the lock has the real one and passes on
// what it hears; the others have a pipe to that tab. When it closes, the next in line takes over
// where the events it has heard end. Without locks each tab has its own stream.

import { DURABLE, EPHEMERAL } from './stream.js';

/** How many events a tab keeps for those who come later. */
const KEPT = 1_000;

const NAMES = ['message', ...DURABLE, ...EPHEMERAL, 'ready', 'heartbeat', 'reset', 'busy', 'reauth'];

/**
 * What travels between tabs: a frame of the stream, or `join` (a tab asks to hear what comes after
 * its cursor), `lead` (a tab has taken over), `down` (the stream is interrupted), `try` (somebody
 * asks to connect now).
 * @typedef {{name: string, data?: string, id?: string, to?: string, from?: string, cursor?: string}} Note
 */

/** @typedef {Pick<BroadcastChannel, 'postMessage' | 'close'> & {onmessage: ((event: MessageEvent<Note>) => void) | null}} Channel */

/**
 * @typedef {object} Options
 * @property {string} tab a name for this tab
 * @property {Pick<LockManager, 'request'>} [locks]
 * @property {() => Channel} [channel]
 * @property {(url: string) => EventSource} open
 * @property {() => void} onLead this tab has to open the stream now, in place of its pipe
 * @property {() => void} onTry
 */

export class Feed {
  #options;
  /** @type {Channel | undefined} */
  #channel;
  /** @type {AbortController | undefined} */
  #claim;
  /** @type {Pipe | undefined} */
  #pipe;
  /** @type {Note[]} events with an id, oldest first */
  #kept = [];
  /** All events after this one are kept. */
  #boundary = '';
  /** Where the pipe has begun. */
  #cursor = '';
  #live = false;
  /** Whether another tab has ever asked to hear what this one does. */
  #followed = false;
  /** Whether this tab has the stream. */
  leading = false;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
  }

  start() {
    const { locks, channel } = this.#options;
    if (!locks || !channel) {
      this.leading = true;
      return;
    }
    this.#channel = channel();
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#claim = new AbortController();
    const { signal } = this.#claim;
    const held = new Promise((resolve) => signal.addEventListener('abort', resolve));
    // Rejected when this tab leaves the line.
    locks.request('realtalk.stream', { signal }, () => this.#lead(held)).catch(() => {});
  }

  stop() {
    this.#claim?.abort();
    this.#channel?.close();
    this.#channel = undefined;
    this.#pipe = undefined;
    this.#kept = [];
    this.#live = false;
    this.leading = false;
  }

  /**
   * @param {string} url
   * @param {string} cursor up to where everything is known here
   * @returns {EventSource} the stream, or a pipe that looks like one
   */
  open(url, cursor) {
    if (this.#kept.length === 0) this.#boundary = cursor;
    if (this.leading) return this.#tap(this.#options.open(url));
    const pipe = new Pipe(() => (this.#pipe = this.#pipe === pipe ? undefined : this.#pipe));
    this.#pipe = pipe;
    this.#cursor = cursor;
    this.#join();
    return /** @type {any} */ (pipe);
  }

  /** Asks the leading tab not to wait any longer. */
  tryNow() {
    if (!this.leading) this.#post({ name: 'try' });
  }

  /** The stream is interrupted, or given up: nobody else may think it lives. */
  down() {
    if (this.leading) this.#pass({ name: 'down' });
  }

  /** @param {Promise<unknown>} held */
  async #lead(held) {
    if (!this.#channel) return;
    this.leading = true;
    if (this.#pipe) this.#options.onLead();
    this.#post({ name: 'lead' });
    await held;
  }

  #join() {
    this.#post({ name: 'join', from: this.#options.tab, cursor: this.#cursor });
  }

  /** @param {EventSource} source */
  #tap(source) {
    this.#live = false;
    for (const name of NAMES) {
      source.addEventListener(name, (event) => this.#pass({ name, data: event.data, id: event.lastEventId }));
    }
    return source;
  }

  /** @param {Note} note */
  #pass(note) {
    this.#live = !['down', 'busy', 'reset', 'reauth'].includes(note.name);
    this.#keep(note);
    // A tab that comes asks for what it has missed, and asks again when it hears that the stream stands.
    if (this.#followed || !isEvent(note)) this.#post(note);
  }

  /** @param {Note} note */
  #keep(note) {
    if (note.name === 'reset') {
      this.#kept = [];
      return;
    }
    // What has no id of its own carries that of the event before it.
    if (!isDurable(note) || !note.id || note.id <= (this.#kept.at(-1)?.id ?? '')) return;
    this.#kept.push(note);
    // In large steps, not one by one.
    if (this.#kept.length > 2 * KEPT) this.#boundary = this.#kept.splice(0, KEPT).at(-1)?.id ?? '';
  }

  /** @param {Note} note */
  #hear(note) {
    if (note.to !== undefined && note.to !== this.#options.tab) return;
    if (note.name === 'join') this.#welcome(note);
    else if (note.name === 'try') this.#options.onTry();
    else if (this.leading) return;
    else if (note.name === 'lead') this.#pipe?.fail();
    else if (this.#pipe) this.#follow(this.#pipe, note);
  }

  /** @param {Pipe} pipe @param {Note} note */
  #follow(pipe, note) {
    const welcome = note.to !== undefined;
    // Before the welcome, what all hear may come ahead of what this tab has missed. The welcome
    // brings both, in order. Who has asked twice listens to the first one only.
    if (welcome === pipe.joined && note.name !== 'down') {
      if (!welcome && note.name === 'ready') this.#join();
      return;
    }
    if (welcome && note.id && note.id <= this.#cursor) return;
    if (welcome && note.name === 'ready') pipe.joined = true;
    this.#keep(note);
    pipe.say(note);
  }

  /** Tells a tab what it has missed. @param {Note} note */
  #welcome({ from, cursor = '' }) {
    this.#followed = true;
    if (!this.leading || !this.#live) return;
    if (cursor < this.#boundary) {
      this.#post({ name: 'reset', data: '{"type":"reset","reason":"unknown"}', to: from });
      return;
    }
    for (const note of this.#kept) if ((note.id ?? '') > cursor) this.#post({ ...note, to: from });
    this.#post({ name: 'ready', data: '{"type":"ready"}', to: from });
  }

  /** @param {Note} note */
  #post(note) {
    this.#channel?.postMessage(note);
  }
}

/** Whether it is in the log. @param {Note} note */
const isDurable = ({ name }) => name === 'message' || DURABLE.includes(name);

/** @param {Note} note */
const isEvent = (note) => isDurable(note) || EPHEMERAL.includes(note.name);

/** Looks like an `EventSource`, and hears what the leading tab passes on. */
class Pipe extends EventTarget {
  /** @type {((event: MessageEvent) => void) | null} */
  onmessage = null;
  /** @type {(() => void) | null} */
  onerror = null;
  /** Whether the leading tab has welcomed it. */
  joined = false;
  #onClose;

  /** @param {() => void} onClose */
  constructor(onClose) {
    super();
    this.#onClose = onClose;
  }

  close() {
    this.onmessage = null;
    this.onerror = null;
    this.#onClose();
  }

  fail() {
    this.onerror?.();
  }

  /** @param {Note} note */
  say({ name, data = '{}', id = '' }) {
    if (name === 'down' || name === 'busy') {
      this.fail();
      return;
    }
    const event = new MessageEvent(name, { data, lastEventId: id });
    if (name === 'message') this.onmessage?.(event);
    else this.dispatchEvent(event);
  }
}
