import { effect, html, render, useEffect } from './lib/html.js';
import { Chat } from './lib/chat.js';
import { Composer, Typing } from './views/composer.js';
import { Banner, Header, useTrouble } from './views/header.js';
import { lazy } from './views/lazy.js';
import { NameForm } from './views/name.js';
import { dialog, drawer } from './views/shell.js';
import { Sidebar } from './views/sidebar.js';
import { Timeline } from './views/timeline.js';

/** As long as this, something that did not work stays on the screen. */
const NOTICE_MS = 6_000;

const SHEET = '/dialogs.css';
const SignIn = lazy(async () => (await import('./views/sign-in.js')).SignIn, SHEET);
const dialogs = {
  account: lazy(async () => (await import('./views/dialogs/account.js')).Account, SHEET),
  person: lazy(async () => (await import('./views/dialogs/person.js')).Person, SHEET),
  group: lazy(async () => (await import('./views/dialogs/group.js')).Group, SHEET),
  rooms: lazy(async () => (await import('./views/dialogs/rooms.js')).Rooms, SHEET),
  details: lazy(async () => (await import('./views/dialogs/details.js')).Details, SHEET),
};

const chat = new Chat();

effect(() => {
  const { value } = chat.inbox.unread;
  document.title = value > 0 ? `(${value}) RealTalk` : 'RealTalk';
});

function App() {
  const trouble = useTrouble(chat);
  if (chat.session.locked.value) return html`<${SignIn} chat=${chat} />`;
  const id = chat.screen.open.value;
  const user = chat.session.user.value;
  const Dialog = dialog.value && dialogs[dialog.value];
  return html`
    <${Sidebar} chat=${chat} />
    <div class="talk" inert=${drawer.value}>
      <${Header} chat=${chat} trouble=${trouble} />
      <main>
        ${trouble && html`<${Banner} chat=${chat} />`}
        <${Timeline} key=${id} chat=${chat} shown=${chat.screen.shown()} />
      </main>
      <footer>
        <${Typing} chat=${chat} id=${id} />
        ${user === ''
          ? html`<${NameForm} key=${chat.session.prompt.value?.words} chat=${chat} />`
          : html`<${Composer} key=${`${user}/${id}`} chat=${chat} id=${id} />`}
      </footer>
    </div>
    ${Dialog && html`<${Dialog} key=${dialog.value} chat=${chat} />`}
    <${Notice} />
  `;
}

function Notice() {
  const words = chat.notice.value;
  useEffect(() => {
    if (!words) return undefined;
    const timer = setTimeout(() => (chat.notice.value = ''), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [words]);
  return html`<p class="notice ${words ? 'shown' : ''}" role="alert">${words}</p>`;
}

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
chat.start();
