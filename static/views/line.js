import { Component, html } from '../lib/html.js';
import { progress } from '../lib/conversations.js';
import { hue, initials, linkify, samePerson } from '../lib/text.js';
import { clock, fullTime } from '../lib/time.js';
import { Icon } from './icon.js';
import { lazy } from './lazy.js';

const JUMBO = /^(?:\p{Extended_Pictographic}[\ufe0f\u200d\p{Emoji_Modifier}]*\s?){1,3}$/u;

const Actions = lazy(async () => (await import('./actions.js')).Actions);

/** @typedef {import('../lib/chat.js').Chat} Chat */
/** @typedef {import('../lib/store.js').Message} Message */
/**
 * @typedef {import('../lib/time.js').LineRow & {chat: Chat, shown: import('../lib/history.js').History,
 *   active: boolean, stop: boolean, target: boolean, activate: () => void}} Props
 */

/** Whether somebody is at a message's buttons with the keyboard: a mouse that lies there must not take them away. */
export const isChoosing = () => document.querySelector('.actions :focus-visible') !== null;

/** One message, stored or on its way. @extends {Component<Props>} */
export class LineView extends Component {
  /** @param {Props} next */
  shouldComponentUpdate(next) {
    const { line, lead, last, active, stop, target } = this.props;
    return (
      next.line.message !== line.message || next.line.entry?.fault !== line.entry?.fault ||
      next.line.own !== line.own || next.lead !== lead || next.last !== last || !next.line.entry !== !line.entry ||
      next.active !== active || next.stop !== stop || next.target !== target
    );
  }

  /** @param {Props} props */
  render({ line, lead, last, chat, shown, active, stop, target, activate }) {
    const { user, time, own, message, entry } = line;
    const content = message?.content ?? entry?.content ?? '';
    const fate = entry && (entry.fault === undefined ? 'pending' : 'failed');
    const classes = ['line', own && 'own', lead && 'lead', last && 'last', fate, target && 'target'];
    const bubble = ['bubble', message?.deleted && 'deleted', !message?.deleted && JUMBO.test(content) && 'jumbo'];
    const quoted = message?.deleted ? undefined : message?.reply_to ?? entry?.reply_to;
    return html`
      <li
        class=${classes.filter(Boolean).join(' ')}
        data-id=${message?.id}
        tabindex=${stop ? 0 : -1}
        onFocusIn=${(/** @type {FocusEvent} */ event) => event.target === event.currentTarget && activate()}
        onPointerEnter=${(/** @type {PointerEvent} */ event) => event.pointerType === 'mouse' && !isChoosing() && activate()}
        onClick=${activate}
      >
        ${!own && html`<span class="avatar hue-${hue(user, 8)}" aria-hidden="true">${last && initials(user)}</span>`}
        <div class="body">
          <p class=${lead ? 'meta' : 'hidden'}>
            <span class=${own ? 'hidden' : `author hue-${hue(user, 8)}`} dir="auto">${own ? 'You' : user}</span>
            <time datetime=${new Date(time).toISOString()} title=${fullTime(time)}>${clock(time)}</time>
          </p>
          ${quoted && html`<${Quote} chat=${chat} shown=${shown} id=${quoted} active=${active} />`}
          <div class="bubble-row">
            ${own && message && !message.deleted && html`<${Ticks} chat=${chat} seq=${message.seq} />`}
            <div class=${bubble.filter(Boolean).join(' ')} dir="auto" title=${fullTime(time)}>
              ${message?.deleted ? 'This message was deleted.' : html`<${Words} text=${content} mentions=${message?.mentions} me=${chat.session.user.value} />`}
              ${message?.edited_at && !message.deleted && html` <span class="edited">(edited)</span>`}
            </div>
            ${active && message && !message.deleted && chat.session.user.value &&
            html`<${Actions} chat=${chat} shown=${shown} message=${message} own=${own} />`}
          </div>
          ${message && !message.deleted && (message.reactions?.length ?? 0) > 0 && html`<${Reactions} chat=${chat} shown=${shown} message=${message} active=${active} />`}
          ${entry && html`<${Fate} entry=${entry} chat=${chat} shown=${shown} />`}
        </div>
      </li>
    `;
  }
}

