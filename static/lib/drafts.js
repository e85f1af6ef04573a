// What is being written, by whom, in each conversation: it survives a reload, a change of conversation
// and the end of a session, and waits for its author.
import { batch, effect, signal } from './html.js';
import { isPrivate } from './conversations.js';
import { foldName, samePerson } from './text.js';

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
  #user;
  /** @type {Map<string, Draft>} */
  #all = new Map();

  /** @param {() => string} user whose drafts are asked for, by name */
  constructor(user) {
    this.#user = user;
  }

  /** @param {string} conversation @param {string} [user] */
  of(conversation, user = this.#user()) {
    // No name contains a slash.
    const key = `${KEY}.${foldName(user)}/${conversation}`;
    const known = this.#all.get(key);
    if (known) return known;
    const draft = new Draft(load(key));
    this.#all.set(key, draft);
    effect(() => {
      // An edit is of something that is already kept elsewhere.
      if (!draft.editing.value) save(key, draft.text.value);
    });
    return draft;
  }

  /** A guest has taken another name: what can be said under any name goes along. @param {string} from @param {string} to */
  rename(from, to) {
    const start = `${KEY}.${foldName(from)}/`;
    for (const [key, draft] of [...this.#all]) {
      const conversation = key.slice(start.length);
      if (samePerson(from, to) || !key.startsWith(start) || isPrivate(conversation)) continue;
      draft.endEdit();
      const next = this.of(conversation, to);
      batch(() => {
        next.text.value = [next.text.value, draft.text.value].filter(Boolean).join('\n');
        next.reply.value ??= draft.reply.value;
        draft.clear();
      });
    }
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
