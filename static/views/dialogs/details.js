import { html, useEffect, useState } from '../../lib/html.js';
import { other, PUBLIC, title } from '../../lib/conversations.js';
import { faultOf } from '../../lib/http.js';
import { samePerson } from '../../lib/text.js';
import { Avatar } from '../icon.js';
import { close, Frame, Sure } from './frame.js';
import { Search } from './search.js';

/** @typedef {import('../../lib/chat.js').Chat} Chat */
/** @typedef {import('../../lib/api.js').Member} Member */
/** @typedef {import('../../lib/conversations.js').Conversation} Conversation */

/** Who is in the open conversation, and what may be done about it. @param {{chat: Chat}} props */
export function Details({ chat }) {
  const [id] = useState(chat.screen.open.value);
  const conversation = chat.screen.open.value === id ? chat.inbox.get(id) : undefined;
  const me = chat.session.user.value;
  const [adding, setAdding] = useState(false);
  useEffect(() => {
    if (!conversation) close();
  }, [conversation]);
  if (!conversation) return null;
  const { kind, members = [] } = conversation;
  const owner = (conversation.role ?? members.find(({ user }) => samePerson(user, me))?.role) === 'owner';
  if (kind === 'direct') return html`<${Frame} chat=${chat} title=${title(conversation, me)}><${Contact} chat=${chat} name=${other(conversation, me)} /><//>`;

  const leave = async () => {
    if (!(await chat.attempt(chat.api.removeMember(id, me)))) return;
    close();
    chat.screen.show(PUBLIC);
    // Who has just left need not be told so by the event.
    chat.notice.value = '';
    chat.attempt(chat.inbox.refresh());
  };
  /** @param {string} user */
  const add = async (user) => {
    if (await chat.attempt(chat.api.putMember(id, user))) setAdding(false);
  };
  return html`<${Frame} chat=${chat} title=${title(conversation, me)}>
    ${owner && id !== PUBLIC && html`<${Rename} chat=${chat} conversation=${conversation} />`}
    ${kind === 'group'
      ? html`<${Members} chat=${chat} id=${id} members=${members} owner=${owner} />`
      : html`<${RoomMembers} chat=${chat} id=${id} />`}
    ${kind === 'group' && owner && (adding
      ? html`<${Search} chat=${chat} label="Add somebody" without=${members.map(({ user }) => user)} pick=${add} />`
      : html`<button type="button" class="quiet" onClick=${() => setAdding(true)}>Add somebody</button>`)}
    ${id !== PUBLIC && html`<p class="dialog-foot"><${Sure} words="Leave" act=${leave} /></p>`}
  <//>`;
}

/** @param {{chat: Chat, name: string}} props */
function Contact({ chat, name }) {
  const online = chat.people.isOnline(name);
  return html`<div class="contact">
    <${Avatar} name=${name} online=${online} />
    <p>${online ? 'Online now' : 'Not online'}</p>
    <p class="dialog-words">Only the two of you can read what is said here.</p>
  </div>`;
}

/** @param {{chat: Chat, id: string, members: Member[], owner: boolean}} props */
function Members({ chat, id, members, owner }) {
  const me = chat.session.user.value;
  return html`<ul class="people" aria-label="Members">
    ${members.map(({ user, role }) => {
      const online = chat.people.isOnline(user) || samePerson(user, me);
      const other = owner && !samePerson(user, me);
      return html`<li key=${user} class="member" data-member=${user}>
        <${Avatar} name=${user} online=${online} />
        <span class="person-text">
          <span class="person-name" dir="auto">${user}</span>
          <span class="person-more">${role === 'owner' ? 'Owner' : 'Member'}${online ? ', online' : ''}</span>
        </span>
        ${other && html`<span class="member-acts">
          <button type="button" class="quiet" onClick=${() => chat.attempt(chat.api.putMember(id, user, role === 'owner' ? 'member' : 'owner'))}>
            ${role === 'owner' ? 'Make member' : 'Make owner'}<span class="hidden"> ${user}</span>
          </button>
          <${Sure} words="Remove" about=${user} act=${() => chat.attempt(chat.api.removeMember(id, user))} />
        </span>`}
      </li>`;
    })}
  </ul>`;
}

/** @param {{chat: Chat, id: string}} props */
function RoomMembers({ chat, id }) {
  const [members, setMembers] = useState(/** @type {Member[] | null} */ (null));
  const [fault, setFault] = useState('');
  useEffect(() => {
    chat.api.members(id).then(setMembers, (error) => setFault(faultOf(error)));
  }, [id]);
  if (fault) return html`<p class="fault" role="alert">${fault}</p>`;
  if (members?.length === 0) return html`<p class="nothing">Everybody is welcome here.</p>`;
  return members && html`<${Members} chat=${chat} id=${id} members=${members} owner=${false} />`;
}

/** @param {{chat: Chat, conversation: Conversation}} props */
function Rename({ chat, conversation }) {
  const [name, setName] = useState(conversation.name ?? '');
  /** @param {Event} event */
  const submit = (event) => {
    event.preventDefault();
    if (name.trim()) chat.attempt(chat.api.rename(conversation.id, name.trim()));
  };
  return html`<form class="dialog-form" onSubmit=${submit}>
    <label for="new-name">Name</label>
    <div class="name-row">
      <input id="new-name" type="text" dir="auto" autocomplete="off" maxlength="64" value=${name}
        onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)} />
      <button class="quiet" type="submit">Rename</button>
    </div>
  </form>`;
}