/** @param {{text: string, mentions?: string[], me: string}} props */
function Words({ text, mentions, me }) {
  return linkify(text, mentions).map((piece) => {
    if (piece.href) return html`<a href=${piece.href} target="_blank" rel="noopener noreferrer">${piece.text}</a>`;
    if (piece.name) return html`<span class="called ${samePerson(piece.name, me) ? 'me-called' : ''}">${piece.text}</span>`;
    return piece.text;
  });
}

/** What a message answers; a click leads there. @param {{chat: Chat, shown: Props['shown'], id: string, active: boolean}} props */
function Quote({ chat, shown, id, active }) {
  const message = shown.quoted(id);
  const jump = async () => {
    chat.screen.target.value = '';
    if (await shown.reach(id)) chat.screen.target.value = id;
    else chat.notice.value = 'That message is too far back, or gone.';
  };
  const words = message?.deleted ? 'Deleted message' : message?.content ?? 'An earlier message';
  return html`<button type="button" class="quote" tabindex=${active ? 0 : -1} onClick=${jump}>
    <span class="hidden">In reply to </span>
    ${message && html`<span class="quote-author hue-${hue(message.user, 8)}" dir="auto">${message.user}</span>`}
    <span class="quote-text" dir="auto">${words.slice(0, 200)}</span>
  </button>`;
}

/** @param {{chat: Chat, seq?: number}} props */
function Ticks({ chat, seq }) {
  const conversation = chat.screen.conversation.value;
  if (!conversation) return null;
  const state = progress(conversation, seq, chat.session.user.value);
  const words = { sent: 'Sent', delivered: 'Delivered', read: 'Read' }[state];
  return html`<span class="ticks ${state}" role="img" aria-label=${words} title=${words}>
    <${Icon} name=${state === 'sent' ? 'tick' : 'ticks'} />
  </span>`;
}

/** @param {{chat: Chat, shown: Props['shown'], message: Message, active: boolean}} props */
function Reactions({ chat, shown, message, active }) {
  const me = chat.session.user.value;
  return html`<ul class="reactions" aria-label="Reactions">
    ${message.reactions?.map(({ emoji, users, count }) => {
      const mine = users.some((user) => samePerson(user, me));
      const unnamed = count - users.length;
      return html`<li key=${emoji}>
        <button
          type="button"
          class="reaction"
          tabindex=${active ? 0 : -1}
          aria-pressed=${mine}
          title=${users.join(', ') + (unnamed > 0 ? ` and ${unnamed} more` : '')}
          onClick=${() => me && chat.attempt(shown.react(message.id, me, emoji, !mine))}
        ><span class="emoji">${emoji}</span> <span class="count">${count}</span></button>
      </li>`;
    })}
  </ul>`;
}

/** @param {{entry: import('../lib/outbox.js').Entry, chat: Chat, shown: Props['shown']}} props */
function Fate({ entry, chat, shown }) {
  const { outbox } = chat.outgoing;
  const id = entry.client_msg_id;
  if (entry.fault === undefined) {
    const live = chat.connection.value.phase === 'live';
    return html`<p class="fate sending">${live ? 'Sending…' : 'Waiting for the connection…'}</p>`;
  }
  /** The pressed button goes away: the focus must not fall off the page. @param {() => void} action */
  const then = (action) => () => {
    document.getElementById('draft')?.focus();
    action();
  };
  const { text } = chat.drafts.of(shown.id);
  const edit = () => (text.value = [outbox.discard(id), text.value].filter(Boolean).join('\n'));
  return html`
    <div class="fate" role="alert">
      <span>Not sent. ${entry.fault}</span>
      <button type="button" class="quiet" onClick=${then(() => outbox.retry(id))}>Retry</button>
      <button type="button" class="quiet" onClick=${then(edit)}>Edit</button>
      <button type="button" class="quiet" onClick=${then(() => outbox.discard(id))}>Discard</button>
    </div>
  `;
}
