import { html, useEffect, useRef, useState } from '../lib/html.js';
import { faultOf } from '../lib/http.js';
import { nameFault, tidyName } from '../lib/text.js';
import { Logo } from './icon.js';

/** Where everybody has an account. @param {{chat: import('../lib/chat.js').Chat}} props */
export function SignIn({ chat }) {
  const prompt = chat.session.prompt.value;
  const [name, setName] = useState(prompt?.name ?? '');
  const [password, setPassword] = useState('');
  const [fresh, setFresh] = useState(false);
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const secret = useRef(/** @type {HTMLInputElement | null} */ (null));

  useEffect(() => (name ? secret : field).current?.focus(), []);

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    const tidy = tidyName(name);
    const found = nameFault(tidy) || (fresh && password.length < 8 ? 'A password has at least 8 characters.' : '');
    setFault(found);
    if (found) return;
    setBusy(true);
    try {
      await (fresh ? chat.session.register(tidy, password) : chat.enter(tidy, password));
    } catch (error) {
      setFault(faultOf(error));
      setBusy(false);
    }
  }

  const turn = () => {
    setFresh(!fresh);
    setFault('');
  };
  return html`
    <main class="gate">
      <form class="card" onSubmit=${submit}>
        <${Logo} />
        <h1>${fresh ? 'Create an account' : 'Sign in'}</h1>
        ${prompt?.words && html`<p class="card-words">${prompt.words}</p>`}
        <label for="name">Name</label>
        <input id="name" ref=${field} type="text" dir="auto" autocomplete="username" required value=${name}
          onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)} />
        <label for="password">Password</label>
        <input id="password" ref=${secret} type="password" required value=${password}
          autocomplete=${fresh ? 'new-password' : 'current-password'}
          onInput=${(/** @type {any} */ event) => setPassword(event.currentTarget.value)} />
        <p id="name-fault" class="fault" role="alert">${fault}</p>
        <button class="primary" type="submit" aria-disabled=${busy}>${fresh ? 'Create account' : 'Sign in'}</button>
        <button class="plain" type="button" onClick=${turn}>${fresh ? 'I have an account' : 'Create an account'}</button>
      </form>
    </main>
  `;
}
