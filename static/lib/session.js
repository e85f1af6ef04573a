// Who sits at this browser. The credential itself is a cookie that no script can read; what is kept
// here only says whether it is worth asking.
import { batch, computed, signal } from './html.js';
import { Problem } from './http.js';
import { load, save } from './shelf.js';
import { samePerson } from './text.js';

const NAME_KEY = 'realtalk.name';
const SESSION_KEY = 'realtalk.session';
/** A session that is lost again within this time is not worth another silent try. */
const RELAPSE_MS = 10_000;

/** @type {Record<string, string>} what the stream says of the end of a session, for people */
const ENDS = {
  expired: 'Your session has expired. Please sign in again.',
  signed_out: 'You have signed out on another device.',
  deactivated: 'This account has been deactivated.',
};

/** @typedef {import('./api.js').User} User */
/** @typedef {{name: string, password: boolean, words: string}} Prompt what is asked for, and why */

export class Session {
  #api;
  /** @type {Promise<void> | undefined} */
  #settled;
  #lostAt = -RELAPSE_MS;
  /** The name, '' for nobody. Known before the service has confirmed it. */
  user = signal(load(NAME_KEY));
  /** @type {import('@preact/signals').Signal<User | null>} what the service has confirmed */
  account = signal(null);
  /** @type {import('@preact/signals').Signal<'open' | 'required'>} */
  mode = signal('open');
  /** Whether the service has said which. */
  known = signal(false);
  /** @type {import('@preact/signals').Signal<Prompt | null>} */
  prompt = signal(null);
  /** Whether nothing can be seen before somebody signs in. */
  locked = computed(() => this.mode.value === 'required' && this.prompt.value !== null);

  /** @param {import('./api.js').Api} api */
  constructor(api) {
    this.#api = api;
    api.onSignedOut = () => this.lost('Your session has ended. Please sign in again.');
  }

  /**
   * Finds out who this is, once. Fails only if the services cannot be reached.
   * @returns {Promise<void>}
   */
  settle() {
    this.#settled ??= this.#find().catch((error) => {
      this.#settled = undefined;
      throw error;
    });
    return this.#settled;
  }

  /**
   * @param {string} name
   * @param {string} [password]
   * @throws {Problem} with status 401 if it takes a password, or another one
   */
  async enter(name, password) {
    const { user } = await this.#api.signIn(name, password);
    this.#adopt(user);
  }

  /** Makes an account of a name, and enters. @param {string} name @param {string} password */
  async register(name, password) {
    await this.#api.register(name, password);
    await this.enter(name, password);
  }

  async leave() {
    await this.#api.signOut();
    this.forget();
  }

  /** Goes on as nobody, or asks who it is. */
  forget() {
    save(NAME_KEY, '');
    this.#drop(this.mode.value === 'required' ? { name: '', password: true, words: '' } : null);
  }

  /** The stream says that it is over. @param {string} reason */
  end(reason) {
    this.lost(ENDS[reason] ?? ENDS.expired);
  }

  /** The service no longer believes it. @param {string} words */
  lost(words) {
    const guest = this.account.value?.kind === 'guest' && this.mode.value === 'open';
    const relapse = Date.now() - this.#lostAt < RELAPSE_MS;
    const name = this.user.value;
    this.#lostAt = Date.now();
    save(SESSION_KEY, '');
    this.#settled = undefined;
    if (guest && !relapse) this.settle().catch(() => {});
    else if (this.account.value || !this.prompt.value) this.#drop({ name, password: true, words });
  }

  /** Another tab may have become somebody else. @param {string | null} key of the storage that changed */
  follow(key) {
    if (key !== null && key !== SESSION_KEY) return;
    if (samePerson(load(SESSION_KEY), this.account.value?.username ?? '')) return;
    this.#settled = undefined;
    batch(() => {
      this.account.value = null;
      this.prompt.value = null;
      this.user.value = load(NAME_KEY);
    });
    this.settle().catch(() => {});
  }

  async #find() {
    const { mode } = await this.#api.services();
    this.mode.value = mode;
    this.known.value = true;
    if (load(SESSION_KEY) && (await this.#ask())) return;
    const name = load(NAME_KEY);
    if (mode === 'open' && name) await this.#enterByName(name);
    else if (mode === 'required') this.#drop({ name, password: true, words: '' });
  }

  /** @returns {Promise<boolean>} whether the service knows the cookie */
  async #ask() {
    try {
      this.#adopt(await this.#api.me());
      return true;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      save(SESSION_KEY, '');
      return false;
    }
  }

  /** @param {string} name */
  async #enterByName(name) {
    try {
      await this.enter(name);
    } catch (error) {
      if (!(error instanceof Problem) || !error.final) throw error;
      const password = error.status === 401;
      this.#drop({ name, password, words: password ? `“${name}” has a password.` : error.message });
    }
  }

  /** @param {User} account */
  #adopt(account) {
    save(NAME_KEY, account.username);
    save(SESSION_KEY, account.username);
    this.#settled = Promise.resolve();
    batch(() => {
      this.account.value = account;
      this.user.value = account.username;
      this.prompt.value = null;
    });
  }

  /** @param {Prompt | null} prompt */
  #drop(prompt) {
    save(SESSION_KEY, '');
    this.#settled = Promise.resolve();
    batch(() => {
      this.account.value = null;
      this.user.value = '';
      this.prompt.value = prompt;
    });
  }
}
