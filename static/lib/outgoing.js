// What this person has written and the conversation does not show yet.
import { batch, signal } from './html.js';
import { isPrivate, PUBLIC } from './conversations.js';
import { isOutboxKey, Outbox } from './outbox.js';
import { shelf } from './shelf.js';
import { samePerson } from './text.js';

/** @typedef {import('./outbox.js').Entry} Entry */
/** @typedef {import('./store.js').Message} Message */

/**
 * @typedef {object} Options
 * @property {import('./api.js').Api} api
 * @property {import('./session.js').Session} session
 * @property {(id: string) => import('./history.js').History | undefined} history of a conversation
 * @property {(id: string) => boolean} reachable whether a conversation can be turned to
 * @property {(message: Message) => void} onSent
 */

export class Outgoing {
  #options;
  /**
   * Entries that another tab has sent, until the stream brings their messages here.
   * @type {Map<string, Entry>}
   */
  #leaving = new Map();
  /** @type {import('@preact/signals').Signal<Entry[]>} */
  entries = signal([]);

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    const { api, session } = options;
    this.outbox = new Outbox({
      shelf: shelf(),
      post: (entry) => api.post(entry),
      mine: (entry) => session.account.value !== null && samePerson(entry.user, session.user.value),
      onChange: (entries, sent) => this.#changed(entries, sent),
      exclusive: navigator.locks && ((send) => navigator.locks.request('realtalk.outbox', send)),
    });
  }

  /**
   * What was refused by a conversation that one is no longer in would be seen nowhere: it shows in any.
   * @param {string} conversation
   * @returns {Entry[]} this person's, oldest first
   */
  of(conversation) {
    const { session, reachable } = this.#options;
    const me = session.user.value;
    return this.entries.value.filter((entry) => samePerson(entry.user, me)).flatMap((entry) => {
      const { conversation_id = PUBLIC, fault } = entry;
      if (conversation_id === conversation) return [entry];
      if (fault === undefined || reachable(conversation_id)) return [];
      return [{ ...entry, reply_to: undefined, fault: 'You are no longer in that conversation.' }];
    });
  }

  /** @param {string} conversation @param {string} content @param {string} [reply_to] */
  add(conversation, content, reply_to) {
    const place = { ...(conversation !== PUBLIC && { conversation_id: conversation }), ...(reply_to && { reply_to }) };
    this.outbox.add(this.#options.session.user.value, content.trim(), place);
  }

  /** A guest has taken another name: what can be said under any name goes out under the new one. @param {string} from @param {string} to */
  rename(from, to) {
    this.outbox.readdress(from, to, (entry) => !isPrivate(entry.conversation_id));
  }

  /** @param {string | null} key of the storage that another tab has changed */
  follow(key) {
    if (key === null) this.#leaving.clear();
    if (isOutboxKey(key)) this.outbox.refresh();
  }

  /** @param {Message} message a new one */
  arrived(message) {
    if (message.client_msg_id && this.#leaving.delete(message.client_msg_id)) this.outbox.refresh();
  }

  /** @param {Entry[]} entries @param {Message} [sent] */
  #changed(entries, sent) {
    const waiting = new Set(entries.map((entry) => entry.client_msg_id));
    for (const entry of this.entries.value) {
      const id = entry.client_msg_id;
      if (entry.fault !== undefined || waiting.has(id) || sent?.client_msg_id === id) continue;
      const shown = this.#options.history(entry.conversation_id ?? PUBLIC);
      if (shown && !shown.log.value.messages.some((message) => message.client_msg_id === id)) this.#leaving.set(id, entry);
    }
    batch(() => {
      this.entries.value = [...this.#leaving.values(), ...entries];
      if (sent) this.#options.onSent(sent);
    });
  }
}
