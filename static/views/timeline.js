import { Component, html, useEffect, useState } from '../lib/html.js';
import { samePerson, hue, initials, linkify } from '../lib/text.js';
import { clock, fullTime, group } from '../lib/time.js';

/** This close to the end, the reader follows the conversation. */
const NEAR_END_PX = 100;
/** This close to the beginning, older messages are fetched. */
const NEAR_START_PX = 400;
/** A screen reader hears at most one announcement in this time. */
const ANNOUNCE_MS = 3_000;
const JUMBO = /^(?:\p{Extended_Pictographic}[\ufe0f\u200d\p{Emoji_Modifier}]*\s?){1,3}$/u;

/** @typedef {import('../lib/room.js').Room} Room */
/** @typedef {import('../lib/time.js').Line} Line */
/** @typedef {{room: Room, draft: import('@preact/signals').Signal<string>}} Props */

/**
 * The conversation. It follows the newest message while the reader is at the end, and keeps still
 * under the reader's eyes otherwise.
 * @extends {Component<Props, {following: boolean, fresh: number}>}
 */
export class Timeline extends Component {
  state = { following: true, fresh: 0 };
  scroller = { current: /** @type {HTMLDivElement | null} */ (null) };
  /** @type {(() => void)[]} */
  cleanups = [];
  unsent = 0;

