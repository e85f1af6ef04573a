import { effect, html, render } from './lib/html.js';
import { Chat } from './lib/chat.js';
import { counted, title } from './lib/conversations.js';
import { Composer, Typing } from './views/composer.js';
import { Banner, Header, useTrouble } from './views/header.js';
import { lazy } from './views/lazy.js';
import { NameForm } from './views/name.js';
import { dialog, drawer, Notice } from './views/shell.js';
import { Sidebar } from './views/sidebar.js';
import { Timeline } from './views/timeline.js';

const SHEET = './dialogs.css';
const SignIn = lazy(async () => (await import('./views/sign-in.js')).SignIn, SHEET);
/** A dialog that is not there must not stay open: nothing would open it again. */
const missing = () => {
  dialog.value = null;
  chat.notice.value = 'This cannot be shown at the moment. Please try again.';
};
const dialogs = {
  account: lazy(async () => (await import('./views/dialogs/account.js')).Account, SHEET, missing),
  person: lazy(async () => (await import('./views/dialogs/person.js')).Person, SHEET, missing),
  group: lazy(async () => (await import('./views/dialogs/group.js')).Group, SHEET, missing),
  rooms: lazy(async () => (await import('./views/dialogs/rooms.js')).Rooms, SHEET, missing),
  details: lazy(async () => (await import('./views/dialogs/details.js')).Details, SHEET, missing),
};

const chat = new Chat();

effect(() => {
  const { value } = chat.inbox.unread;
  document.title = value > 0 ? `(${counted(value)}) RealTalk` : 'RealTalk';
});
// What somebody has opened is not for whoever comes next.
effect(() => {
  chat.session.user.value;
  dialog.value = null;
  drawer.value = false;
});
/** @type {import('./lib/conversations.js').Conversation | undefined} */
let before;
// What is on the screen goes away when one is no longer in it: that takes a word.
effect(() => {
  const { value } = chat.screen.conversation;
  if (before && !value && chat.inbox.loaded.value) chat.notice.value = `You are no longer in “${title(before, chat.session.user.peek())}”.`;
  before = value;
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
          ? chat.session.known.value && html`<${NameForm} key=${chat.session.prompt.value?.words} chat=${chat} />`
          : html`<${Composer} key=${`${user}/${id}`} chat=${chat} id=${id} />`}
      </footer>
    </div>
    ${Dialog ? html`<${Dialog} key=${dialog.value} chat=${chat} />` : html`<${Notice} chat=${chat} />`}
  `;
}

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
chat.start();
