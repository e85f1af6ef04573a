import { html, useEffect, useRef } from '../lib/html.js';
import { activity, counted, other, PUBLIC, title } from '../lib/conversations.js';
import { samePerson } from '../lib/text.js';
import { moment } from '../lib/time.js';
import { Avatar, Icon, Logo } from './icon.js';
import { drawer, openDialog } from './shell.js';

/** @typedef {import('../lib/chat.js').Chat} Chat */
/** @typedef {import('../lib/conversations.js').Conversation} Conversation */

/** All conversations, and the ways to new ones. @param {{chat: Chat}} props */
export function Sidebar({ chat }) {
  const name = chat.session.user.value;
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const open = drawer.value;
  useEffect(() => {
    if (!open) return undefined;
    /** @type {HTMLElement | null} */ (box.current?.querySelector('[aria-current]'))?.focus();
    return () => {
      const lost = document.activeElement === document.body || box.current?.contains(document.activeElement);
      if (lost) /** @type {HTMLElement | null} */ (document.querySelector('[aria-controls="conversations"]'))?.focus();
    };
  }, [open]);
  return html`
    <nav
      class="sidebar ${open ? 'open' : ''}"
      ref=${box}
      id="conversations"
      aria-label="Conversations"
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === 'Escape' && (drawer.value = false)}
    >
      <header>
        <${Logo} />
        ${name
          ? html`<button class="me" type="button" title="Your name and account" onClick=${() => openDialog('account')}>
              <${Avatar} name=${name} small />
              <span class="hidden">Your account, </span><span class="me-name" dir="auto">${name}</span>
            </button>`
          : html`<span class="brand">RealTalk</span>`}
        <button class="tool narrow" type="button" aria-label="Close the list" onClick=${() => (drawer.value = false)}>
          <${Icon} name="close" />
        </button>
      </header>
      ${name && html`<div class="new">
        <${New} name="person" icon="write" words="Message" />
        <${New} name="group" icon="group" words="Group" />
        <${New} name="rooms" icon="rooms" words="Rooms" />
      </div>`}
      <ul class="conversations">
        ${chat.inbox.conversations.value.map((each) => html`<${Entry} key=${each.id} chat=${chat} conversation=${each} />`)}
      </ul>
      ${name && chat.inbox.conversations.value.length < 2 && html`<p class="hint">
        Your conversations gather here. Write to somebody, or look around in the rooms.
      </p>`}
    </nav>
    ${open && html`<button class="backdrop" type="button" tabindex="-1" aria-hidden="true" onClick=${() => (drawer.value = false)}></button>`}
  `;
}

/** @param {{name: import('./shell.js').DialogName, icon: string, words: string}} props */
function New({ name, icon, words }) {
  return html`<button type="button" class="new-button" onClick=${() => openDialog(name)}>
    <${Icon} name=${icon} />${words}
  </button>`;
}

/** @param {{chat: Chat, conversation: Conversation}} props */
function Entry({ chat, conversation }) {
  const { id, kind, unread, mentions, last_message } = conversation;
  const me = chat.session.user.value;
  const current = chat.screen.open.value === id;
  const name = title(conversation, me);
  const time = activity(conversation);
  return html`
    <li>
      <a
        class="entry ${unread > 0 ? 'fresh' : ''}"
        href="#${encodeURIComponent(id)}"
        data-conversation=${id}
        aria-current=${current ? 'page' : undefined}
        onClick=${() => (drawer.value = false)}
      >
        <${Emblem} chat=${chat} conversation=${conversation} />
        <span class="entry-text">
          <span class="entry-top">
            <span class="entry-name" dir="auto">${name}</span>
            ${last_message && html`<time class="entry-time" datetime=${new Date(time).toISOString()}>${moment(time)}</time>`}
          </span>
          <span class="entry-bottom">
            <${Preview} chat=${chat} conversation=${conversation} />
            ${mentions > 0 && html`<span class="badge mention" title="You are mentioned">@<span class="hidden"> you are mentioned, </span></span>`}
            ${unread > 0 && html`<span class="badge">${counted(unread)}<span class="hidden"> unread</span></span>`}
          </span>
        </span>
        ${kind === 'group' && html`<span class="hidden">, group</span>`}
      </a>
    </li>
  `;
}

/** @param {{chat: Chat, conversation: Conversation}} props */
export function Emblem({ chat, conversation }) {
  const { kind } = conversation;
  if (kind !== 'direct') return html`<span class="emblem" aria-hidden="true"><${Icon} name=${kind === 'group' ? 'group' : 'rooms'} /></span>`;
  const name = other(conversation, chat.session.user.value);
  const online = chat.people.isOnline(name);
  return html`<${Avatar} name=${name} online=${online} />${online && html`<span class="hidden">online, </span>`}`;
}

/** @param {{chat: Chat, conversation: Conversation}} props */
function Preview({ chat, conversation: { id, kind, last_message } }) {
  const typing = chat.people.typing(id);
  if (typing.length > 0) return html`<span class="preview typing-now">${kind === 'direct' ? 'typing…' : `${typing[0]} is typing…`}</span>`;
  if (!last_message) return html`<span class="preview">${id === PUBLIC ? 'Open to everybody' : 'Nothing yet'}</span>`;
  const { user, content, deleted } = last_message;
  const own = samePerson(user, chat.session.user.value);
  const who = own ? 'You: ' : kind === 'direct' ? '' : `${user}: `;
  return html`<span class="preview" dir="auto">${deleted ? 'Deleted message' : who + content.slice(0, 120)}</span>`;
}
