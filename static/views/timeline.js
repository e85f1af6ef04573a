import { Component, html, useEffect, useState } from '../lib/html.js';
import { samePerson } from '../lib/text.js';
import { group } from '../lib/time.js';
import { Icon } from './icon.js';
import { isChoosing, LineView } from './line.js';

/** This close to the end, the reader follows the conversation. */
const NEAR_END_PX = 100;
/** This close to the beginning, older messages are fetched. */
const NEAR_START_PX = 400;
/** A screen reader hears at most one announcement in this time. */
const ANNOUNCE_MS = 3_000;

/** @typedef {import('../lib/chat.js').Chat} Chat */
/** @typedef {import('../lib/history.js').History} History */
/** @typedef {import('../lib/time.js').Line} Line */
/** @typedef {{chat: Chat, shown: History}} Props */
/** @typedef {{following: boolean, fresh: number, active: string}} State */

/**
 * The conversation. It follows the newest message while the reader is at the end, and keeps still
 * under the reader's eyes otherwise.
 * @extends {Component<Props, State>}
 */
export class Timeline extends Component {
  /** @type {State} `active` is the key of the line whose actions are offered */
  state = { following: true, fresh: 0, active: '' };
  scroller = { current: /** @type {HTMLDivElement | null} */ (null) };
  /** @type {(() => void)[]} */
  cleanups = [];
  unsent = 0;
  target = '';
  /** How large all was when the end was last put in view. */
  size = '';

  componentDidMount() {
    const { chat } = this.props;
    const scroller = /** @type {HTMLDivElement} */ (this.scroller.current);
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(scroller);
    this.cleanups = [
      () => observer.disconnect(),
      chat.screen.onArrival(() => {
        if (!this.state.following) this.setState(({ fresh }) => ({ fresh: fresh + 1 }));
      }),
    ];
    this.settle();
  }

  componentWillUnmount() {
    for (const cleanup of this.cleanups) cleanup();
  }

  /** @returns {{row: Element, top: number} | null} what the reader looks at, and where it is */
  getSnapshotBeforeUpdate() {
    const scroller = this.scroller.current;
    if (!scroller || this.state.following) return null;
    const edge = scroller.getBoundingClientRect().top;
    const row = [...scroller.querySelectorAll('.line')].find((each) => each.getBoundingClientRect().bottom > edge);
    return row ? { row, top: row.getBoundingClientRect().top } : null;
  }

  /**
   * @param {unknown} _props
   * @param {unknown} _state
   * @param {{row: Element, top: number} | null} looked
   */
  componentDidUpdate(_props, _state, looked) {
    const { chat, shown } = this.props;
    const scroller = this.scroller.current;
    if (scroller && looked?.row.isConnected) {
      scroller.scrollTop += looked.row.getBoundingClientRect().top - looked.top;
    }
    const unsent = chat.outgoing.of(shown.id).length;
    if (unsent > this.unsent) this.follow();
    this.unsent = unsent;
    this.settle();
    this.aim(chat.screen.target.value);
  }

  /** Brings a message into view that somebody asked for. @param {string} id */
  aim(id) {
    if (id === this.target) return;
    this.target = id;
    const row = id && this.scroller.current?.querySelector(`[data-id="${CSS.escape(id)}"]`);
    if (!row) return;
    this.setState({ following: false });
    row.scrollIntoView({ block: 'center' });
    /** @type {HTMLElement} */ (row).focus({ preventScroll: true });
  }

  settle() {
    const { chat, shown } = this.props;
    const scroller = this.scroller.current;
    if (!scroller) return;
    chat.screen.following = this.state.following;
    const size = this.state.following ? `${scroller.scrollHeight}/${scroller.clientHeight}` : '';
    // Only what grows or shrinks may push the end away: else the reader's first step up would be undone.
    if (size && size !== this.size) scroller.scrollTop = scroller.scrollHeight;
    this.size = size;
    if (size) {
      shown.forget();
      chat.screen.read();
    }
    this.reachBack();
  }

  reachBack() {
    const { shown } = this.props;
    const near = /** @type {HTMLDivElement} */ (this.scroller.current).scrollTop < NEAR_START_PX;
    if (near && shown.older.value === 'idle') shown.loadOlder();
  }

  follow() {
    this.props.shown.reaching = false;
    this.setState({ following: true, fresh: 0 });
  }

  onScroll() {
    const scroller = /** @type {HTMLDivElement} */ (this.scroller.current);
    const below = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
    const following = below < NEAR_END_PX;
    if (following && !this.state.following) this.follow();
    else if (following !== this.state.following) this.setState({ following });
    this.reachBack();
  }

  /** From line to line. @param {KeyboardEvent} event */
  onKeyDown(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const row = /** @type {HTMLElement} */ (event.target).closest('.line');
    if (event.key === 'Escape' && row) document.getElementById('draft')?.focus();
    if (!step || !row) return;
    event.preventDefault();
    const rows = [...(this.scroller.current?.querySelectorAll('.line') ?? [])];
    /** @type {HTMLElement | undefined} */ (rows[rows.indexOf(row) + step])?.focus();
  }