  componentDidMount() {
    const { room } = this.props;
    const scroller = /** @type {HTMLDivElement} */ (this.scroller.current);
    const observer = new ResizeObserver(() => this.settle());
    observer.observe(scroller);
    this.cleanups = [
      () => observer.disconnect(),
      room.onArrival(() => {
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
    const scroller = this.scroller.current;
    if (scroller && looked?.row.isConnected) {
      scroller.scrollTop += looked.row.getBoundingClientRect().top - looked.top;
    }
    const unsent = this.props.room.unsent.value.length;
    if (unsent > this.unsent) this.follow();
    this.unsent = unsent;
    this.settle();
  }

  settle() {
    const { room } = this.props;
    const scroller = this.scroller.current;
    if (!scroller) return;
    if (this.state.following) {
      scroller.scrollTop = scroller.scrollHeight;
      room.forget();
    }
    if (scroller.scrollTop < NEAR_START_PX && room.older.value === 'idle') room.loadOlder();
  }

  follow() {
    this.setState({ following: true, fresh: 0 });
  }

  onScroll() {
    const scroller = /** @type {HTMLDivElement} */ (this.scroller.current);
    const below = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
    const following = below < NEAR_END_PX;
    if (following !== this.state.following) this.setState(following ? { following, fresh: 0 } : { following });
    if (scroller.scrollTop < NEAR_START_PX && this.props.room.older.value === 'idle') this.props.room.loadOlder();
  }

  /** @param {Props} props @param {{following: boolean, fresh: number}} state */
  render({ room, draft }, { following, fresh }) {
    const lines = conversation(room);
    const empty = room.loaded.value && lines.length === 0;
    return html`
      <div class="timeline">
        <div
          class="scroller"
          ref=${this.scroller}
          role="log"
          aria-live="off"
          aria-label="Messages"
          aria-busy=${!room.loaded.value}
          tabindex="0"
          onScroll=${() => this.onScroll()}
        >
          <${Beginning} room=${room} />
          ${empty && html`<${Quiet} />`}
          <ol class="lines">
            ${group(lines, Date.now()).map((row) =>
              row.kind === 'day'
                ? html`<li class="day" key=${row.key}><h2>${row.label}</h2></li>`
                : html`<${LineView} key=${row.key} ...${row} room=${room} draft=${draft} />`,
            )}
          </ol>
        </div>
        ${!following &&
        html`<button class="jump ${fresh ? 'fresh' : ''}" type="button" onClick=${() => this.follow()}>
          ${fresh ? `${fresh} new message${fresh > 1 ? 's' : ''}` : 'Latest'}
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 5v13.500M5.500 12.500 12 19l6.500-6.500" /></svg>
        </button>`}
        <${Announcer} room=${room} />
      </div>
    `;
  }
}

/**
 * @param {Room} room
 * @returns {Line[]} what is stored, then what is on its way
 */
function conversation(room) {
  const me = room.name.value;
  const arrived = new Set();
  const stored = room.state.value.messages.map((message) => {
    const own = samePerson(message.user, me);
    const echo = message.client_msg_id && own;
    if (echo) arrived.add(message.client_msg_id);
    // The row of an own message was there before its id: the same key keeps the element in place.
    const key = echo ? `own-${message.client_msg_id}` : message.id;
    return { key, user: message.user, time: Date.parse(message.timestamp), own, message };
  });
  const unsent = room.unsent.value
    .filter((entry) => !arrived.has(entry.client_msg_id))
    .map((entry) => ({ key: `own-${entry.client_msg_id}`, user: entry.user, time: entry.time, own: true, entry }));
  return [...stored, ...unsent];
}

/** @param {{room: Room}} props */
function Beginning({ room }) {
  if (!room.loaded.value) {
    return html`<div class="skeleton" aria-hidden="true">${[60, 35, 75, 50].map(() => html`<span></span>`)}</div>`;
  }
  if (room.older.value === 'failed') {
    return html`<p class="beginning">
      Older messages could not be loaded.
      <button type="button" class="quiet" onClick=${() => room.loadOlder()}>Try again</button>
    </p>`;
  }
  if (room.state.value.more) {
    return html`<p class="beginning">
      <button type="button" class="quiet" onClick=${() => room.loadOlder()}>
        ${room.older.value === 'loading' ? 'Loading…' : 'Show older messages'}
      </button>
    </p>`;
  }
  return room.state.value.messages.length > 0 && html`<p class="beginning">This is where it all began.</p>`;
}

function Quiet() {
  return html`<div class="welcome">
    <p class="welcome-hand" aria-hidden="true">👋</p>
    <p class="welcome-title">It is quiet in here</p>
    <p>Say hello, or open this page in a second tab and talk to yourself.</p>
  </div>`;
}

/** One message, stored or on its way. */
class LineView extends Component {
  /** @param {any} next */
  shouldComponentUpdate(next) {
    const { line, lead, last } = this.props;
    return (
      next.line.message !== line.message || next.line.entry?.fault !== line.entry?.fault ||
      next.line.own !== line.own || next.lead !== lead || next.last !== last || !next.line.entry !== !line.entry
    );
  }

  /** @param {import('../lib/time.js').LineRow & Props} props */
  render({ line, lead, last, room, draft }) {
    const { user, time, own, message, entry } = line;
    const content = message?.content ?? entry?.content ?? '';
    const fate = entry && (entry.fault === undefined ? 'pending' : 'failed');
    const classes = ['line', own && 'own', lead && 'lead', last && 'last', fate];
    const bubble = ['bubble', message?.deleted && 'deleted', !message?.deleted && JUMBO.test(content) && 'jumbo'];
    return html`
      <li class=${classes.filter(Boolean).join(' ')} data-id=${message?.id}>
        ${!own && html`<span class="avatar hue-${hue(user, 8)}" aria-hidden="true">${last && initials(user)}</span>`}
        <div class="body">
          <p class=${lead ? 'meta' : 'hidden'}>
            <span class=${own ? 'hidden' : `author hue-${hue(user, 8)}`} dir="auto">${own ? 'You' : user}</span>
            <time datetime=${new Date(time).toISOString()} title=${fullTime(time)}>${clock(time)}</time>
          </p>
          <div class=${bubble.filter(Boolean).join(' ')} dir="auto" title=${fullTime(time)}>
            ${message?.deleted ? 'This message was deleted.' : html`<${Words} text=${content} />`}
            ${message?.edited_at && !message.deleted && html` <span class="edited">(edited)</span>`}
          </div>
          ${entry && html`<${Fate} entry=${entry} room=${room} draft=${draft} />`}
        </div>
      </li>
    `;
  }
}

/** @param {{text: string}} props */
function Words({ text }) {
  return linkify(text).map((piece) =>
    piece.href
      ? html`<a href=${piece.href} target="_blank" rel="noopener noreferrer">${piece.text}</a>`
      : piece.text,
  );
}

/** @param {{entry: import('../lib/outbox.js').Entry} & Props} props */
function Fate({ entry, room, draft }) {
  const id = entry.client_msg_id;
  if (entry.fault === undefined) {
    const live = room.connection.value.phase === 'live';
    return html`<p class="fate sending">${live ? 'Sending…' : 'Waiting for the connection…'}</p>`;
  }
  /** The pressed button goes away: the focus must not fall off the page. @param {() => void} action */
  const then = (action) => () => {
    document.getElementById('draft')?.focus();
    action();
  };
  const edit = () => (draft.value = [room.discard(id), draft.value].filter(Boolean).join('\n'));
  return html`
    <div class="fate" role="alert">
      <span>Not sent. ${entry.fault}</span>
      <button type="button" class="quiet" onClick=${then(() => room.retry(id))}>Retry</button>
      <button type="button" class="quiet" onClick=${then(edit)}>Edit</button>
      <button type="button" class="quiet" onClick=${then(() => room.discard(id))}>Discard</button>
    </div>
  `;
}

/**
 * Tells screen readers about new messages, in digests: a busy room must not talk over its reader.
 * @param {{room: Room}} props
 */
function Announcer({ room }) {
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
    const stop = room.onArrival((message) => {
      heard.push(message);
      timer ??= setTimeout(speak, 300);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [room]);
  return html`<p class="hidden announcer" role="status" aria-live="polite">${words}</p>`;
}
