import { html, useEffect, useState } from '../lib/html.js';
import { counted, other, title } from '../lib/conversations.js';
import { Icon } from './icon.js';
import { drawer, openDialog } from './shell.js';
import { Emblem } from './sidebar.js';

/** Trouble shorter than this is not worth anybody's attention. */
const PATIENCE_MS = 2_000;

/** @typedef {import('../lib/chat.js').Chat} Chat */

/** @param {{chat: Chat, trouble: boolean}} props */
export function Header({ chat, trouble }) {
  const conversation = chat.screen.conversation.value;
  const me = chat.session.user.value;
  const elsewhere = chat.inbox.unread.value - (conversation?.unread ?? 0);
  const room = (conversation?.kind ?? 'room') === 'room';
  return html`
    <header>
      <button
        class="tool narrow"
        type="button"
        aria-label=${elsewhere > 0 ? `Conversations, ${counted(elsewhere)} unread` : 'Conversations'}
        aria-controls="conversations"
        aria-expanded=${drawer.value}
        onClick=${() => (drawer.value = true)}
      >
        <${Icon} name="menu" />${elsewhere > 0 && html`<i class="presence"></i>`}
      </button>
      ${conversation && html`<span class="wide"><${Emblem} chat=${chat} conversation=${conversation} /></span>`}
      <div class="place">
        <h1 class=${room ? 'room' : ''} dir="auto">${conversation ? title(conversation, me) : 'public'}</h1>
        <p class="about"><${Status} chat=${chat} trouble=${trouble} /><${About} chat=${chat} /></p>
      </div>
      ${me && conversation && html`<button class="tool" type="button" aria-label="Details" title="Details" onClick=${() => openDialog('details')}>
        <${Icon} name="info" />
      </button>`}
    </header>
  `;
}

/** @param {{chat: Chat, trouble: boolean}} props */
function Status({ chat, trouble }) {
  const { phase } = chat.connection.value;
  const state = phase === 'live' ? 'live' : !trouble ? 'pending' : navigator.onLine ? 'lost' : 'offline';
  const words = { live: 'Live', pending: 'Connecting…', lost: 'Reconnecting…', offline: 'Offline' };
  const conversation = chat.screen.conversation.value;
  // Under somebody's name it would seem to be about them: while all is well, it is.
  if (state === 'live' && conversation?.kind === 'direct') {
    const online = chat.people.isOnline(other(conversation, chat.session.user.value));
    return html`<span class="status ${online ? 'live' : ''}" data-phase=${phase}><span class="dot"></span>${online ? 'Online now' : 'Not online'}</span>`;
  }
  return html`<span class="status ${state}" data-phase=${phase}><span class="dot"></span>${words[state]}</span>`;
}

/** @param {{chat: Chat}} props */
function About({ chat }) {
  const conversation = chat.screen.conversation.value;
  if (!conversation) return null;
  const { kind, id, members = [], member_count } = conversation;
  const crowd = chat.people.crowd.value;
  let words = '';
  if (kind === 'group') words = `${members.length} member${members.length === 1 ? '' : 's'}`;
  else if (id === 'public') words = crowd > 1 ? `${crowd} here` : '';
  else if (kind === 'room' && member_count) words = `${member_count} member${member_count === 1 ? '' : 's'}`;
  return words && html`<span class="about-more"> · ${words}</span>`;
}

/** @param {{chat: Chat}} props */
export function Banner({ chat }) {
  const connection = chat.connection.value;
  const waiting = connection.phase === 'waiting';
  useTick(waiting);
  const seconds = waiting ? Math.max(1, Math.ceil((connection.until - Date.now()) / 1_000)) : 0;
  return html`
    <div class="banner">
      <p role="status">
        ${navigator.onLine ? 'The connection is interrupted.' : 'You are offline.'}
        <span class="promise"> Nothing you write gets lost.</span>
      </p>
      <span class="countdown" aria-hidden="true">${waiting ? `Next try in ${seconds} s` : 'Trying…'}</span>
      <button type="button" class="quiet" aria-disabled=${!waiting} onClick=${() => chat.tryNow()}>Try now</button>
    </div>
  `;
}

/** @param {Chat} chat @returns {boolean} whether the stream has been down long enough to say so */
export function useTrouble(chat) {
  const live = chat.connection.value.phase === 'live';
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (live) return undefined;
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [live]);
  return late && !live;
}

/** Renders again every second while a countdown runs. @param {boolean} running */
function useTick(running) {
  const [, setNow] = useState(0);
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [running]);
}
