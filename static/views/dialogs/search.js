import { html, useEffect, useState } from '../../lib/html.js';
import { faultOf } from '../../lib/http.js';
import { samePerson } from '../../lib/text.js';
import { Avatar } from '../icon.js';

/** A pause in typing this long is worth a request. */
const PAUSE_MS = 200;

/**
 * Finds people by the beginning of their name.
 * @param {{chat: import('../../lib/chat.js').Chat, label: string, without?: string[], pick: (name: string) => void}} props
 */
export function Search({ chat, label, without = [], pick }) {
  const [query, setQuery] = useState('');
  const [found, setFound] = useState(/** @type {import('../../lib/api.js').User[] | null} */ (null));
  const [fault, setFault] = useState('');

  useEffect(() => {
    let late = false;
    const timer = setTimeout(async () => {
      try {
        const people = await chat.api.findPeople(query.trim());
        if (!late) setFound(people);
        if (!late) setFault('');
      } catch (error) {
        if (!late) setFault(faultOf(error));
      }
    }, query ? PAUSE_MS : 0);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [query]);

  const hidden = [chat.session.user.value, ...without];
  const people = found?.filter(({ username }) => !hidden.some((name) => samePerson(name, username)));
  /** Enter takes who is meant without doubt: the list may still be that of an earlier query. @param {KeyboardEvent} event */
  const takeMeant = (event) => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    const named = people?.find(({ username }) => samePerson(username, query.trim()));
    if (named) pick(named.username);
  };
  return html`
    <label for="search">${label}</label>
    <input id="search" type="search" dir="auto" autocomplete="off" data-first placeholder="Type a name" value=${query}
      onInput=${(/** @type {any} */ event) => setQuery(event.currentTarget.value)} onKeyDown=${takeMeant} />
    ${fault && html`<p class="fault" role="alert">${fault}</p>`}
    <p class="hidden" role="status">${people && `${people.length} found`}</p>
    <ul class="people">
      ${people?.map(({ username, display_name }) => html`
        <li key=${username}>
          <button type="button" class="person" onClick=${() => pick(username)}>
            <${Avatar} name=${username} online=${chat.people.isOnline(username)} />
            <span class="person-text">
              <span class="person-name" dir="auto">${display_name || username}</span>
              ${display_name && display_name !== username && html`<span class="person-more" dir="auto">${username}</span>`}
            </span>
          </button>
        </li>
      `)}
    </ul>
    ${people?.length === 0 && html`<p class="nothing">${query ? `Nobody ${without.length > 0 ? 'else ' : ''}is called that.` : without.length > 0 ? 'Nobody else is left.' : 'Nobody else is here yet.'}</p>`}
  `;
}
