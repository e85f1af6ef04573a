import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib/html.js';
import { CONTENT_LIMIT, length, samePerson } from '../lib/text.js';
import { faultOf } from '../lib/http.js';
import { Icon } from './icon.js';

/** From here on the reader is told how much room is left. */
const NEAR_LIMIT = 200;
export const touch = matchMedia('(hover: none) and (pointer: coarse)');

/** @typedef {import('../lib/chat.js').Chat} Chat */
/** @typedef {import('../lib/drafts.js').Draft} Draft */

/**
 * Where a message is written.
 * @param {{chat: Chat, id: string}} props
 */
export function Composer({ chat, id }) {
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const [fault, setFault] = useState('');
  const [saving, setSaving] = useState(false);
  const draft = chat.drafts.of(id);
  const text = draft.text.value;
  const used = length(text);
  const left = CONTENT_LIMIT - used;
  const ready = used > 0 && left >= 0 && !saving;

  useLayoutEffect(() => grow(field.current), [text]);
  // A keyboard that covers half the screen should wait until it is asked for.
  useEffect(() => {
    if (!touch.matches) field.current?.focus();
  }, [id]);

  /** @param {Event} [event] */
  function submit(event) {
    event?.preventDefault();
    field.current?.focus();
    if (!ready) return;
    if (draft.editing.value) save(draft.editing.value);
    else {
      chat.post(text, draft.reply.value?.id);
      draft.clear();
    }
  }

  /** @param {import('../lib/store.js').Message} message that is to say something else */
  async function save(message) {
    setSaving(true);
    try {
      const changed = await chat.api.edit(message.id, text.trim());
      chat.screen.learn({ type: 'message_updated', conversation_id: id, message: changed });
      draft.endEdit();
      setFault('');
    } catch (error) {
      setFault(faultOf(error));
    } finally {
      setSaving(false);
    }
  }

  function giveUp() {
    draft.endEdit();
    draft.reply.value = null;
    setFault('');
    field.current?.focus();
  }

  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    // While an input method composes, Enter accepts its suggestion (229 is Safari's way to say so).
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Escape') giveUp();
    if (event.key === 'ArrowUp' && text === '' && !draft.editing.value) {
      const last = lastOwn(chat, id);
      if (!last) return;
      event.preventDefault();
      draft.edit(last);
    }
    if (event.key !== 'Enter' || event.shiftKey || touch.matches) return;
    submit(event);
  }

  /** @param {any} event */
  function onInput(event) {
    draft.text.value = event.currentTarget.value;
    if (event.currentTarget.value.trim() !== '' && !draft.editing.value) chat.typing();
  }

  return html`
    <form class="composer-box" onSubmit=${submit}>
      <${Subject} draft=${draft} giveUp=${giveUp} />
      <div class="composer">
        <label class="hidden" for="draft">${draft.editing.value ? 'Edit your message' : 'Message'}</label>
        <textarea
          id="draft"
          ref=${field}
          rows="1"
          dir="auto"
          placeholder="Write a message"
          enterkeyhint=${touch.matches ? 'enter' : 'send'}
          aria-describedby="left"
          aria-invalid=${left < 0}
          value=${text}
          onInput=${onInput}
          onKeyDown=${onKeyDown}
        ></textarea>
        <p id="left" class="left ${left < 0 ? 'over' : ''}">${remaining(left)}</p>
        <button class="send" type="submit" aria-label=${draft.editing.value ? 'Save' : 'Send'} title=${draft.editing.value ? 'Save' : 'Send'} aria-disabled=${!ready}>
          <${Icon} name=${draft.editing.value ? 'tick' : 'up'} />
        </button>
      </div>
      ${fault && html`<p class="fault" role="alert">${fault}</p>`}
    </form>
  `;
}

/** What the message that is being written belongs to. @param {{draft: Draft, giveUp: () => void}} props */
function Subject({ draft, giveUp }) {
  const message = draft.editing.value ?? draft.reply.value;
  if (!message) return null;
  const editing = draft.editing.value !== null;
  return html`<div class="subject">
    <span class="subject-text">
      <span class="subject-what">${editing ? 'Editing' : html`Reply to <bdi>${message.user}</bdi>`}</span>
      <span class="quote-text" dir="auto">${message.content.slice(0, 200)}</span>
    </span>
    <button type="button" class="tool" aria-label=${editing ? 'Stop editing' : 'Do not reply'} onClick=${giveUp}><${Icon} name="close" /></button>
  </div>`;
}

/** Who is writing; always there, so that nothing jumps. @param {{chat: Chat, id: string}} props */
export function Typing({ chat, id }) {
  const names = chat.people.typing(id);
  const shown = names.slice(0, 2).join(', ') + (names.length > 2 ? ` and ${names.length - 2} more` : '');
  return html`<p class="typing" aria-live="off">
    ${names.length > 0 && html`<span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span>
      <span><bdi>${shown}</bdi> ${names.length > 1 ? 'are' : 'is'} typing…</span>`}
  </p>`;
}

/** @param {Chat} chat @param {string} id */
function lastOwn(chat, id) {
  const me = chat.session.user.value;
  return chat.screen.loaded(id)?.log.value.messages.findLast((each) => !each.deleted && samePerson(each.user, me));
}

/** @param {number} left */
function remaining(left) {
  if (left > NEAR_LIMIT) return '';
  return left < 0 ? `${-left} too many` : `${left} left`;
}

/** Fits the field to its text, up to the height the style sheet allows. @param {HTMLTextAreaElement | null} field */
function grow(field) {
  if (!field) return;
  field.style.height = 'auto';
  field.style.height = `${field.scrollHeight}px`;
}
