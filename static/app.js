import { effect, html, render, signal, useEffect, useState } from './lib/html.js';
import { Room } from './lib/room.js';
import { hue, initials } from './lib/text.js';
import { Composer, NameForm } from './views/composer.js';
import { Timeline } from './views/timeline.js';

/** Trouble shorter than this is not worth anybody's attention. */
const PATIENCE_MS = 2_000;
const DRAFT_KEY = 'realtalk.draft';

const room = new Room();
const renaming = signal(false);
const draft = signal(keptDraft());

effect(() => {
  document.title = room.unread.value > 0 ? `(${room.unread.value}) RealTalk` : 'RealTalk';
});
effect(() => keepDraft(draft.value));

function App() {
  const trouble = useTrouble();
  const nameless = room.name.value === '';
  return html`
    <${Header} trouble=${trouble} />
    <main>
      ${trouble && html`<${Banner} />`}
      <${Timeline} room=${room} draft=${draft} />
    </main>
    <footer>
      ${nameless || renaming.value
        ? html`<${NameForm} room=${room} close=${() => (renaming.value = false)} />`
        : html`<${Composer} room=${room} draft=${draft} />`}
    </footer>
  `;
}

/** @param {{trouble: boolean}} props */
function Header({ trouble }) {
  const name = room.name.value;
  return html`
    <header>
      <${Logo} />
      <div class="place">
        <h1>public</h1>
        <${Status} trouble=${trouble} />
      </div>
      ${name &&
      html`
        <button class="me" type="button" title="Change your name" onClick=${() => (renaming.value = true)}>
          <span class="avatar small hue-${hue(name, 8)}" aria-hidden="true">${initials(name)}</span>
          <span class="hidden">Change your name, </span><span class="me-name" dir="auto">${name}</span>
        </button>
      `}
    </header>
  `;
}

/** The favicon once more, inline: an image would be one request more before anything shows. */
function Logo() {
  return html`
    <svg class="logo" viewBox="0 0 32 32" width="36" height="36" aria-hidden="true">
      <rect width="32" height="32" rx="9" />
      <path d="M9 8h14a4 4 0 0 1 4 4v6a4 4 0 0 1-4 4h-6.500l-5.300 4.200c-.7.500-1.700 0-1.700-.9V22H9a4 4 0 0 1-4-4v-6a4 4 0 0 1 4-4z" />
      ${[11.2, 16, 20.8].map((x) => html`<circle cx=${x} cy="15" r="1.700" />`)}
    </svg>
  `;
}

/** @param {{trouble: boolean}} props */
function Status({ trouble }) {
  const { phase } = room.connection.value;
  const state = phase === 'live' ? 'live' : !trouble ? 'pending' : navigator.onLine ? 'lost' : 'offline';
  const words = { live: 'Live', pending: 'Connecting…', lost: 'Reconnecting…', offline: 'Offline' };
  return html`<p class="status ${state}" data-phase=${phase}><span class="dot"></span>${words[state]}</p>`;
}

function Banner() {
  const connection = room.connection.value;
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
      <button type="button" class="quiet" aria-disabled=${!waiting} onClick=${() => room.tryNow()}>Try now</button>
    </div>
  `;
}

/** @returns {boolean} whether the stream has been down long enough to say so */
function useTrouble() {
  const live = room.connection.value.phase === 'live';
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

// A page without storage works, it only forgets.
function keptDraft() {
  try {
    return sessionStorage.getItem(DRAFT_KEY) ?? '';
  } catch {
    return '';
  }
}

/** @param {string} text */
function keepDraft(text) {
  try {
    sessionStorage.setItem(DRAFT_KEY, text);
  } catch {}
}

render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
room.open();
