// Who sits at this browser. The credential itself is a cookie that no script can read; what is kept
// here only says whether it is worth asking.
import { batch, computed, signal } from './html.js';
import { Problem } from './http.js';
import { newId } from './outbox.js';
import { load, save } from './shelf.js';
import { samePerson } from './text.js';

const NAME_KEY = 'realtalk.name';
const SESSION_KEY = 'realtalk.session';
const ENDED = 'Your session has ended. Please sign in again.';
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
  /** @type {Promise<void> | undefined} */
  #doubted;
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
    api.onSignedOut = () => this.doubt(ENDED);
  }

  /**
   * Finds out who this is, once. Fails only if the services cannot be reached.
   * @returns {Promise<void>}
   */
  settle() {
    this.#settled ??= this.#retried(this.#find());
    return this.#settled;
  }

  /**
   * @param {string} name
   * @param {string} [password]
   * @throws {Problem} with status 401 if it takes a password, or another one
   */
  enter(name, password) {
    return this.#api.renewing(() => this.#enter(name, password));
  }

  /** Makes an account of a name, and enters. @param {string} name @param {string} password */
  register(name, password) {
    return this.#api.renewing(async () => {
      await this.#api.register(name, password);
      await this.#enter(name, password);
    });
  }

  async leave() {
    await this.#api.signOut();
    this.forget();
  }

  /** Goes on as nobody, or asks who it is. */
  forget() {
    save(NAME_KEY, '');
    save(SESSION_KEY, '');
    this.#drop(this.mode.value === 'required' ? { name: '', password: true, words: '' } : null);
  }

  /** The stream says that it is over. @param {string} reason */
  end(reason) {
    this.doubt(ENDS[reason] ?? ENDS.expired);
  }

  /**
   * The service no longer believes it, or did not when it was asked: a new password ends all sessions
   * and begins one. So it is asked once more, and only then lost.
   * @param {string} words what to say then
   */
  async doubt(words) {
    if (!this.#doubted) this.#settled = this.#doubted = this.#retried(this.#verify(words));
    // An outage: whoever needs it settled next asks again.
    await this.#doubted.catch(() => {});
    this.#doubted = undefined;
  }

  /** Another tab may have become somebody else. @param {string | null} key of the storage that changed */
  follow(key) {
    if (key !== null && key !== SESSION_KEY) return;
    const name = noted();
    if (samePerson(name, this.account.value?.username ?? '')) return;
    // Not signed out there, only no longer believed, perhaps while this tab was renewing it.
    if (!name && samePerson(load(NAME_KEY), this.user.value)) {
      this.doubt(ENDED);
      return;
    }
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

  /** @param {string} words */
  async #verify(words) {
    const before = this.account.value;
    // Or somebody has signed in or out meanwhile, and knows better.
    if ((await this.#ask()) || this.account.value !== before) return;
    const guest = this.account.value?.kind === 'guest' && this.mode.value === 'open';
    const relapse = Date.now() - this.#lostAt < RELAPSE_MS;
    const name = this.user.value;
    this.#lostAt = Date.now();
    if (guest && !relapse) await this.#enterByName(name);
    else if (this.account.value || !this.prompt.value) this.#drop({ name, password: true, words });
  }

  /** @returns {Promise<boolean>} whether the service knows the cookie */
  async #ask() {
    const before = load(SESSION_KEY);
    try {
      this.#adopt(await this.#api.me());
      return true;
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      // Meanwhile another tab has got a new one.
      if (noted() && load(SESSION_KEY) !== before) return this.#ask();
      save(SESSION_KEY, '');
      return false;
    }
  }

  /** What fails is tried again by whoever asks next. @param {Promise<void>} finding */
  #retried(finding) {
    return finding.catch((error) => {
      this.#settled = undefined;
      throw error;
    });
  }

  /** @param {string} name @param {string} [password] */
  async #enter(name, password) {
    const { user } = await this.#api.signIn(name, password);
    this.#adopt(user);
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
    // Never the same text twice: others see that it is a new one.
    save(SESSION_KEY, `${account.username}/${newId()}`);
    this.#settled = Promise.resolve();
    batch(() => {
      this.account.value = account;
      this.user.value = account.username;
      this.prompt.value = null;
    });
  }

  /** @param {Prompt | null} prompt */
  #drop(prompt) {
    this.#settled = Promise.resolve();
    batch(() => {
      this.account.value = null;
      this.user.value = '';
      this.prompt.value = prompt;
    });
  }
}

/** @returns {string} the name in the note of a session, which contains no slash */
function noted() {
  return load(SESSION_KEY).split('/')[0];
}
