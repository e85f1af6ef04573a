import { html, useEffect, useState } from '../../lib/html.js';
import { PUBLIC } from '../../lib/conversations.js';
import { faultOf } from '../../lib/http.js';
import { newId } from '../../lib/outbox.js';
import { Icon } from '../icon.js';
import { close, Frame, useDeed } from './frame.js';

/** @typedef {import('../../lib/conversations.js').Conversation} Conversation */

/** All public rooms, and a new one. @param {{chat: import('../../lib/chat.js').Chat}} props */
export function Rooms({ chat }) {
  const [rooms, setRooms] = useState(/** @type {Conversation[] | null} */ (null));
  const [name, setName] = useState('');
  const { fault, setFault, act } = useDeed();

  useEffect(() => {
    chat.api.rooms().then(setRooms, (error) => setFault(faultOf(error)));
  }, []);

  /** @param {Conversation} room */
  async function enter({ id }) {
    const joined = id === PUBLIC || chat.inbox.get(id);
    const there = joined || (await chat.attempt(chat.api.putMember(id, chat.session.user.value)));
    if (there && (await chat.attempt(chat.goTo(id)))) close();
  }

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const id = slug(name);
    if (!id) {
      setFault('A name needs letters or digits.');
      return;
    }
    act(async () => {
      await chat.api.create({ kind: 'room', id, name: name.trim() });
      close();
      await chat.attempt(chat.goTo(id));
    });
  }

  return html`<${Frame} chat=${chat} title="Rooms">
    <p class="dialog-words">Everybody may read and write in a room. Join it to keep it in your list.</p>
    <ul class="people">
      ${rooms?.map((room) => html`<li key=${room.id}>
        <button type="button" class="person" data-room=${room.id} onClick=${() => enter(room)}>
          <span class="emblem" aria-hidden="true"><${Icon} name="rooms" /></span>
          <span class="person-text">
            <span class="person-name" dir="auto">${room.name || room.id}</span>
            ${room.member_count !== undefined && html`<span class="person-more">${room.member_count} ${room.member_count === 1 ? 'member' : 'members'}</span>`}
          </span>
          <span class="person-act">${room.id === PUBLIC || chat.inbox.get(room.id) ? 'Open' : 'Join'}</span>
        </button>
      </li>`)}
    </ul>
    <form class="dialog-form" onSubmit=${submit}>
      <label for="room-name">A new room</label>
      <div class="name-row">
        <input id="room-name" type="text" dir="auto" autocomplete="off" maxlength="64" value=${name}
          onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)} />
        <button class="primary" type="submit">Create</button>
      </div>
      <p class="fault" role="alert">${fault}</p>
    </form>
  <//>`;
}

/** @param {string} name @returns {string} what it is called in addresses, '' without a letter or digit */
function slug(name) {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  // What addresses have no letters for, they cannot tell apart either.
  const lost = /[^\P{L}a-z]|[^\P{N}0-9]/u.test(plain);
  const kept = plain.replace(/[^a-z0-9]+/g, '-').slice(0, lost ? 48 : 64).replace(/^-+|-+$/g, '');
  return lost ? [kept || 'room', newId().slice(0, 8)].join('-') : kept;
}
