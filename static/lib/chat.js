// Everything behind the screen, wired together: who is here, what they may see, the one stream.
import { batch, effect, signal, untracked } from './html.js';
import { Api, streamUrl } from './api.js';
import { Burst } from './burst.js';
import { isPrivate, PUBLIC } from './conversations.js';
import { Drafts } from './drafts.js';
import { Feed } from './feed.js';
import { faultOf } from './http.js';
import { Inbox } from './inbox.js';
import { newId } from './outbox.js';
import { Outgoing } from './outgoing.js';
import { People } from './people.js';
import { Receipts } from './receipts.js';
import { Screen } from './screen.js';
import { sharesCookies } from './services.js';
import { Session } from './session.js';
import { Stream } from './stream.js';
import { samePerson } from './text.js';

/** @typedef {import('./store.js').StreamEvent} StreamEvent */

export class Chat {
  api = new Api();
  session = new Session(this.api);
  inbox = new Inbox(this.api, this.session);
  people = new People(this.api);
  screen = new Screen({
    api: this.api,
    inbox: this.inbox,
    // Whoever has been told more already need not hear it.
    onMissing: (id) => (this.notice.value ||= isPrivate(id)
      ? 'That conversation is not in your list.' : `You are not in “${id}”. Those you can join are under Rooms.`),
    onRead: (id, seq) => this.session.account.value && this.#receipts.mark(id, 'read', seq),
  });
  outgoing = new Outgoing({
    api: this.api,
    session: this.session,
    history: (id) => this.screen.loaded(id),
    reachable: (id) => !this.inbox.loaded.value || this.inbox.get(id) !== undefined,
    onSent: (message) => {
      this.inbox.sent(message);
      this.screen.learn({ ...message, type: 'message' });
    },
  });
  drafts = new Drafts(() => this.session.user.value);
  /** @type {import('@preact/signals').Signal<import('./stream.js').Connection>} */
  connection = signal({ phase: 'connecting' });
  /** Something that did not work, for people. */
  notice = signal('');