  /** @param {Props} props @param {State} state */
  render({ chat, shown }, { following, fresh, active }) {
    const lines = conversation(chat, shown);
    const empty = shown.loaded.value && lines.length === 0;
    const unread = chat.screen.unreadAfter.value;
    const firstUnread = unread >= 0 && lines.find(({ message, own }) => !own && (message?.seq ?? 0) > unread)?.key;
    const stop = lines.some(({ key }) => key === active) ? active : lines.at(-1)?.key;
    const target = chat.screen.target.value;
    return html`
      <div class="timeline">
        <div
          class="scroller"
          ref=${this.scroller}
          role="log"
          aria-live="off"
          aria-label="Messages"
          aria-busy=${!shown.loaded.value}
          tabindex="0"
          onScroll=${() => this.onScroll()}
          onKeyDown=${(/** @type {KeyboardEvent} */ event) => this.onKeyDown(event)}
          onPointerLeave=${(/** @type {PointerEvent} */ event) => event.pointerType === 'mouse' && !isChoosing() && this.setState({ active: '' })}
        >
          <${Beginning} chat=${chat} shown=${shown} />
          ${empty && html`<${Quiet} chat=${chat} />`}
          <ol class="lines">
            ${group(lines, Date.now()).flatMap((row) =>
              row.kind === 'day'
                ? html`<li class="day" key=${row.key}><h2>${row.label}</h2></li>`
                : [
                    row.key === firstUnread && html`<li class="unread-line" key="unread"><h2>New messages</h2></li>`,
                    html`<${LineView}
                      key=${row.key}
                      ...${row}
                      chat=${chat}
                      shown=${shown}
                      active=${row.key === active}
                      stop=${row.key === stop}
                      target=${target !== '' && row.line.message?.id === target}
                      activate=${() => this.state.active !== row.key && this.setState({ active: row.key })}
                    />`,
                  ],
            )}
          </ol>
        </div>
        ${!following &&
        html`<button class="jump ${fresh ? 'fresh' : ''}" type="button" onClick=${() => this.follow()}>
          ${fresh ? `${fresh} new message${fresh > 1 ? 's' : ''}` : 'Latest'}
          <${Icon} name="down" />
        </button>`}
        <${Announcer} chat=${chat} />
      </div>
    `;
  }
}

/**
 * @param {Chat} chat
 * @param {History} shown
 * @returns {Line[]} what is stored, then what is on its way
 */
function conversation(chat, shown) {
  const me = chat.session.user.value;
  const arrived = new Set();
  const stored = shown.log.value.messages.map((message) => {
    const own = samePerson(message.user, me);
    const echo = message.client_msg_id && own;
    if (echo) arrived.add(message.client_msg_id);
    // The row of an own message was there before its id: the same key keeps the element in place.
    const key = echo ? `own-${message.client_msg_id}` : message.id;
    return { key, user: message.user, time: Date.parse(message.timestamp), own, message };
  });
  const unsent = chat.outgoing.of(shown.id)
    .filter((entry) => !arrived.has(entry.client_msg_id))
    .map((entry) => ({ key: `own-${entry.client_msg_id}`, user: entry.user, time: entry.time, own: true, entry }));
  return [...stored, ...unsent];
}

/** @param {Props} props */
function Beginning({ chat, shown }) {
  const { messages, more } = shown.log.value;
  if (shown.failed.value && messages.length === 0 && chat.connection.value.phase === 'live') {
    return html`<p class="beginning">
      This conversation could not be loaded.
      <button type="button" class="quiet" onClick=${() => chat.screen.load()}>Try again</button>
    </p>`;
  }
  if (!shown.loaded.value && messages.length === 0) {
    return html`<div class="skeleton" aria-hidden="true">${[60, 35, 75, 50].map(() => html`<span></span>`)}</div>`;
  }
  if (shown.older.value === 'failed') {
    return html`<p class="beginning">
      Older messages could not be loaded.
      <button type="button" class="quiet" onClick=${() => shown.loadOlder()}>Try again</button>
    </p>`;
  }
  if (more) {
    return html`<p class="beginning">
      <button type="button" class="quiet" onClick=${() => shown.loadOlder()}>
        ${shown.older.value === 'loading' ? 'Loading…' : 'Show older messages'}
      </button>
    </p>`;
  }
  return messages.length > 0 && html`<p class="beginning">This is where it all began.</p>`;
}

/** @param {{chat: Chat}} props */
function Quiet({ chat }) {
  const id = chat.screen.open.value;
  return html`<div class="welcome">
    <p class="welcome-hand" aria-hidden="true">👋</p>
    <p class="welcome-title">It is quiet in here</p>
    <p>${id === 'public' ? 'Say hello, or open this page in a second tab and talk to yourself.' : 'Say hello: the first word is yours.'}</p>
  </div>`;
}

/**
 * Tells screen readers about new messages, in digests: a busy room must not talk over its reader.
 * @param {{chat: Chat}} props
 */
function Announcer({ chat }) {
  const [words, setWords] = useState('');
  useEffect(() => {
    /** @type {import('../lib/store.js').Message[]} */
    let heard = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const speak = () => {
      timer = undefined;
      const latest = heard.at(-1);
      if (!latest) return;
      const many = heard.length > 1 ? `${heard.length} new messages. ` : '';
      setWords(`${many}${latest.user}: ${latest.content.slice(0, 200)}`);
      heard = [];
      timer = setTimeout(speak, ANNOUNCE_MS);
    };
    const stop = chat.screen.onArrival((message) => {
      heard.push(message);
      timer ??= setTimeout(speak, 300);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [chat]);
  return html`<p class="hidden announcer" role="status" aria-live="polite">${words}</p>`;
}
