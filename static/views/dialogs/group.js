import { html, useState } from '../../lib/html.js';
import { Icon } from '../icon.js';
import { close, Frame, useDeed } from './frame.js';
import { Search } from './search.js';

/** A new group, with people. @param {{chat: import('../../lib/chat.js').Chat}} props */
export function Group({ chat }) {
  const [name, setName] = useState('');
  const [members, setMembers] = useState(/** @type {string[]} */ ([]));
  const { fault, setFault, act } = useDeed();

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    if (name.trim() === '') {
      setFault('Please name the group.');
      return;
    }
    act(async () => {
      const { id } = await chat.api.create({ kind: 'group', name: name.trim(), members });
      close();
      await chat.attempt(chat.goTo(id));
    });
  }

  return html`<${Frame} chat=${chat} title="New group">
    <form class="dialog-form" onSubmit=${submit}>
      <label for="group-name">Name of the group</label>
      <input id="group-name" type="text" dir="auto" autocomplete="off" data-first maxlength="64" value=${name}
        onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)} />
      ${members.length > 0 && html`<ul class="chips" aria-label="Members">
        ${members.map((each) => html`<li key=${each}>
          <button type="button" class="chip" aria-label=${`Without ${each}`} onClick=${() => setMembers(members.filter((other) => other !== each))}>
            <bdi>${each}</bdi><${Icon} name="close" />
          </button>
        </li>`)}
      </ul>`}
      <${Search} chat=${chat} label="Members" without=${members} pick=${(/** @type {string} */ each) => setMembers([...members, each])} />
      <p class="fault" role="alert">${fault}</p>
      <button class="primary" type="submit">Create group</button>
    </form>
  <//>`;
}
