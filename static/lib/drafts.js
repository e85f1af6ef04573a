// What is being written, in each conversation: it survives a reload, and a change of conversation.
import { batch, effect, signal } from './html.js';
import { PUBLIC } from './conversations.js';

const KEY = 'realtalk.draft';

/** @typedef {import('./store.js').Message} Message */

export class Draft {
  /** @type {import('@preact/signals').Signal<Message | null>} what it answers */
  reply = signal(null);
  /** @type {import('@preact/signals').Signal<Message | null>} what it is to replace */
  editing = signal(null);
  /** What was being written when an edit began. */
  #aside = '';

  /** @param {string} text */
  constructor(text) {
    this.text = signal(text);
  }

  /** @param {Message} message an own one */
  edit(message) {
    if (!this.editing.value) this.#aside = this.text.value;
    batch(() => {
      this.editing.value = message;
      this.reply.value = null;
      this.text.value = message.content;
    });
  }

  /** The edit is done, or given up. */
  endEdit() {
    if (!this.editing.value) return;
    batch(() => {
      this.editing.value = null;
      this.text.value = this.#aside;
    });
    this.#aside = '';
  }

  clear() {
    batch(() => {
      this.text.value = '';
      this.reply.value = null;
    });
  }
}

export class Drafts {
  /** @type {Map<string, Draft>} */
  #all = new Map();

  /** @param {string} conversation */
  of(conversation) {
    const known = this.#all.get(conversation);
    if (known) return known;
    const key = conversation === PUBLIC ? KEY : `${KEY}.${conversation}`;
    const draft = new Draft(load(key));
    this.#all.set(conversation, draft);
    effect(() => {
      // An edit is of something that is already kept elsewhere.
      if (!draft.editing.value) save(key, draft.text.value);
    });
    return draft;
  }
}

/** @param {string} key */
function load(key) {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} key @param {string} text */
function save(key, text) {
  try {
    if (text) sessionStorage.setItem(key, text);
    else sessionStorage.removeItem(key);
  } catch {}
}
