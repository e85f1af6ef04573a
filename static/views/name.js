import { html, useEffect, useRef, useState } from '../lib/html.js';
import { faultOf, Problem } from '../lib/http.js';
import { guestName, nameFault, NAME_LIMIT, tidyName } from '../lib/text.js';
import { touch } from './composer.js';

/**
 * Asks for a name, and for a password if the name has one. Nothing else is needed to talk.
 * @param {{chat: import('../lib/chat.js').Chat}} props
 */
export function NameForm({ chat }) {
  const prompt = chat.session.prompt.value;
  const [suggestion] = useState(guestName);
  const [name, setName] = useState(prompt?.name || suggestion);
  const [password, setPassword] = useState('');
  const [locked, setLocked] = useState(prompt?.password ?? false);
  const [fault, setFault] = useState('');
  const [busy, setBusy] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const secret = useRef(/** @type {HTMLInputElement | null} */ (null));

  useEffect(() => {
    if (touch.matches) return;
    field.current?.focus();
    field.current?.select();
  }, []);
  useEffect(() => {
    if (locked) secret.current?.focus();
  }, [locked]);

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    if (busy) return;
    const tidy = tidyName(name);
    const found = nameFault(tidy);
    setFault(found);
    if (found) {
      field.current?.focus();
      return;
    }
    setBusy(true);
    try {
      await chat.enter(tidy, locked ? password : undefined);
    } catch (error) {
      const refused = error instanceof Problem && error.status === 401;
      if (refused && !locked) setFault(`“${tidy}” has a password. Type it, or choose another name.`);
      else setFault(refused ? 'That is not the password of this name.' : faultOf(error));
      if (refused) setLocked(true);
      setBusy(false);
    }
  }

  /** @param {any} event */
  function rename(event) {
    setName(event.currentTarget.value);
    setLocked(false);
    setPassword('');
  }

  return html`
    <form class="name-form" onSubmit=${submit}>
      <label for="name">${prompt?.words || 'What should people call you?'}</label>
      <div class="name-row">
        <input
          id="name"
          ref=${field}
          type="text"
          dir="auto"
          autocomplete="username"
          aria-label="Your name"
          maxlength=${NAME_LIMIT * 2}
          aria-describedby="name-fault"
          aria-invalid=${fault !== '' && !locked}
          value=${name}
          onInput=${rename}
        />
        ${locked && html`<input
          id="password"
          ref=${secret}
          type="password"
          autocomplete="current-password"
          aria-label="Password"
          placeholder="Password"
          aria-describedby="name-fault"
          value=${password}
          onInput=${(/** @type {any} */ event) => setPassword(event.currentTarget.value)}
        />`}
        <button class="primary" type="submit" aria-disabled=${busy}>${locked ? 'Sign in' : 'Join'}</button>
      </div>
      <p id="name-fault" class="fault" role="alert">${fault}</p>
    </form>
  `;
}