  #tab = newId();
  #cursor = '';
  /** Where the server wants the stream to go on after a reset. */
  #resume = '';
  #who = this.session.user.value;
  #era = 0;
  /** Whether the last stream failed at once: then cookies may not get there, and a ticket may. */
  #suspect = false;
  #lived = false;
  /** The rooms that the stream has been asked for. */
  #named = '';
  /** @type {Burst<{event: StreamEvent, cursor: string}>} */
  #received = new Burst((received) => this.#apply(received));
  #receipts = new Receipts((all) => this.api.receipts(all));
  #feed = new Feed({
    tab: this.#tab,
    locks: navigator.locks,
    channel: 'BroadcastChannel' in globalThis ? () => new BroadcastChannel('realtalk.stream') : undefined,
    open: (url) => new EventSource(url, { withCredentials: this.#who !== '' && !url.includes('&ticket=') }),
    onLead: () => this.#stream.reopen(),
    onTry: () => this.#stream.tryNow(),
  });
  #stream = new Stream({
    prepare: () => this.#prepare(),
    open: (url) => this.#feed.open(url, this.#cursor),
    onEvent: (event, cursor) => this.#received.add({ event, cursor }),
    onReset: (cursor) => this.#reset(cursor),
    onReauth: (reason) => this.session.end(reason),
    onChange: (connection) => this.#connectionChanged(connection),
  });

  /** Begins, and goes on until the page goes away. */
  start() {
    effect(() => {
      const user = this.session.user.value;
      untracked(() => this.#identify(user));
    });
    effect(() => {
      if (this.session.account.value) untracked(() => this.outgoing.outbox.refresh());
    });
    this.people.follow(this.connection, this.inbox.contacts);
    this.outgoing.outbox.refresh();
    this.#begin();
    addEventListener('storage', ({ key }) => {
      this.outgoing.follow(key);
      this.session.follow(key);
    });
    addEventListener('online', () => this.#look());
    addEventListener('offline', () => this.#stream.doubt());
    addEventListener('pagehide', () => {
      this.#receipts.flush();
      this.#pause();
    });
    addEventListener('pageshow', (event) => event.persisted && this.#begin());
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.screen.read();
      this.#look();
    });
  }

  /**
   * @param {string} name
   * @param {string} [password]
   */
  async enter(name, password) {
    const { account } = this.session;
    const guest = account.value?.kind === 'guest' ? account.value.username : '';
    await this.session.enter(name, password);
    if (guest) for (const each of [this.outgoing, this.drafts]) each.rename(guest, this.session.user.value);
  }

  /** @param {string} content @param {string} [replyTo] */
  post(content, replyTo) {
    this.people.told = '';
    this.screen.settle();
    this.outgoing.add(this.screen.open.value, content, replyTo);
  }

  /** Tells the others that one is writing. */
  typing() {
    if (this.session.account.value) this.people.tell(this.screen.open.value);
  }

  /** @param {string} name of somebody to talk to */
  async talkTo(name) {
    const { id } = this.inbox.direct(name) ?? (await this.api.resolve(this.session.user.value, name));
    await this.goTo(id);
  }

  /** @param {string} id of a conversation that may be new */
  async goTo(id) {
    if (!this.inbox.get(id)) await this.inbox.refresh();
    this.screen.show(id);
    this.#nameRooms();
  }

  /** @param {Promise<unknown>} deed whose failure people should hear of @returns {Promise<boolean>} whether it worked */
  async attempt(deed) {
    try {
      await deed;
      return true;
    } catch (error) {
      this.notice.value = faultOf(error);
      return false;
    }
  }

  tryNow() {
    this.#feed.tryNow();
    this.#stream.tryNow();
    this.outgoing.outbox.wake();
  }

  #begin() {
    this.#feed.start();
    this.#stream.start();
  }

  #pause() {
    this.#stream.stop();
    this.#feed.stop();
  }

  #look() {
    this.#stream.check();
    this.outgoing.outbox.wake();
  }

  /** Somebody else may sit here now. @param {string} user */
  #identify(user) {
    if (samePerson(user, this.#who)) return;
    const before = this.#who;
    this.#who = user;
    this.#era += 1;
    this.#pause();
    this.#cursor = '';
    this.#received.clear();
    batch(() => {
      this.inbox.forget();
      this.people.forget();
      this.#receipts.forget();
      // Rooms look the same to everybody; what was private is nobody else's business.
      this.screen.forget(before !== '');
    });
    if (!this.session.locked.value) this.#begin();
  }

  /** Loads what there is to see. @returns {Promise<string>} the address of the stream that continues it */
  async #prepare() {
    const era = this.#era;
    const same = () => {
      if (era !== this.#era) throw new Error('somebody else sits here now');
    };
    const services = await this.api.services();
    await this.session.settle();
    same();
    if (this.session.locked.value) {
      this.#stream.stop();
      throw new Error('nobody has signed in');
    }
    await this.inbox.load();
    same();
    this.screen.correct();
    const shown = this.screen.shown();
    await shown.load();
    same();
    if (!this.#cursor) {
      const known = [this.inbox.list.value.cursor, shown.cursor].filter(Boolean).sort();
      this.#cursor = this.#resume || known[0] || '';
      this.#resume = '';
    }
    this.screen.read();
    return this.#address(services);
  }

  /** @param {import('./services.js').Services} services */
  async #address(services) {
    const query = { clientId: this.#tab, cursor: this.#cursor };
    this.#lived = false;
    if (!this.session.account.value) return streamUrl(services, query);
    const rooms = this.inbox.watched(this.screen.open.value);
    this.#named = rooms.join();
    const byTicket = this.#feed.leading && (this.#suspect || !sharesCookies(services));
    const ticket = byTicket ? (await this.api.ticket()).ticket : undefined;
    return streamUrl(services, { ...query, rooms, ticket, acks: true });
  }

  /** @param {string} cursor */
  #reset(cursor) {
    this.#resume = cursor;
    this.#cursor = '';
    this.#received.clear();
    this.inbox.expire();
    this.screen.expire();
  }

  /** @param {{event: StreamEvent, cursor: string}[]} received */
  #apply(received) {
    batch(() => {
      for (const { event, cursor } of received) {
        this.#take(event);
        // What was not delivered comes first on a stream, and has older ids than the list it continues.
        if (cursor > this.#cursor) this.#cursor = cursor;
      }
      // Before it is drawn: of a thousand that come at once, most are above what anybody sees.
      if (this.screen.following) this.screen.loaded(this.screen.open.value)?.forget();
      this.screen.read();
    });
    if (!this.screen.conversation.value && this.inbox.loaded.value) this.screen.show(PUBLIC);
    this.screen.loaded(this.screen.open.value)?.fillGaps();
    this.#nameRooms();
  }

  /** @param {StreamEvent} event */
  #take(event) {
    const me = this.session.user.value;
    const id = event.conversation_id ?? PUBLIC;
    this.inbox.apply(event);
    this.people.apply(event, me);
    const news = this.screen.loaded(id)?.apply(event);
    if (event.type !== 'message') return;
    const message = /** @type {any} */ (event);
    if (news) this.outgoing.arrived(message);
    if (samePerson(message.user, me)) return;
    if (news) this.screen.announce(message);
    // The tab with the stream speaks for the whole browser.
    if (isPrivate(id) && message.seq && this.#feed.leading) this.#receipts.mark(id, 'delivered', message.seq);
  }

  /** The stream has to name the rooms one has joined. */
  #nameRooms() {
    const changed = this.inbox.watched(this.screen.open.value).join() !== this.#named;
    if (changed && this.#feed.leading && this.session.account.value) this.#stream.reopen();
  }

  /** @param {import('./stream.js').Connection} connection */
  #connectionChanged(connection) {
    this.connection.value = connection;
    if (connection.phase === 'waiting' && this.#feed.leading) {
      this.#suspect = !this.#lived && !this.#suspect;
      this.#feed.down();
    }
    if (connection.phase !== 'live') return;
    this.#lived = true;
    this.outgoing.outbox.wake();
    this.#receipts.wake();
    this.screen.loaded(this.screen.open.value)?.fillGaps();
  }
}
