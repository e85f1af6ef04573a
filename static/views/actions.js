import { html, useEffect, useRef, useState } from '../lib/html.js';
import { samePerson } from '../lib/text.js';
import { Icon } from './icon.js';

const EMOJI = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '🔥'];

/** @typedef {import('../lib/store.js').Message} Message */

/**
 * What can be done with a message.
 * @param {{chat: import('../lib/chat.js').Chat, shown: import('../lib/history.js').History, message: Message, own: boolean}} props
 */
export function Actions({ chat, shown, message, own }) {
  const [mode, setMode] = useState(/** @type {'' | 'react' | 'delete'} */ (''));
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const before = useRef(mode);
  // The pressed button goes away: the focus must not fall off the page.
  useEffect(() => {
    if (before.current !== mode && document.activeElement === document.body) box.current?.querySelector('button')?.focus();
    before.current = mode;
  }, [mode]);
  const me = chat.session.user.value;
  const draft = chat.drafts.of(shown.id);
  const write = () => document.getElementById('draft')?.focus();
  const reply = () => {
    draft.endEdit();
    draft.reply.value = message;
    write();
  };
  const edit = () => {
    draft.edit(message);
    write();
  };
  const remove = async () => {
    write();
    if (await chat.attempt(chat.api.remove(message.id))) {
      chat.screen.learn({ type: 'message_deleted', conversation_id: shown.id, message });
    }
  };
  /** @param {string} emoji */
  const react = (emoji) => {
    const given = message.reactions?.find((reaction) => reaction.emoji === emoji);
    /** @type {HTMLElement | null | undefined} */ (box.current?.closest('.line'))?.focus();
    setMode('');
    chat.attempt(shown.react(message.id, me, emoji, !given?.users.some((user) => samePerson(user, me))));
  };
  if (mode === 'react') {
    return html`<div key=${mode} ref=${box} class="actions choice" role="toolbar" aria-label="React with">
      ${EMOJI.map((emoji) => html`<button type="button" class="emoji" aria-label=${`React with ${emoji}`} onClick=${() => react(emoji)}>${emoji}</button>`)}
      <${Tool} icon="close" words="Close" act=${() => setMode('')} />
    </div>`;
  }
  if (mode === 'delete') {
    return html`<div key=${mode} ref=${box} class="actions choice" role="toolbar" aria-label="Delete this message?">
      <button type="button" class="sure" onClick=${remove}>Delete for everybody</button>
      <${Tool} icon="close" words="Keep it" act=${() => setMode('')} />
    </div>`;
  }
  return html`<div key=${mode} ref=${box} class="actions" role="toolbar" aria-label="Actions">
    <${Tool} icon="smile" words="React" act=${() => setMode('react')} />
    <${Tool} icon="reply" words="Reply" act=${reply} />
    ${own && html`<${Tool} icon="edit" words="Edit" act=${edit} />`}
    ${own && html`<${Tool} icon="trash" words="Delete" act=${() => setMode('delete')} />`}
  </div>`;
}

/** @param {{icon: string, words: string, act: () => void}} props */
function Tool({ icon, words, act }) {
  return html`<button type="button" aria-label=${words} title=${words} onClick=${act}><${Icon} name=${icon} /></button>`;
}
