import { html, useState } from '../../lib/html.js';
import { nameFault, NAME_LIMIT, tidyName } from '../../lib/text.js';
import { close, Frame, Sure, useDeed } from './frame.js';

const SHORTEST = 8;

/** @typedef {import('../../lib/chat.js').Chat} Chat */

/** One's name, password, and the way out. @param {{chat: Chat}} props */
export function Account({ chat }) {
  const account = chat.session.account.value;
  const guest = account?.kind === 'guest';
  const leave = async () => {
    if (await chat.attempt(chat.session.leave())) close();
  };
  return html`<${Frame} chat=${chat} title=${chat.session.user.value}>
    ${!account && html`<p class="dialog-words">The server cannot be reached at the moment.</p>`}
    ${guest && html`<p class="dialog-words">You are here by name only: anybody could take it. A password makes it yours.</p>`}
    ${account && html`<${Password} chat=${chat} guest=${guest} />`}
    ${guest && html`<${Name} chat=${chat} />`}
    <p class="dialog-foot"><${Sure} words="Sign out everywhere" act=${leave} /></p>
  <//>`;
}

/** @param {{chat: Chat, guest?: boolean}} props */
function Password({ chat, guest = false }) {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [words, setWords] = useState('');
  const { fault, setFault, act } = useDeed();

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    setWords('');
    if (password.length < SHORTEST) {
      setFault(`A password has at least ${SHORTEST} characters.`);
      return;
    }
    act(async () => {
      if (guest) await chat.session.register(chat.session.user.value, password);
      else await chat.api.changeMe({ password, ...(current && { current_password: current }) });
      setWords(guest ? 'The name is yours.' : 'The password is changed.');
      setPassword('');
      setCurrent('');
    });
  }

  return html`<form class="dialog-form" onSubmit=${submit}>
    <input class="hidden" type="text" autocomplete="username" tabindex="-1" aria-hidden="true" readonly value=${chat.session.user.value} />
    ${!guest && html`
      <label for="current-password">Current password</label>
      <input id="current-password" type="password" autocomplete="current-password" value=${current}
        onInput=${(/** @type {any} */ event) => setCurrent(event.currentTarget.value)} />
    `}
    <label for="new-password">${guest ? 'Password' : 'New password'}</label>
    <div class="name-row">
      <input id="new-password" type="password" autocomplete="new-password" value=${password}
        onInput=${(/** @type {any} */ event) => setPassword(event.currentTarget.value)} />
      <button class="primary" type="submit">${guest ? 'Register' : 'Change'}</button>
    </div>
    <p class="fault" role="alert">${fault}</p>
    <p class="success" role="status">${words}</p>
  </form>`;
}

/** @param {{chat: Chat}} props */
function Name({ chat }) {
  const [name, setName] = useState(chat.session.user.value);
  const { fault, setFault, act } = useDeed();

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const tidy = tidyName(name);
    const found = nameFault(tidy);
    setFault(found);
    if (found) return;
    act(async () => {
      await chat.enter(tidy);
      close();
    });
  }

  return html`<form class="dialog-form" onSubmit=${submit}>
    <label for="other-name">Another name</label>
    <div class="name-row">
      <input id="other-name" type="text" dir="auto" autocomplete="off" maxlength=${NAME_LIMIT * 2} value=${name}
        onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)} />
      <button class="quiet" type="submit">Change name</button>
    </div>
    <p class="dialog-words">Your private conversations and groups stay with the old name: they go from your list.</p>
    <p class="fault" role="alert">${fault}</p>
  </form>`;
}
