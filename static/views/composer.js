import { html, useEffect, useLayoutEffect, useRef, useState } from '../lib/html.js';
import { CONTENT_LIMIT, guestName, length, nameFault, NAME_LIMIT, tidyName } from '../lib/text.js';

/** From here on the reader is told how much room is left. */
const NEAR_LIMIT = 200;
const touch = matchMedia('(hover: none) and (pointer: coarse)');

/** @typedef {import('../lib/room.js').Room} Room */

/**
 * Where a message is written.
 * @param {{room: Room, draft: import('@preact/signals').Signal<string>}} props
 */
export function Composer({ room, draft }) {
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const text = draft.value;
  const used = length(text);
  const left = CONTENT_LIMIT - used;
  const ready = used > 0 && left >= 0;

  useLayoutEffect(() => grow(field.current), [text]);
  // A keyboard that covers half the screen should wait until it is asked for.
  useEffect(() => {
    if (!touch.matches) field.current?.focus();
  }, []);

  /** @param {Event} [event] */
  function submit(event) {
    event?.preventDefault();
    field.current?.focus();
    if (!ready) return;
    room.post(text);
    draft.value = '';
  }

  /** @param {KeyboardEvent} event */
  function onKeyDown(event) {
    // While an input method composes, Enter accepts its suggestion (229 is Safari's way to say so).
    if (event.key !== 'Enter' || event.isComposing || event.keyCode === 229) return;
    if (event.shiftKey || touch.matches) return;
    submit(event);
  }

  return html`
    <form class="composer" onSubmit=${submit}>
      <label class="hidden" for="draft">Message</label>
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
        onInput=${(/** @type {any} */ event) => (draft.value = event.currentTarget.value)}
        onKeyDown=${onKeyDown}
      ></textarea>
      <p id="left" class="left ${left < 0 ? 'over' : ''}">${remaining(left)}</p>
      <button class="send" type="submit" aria-label="Send" title="Send" aria-disabled=${!ready}>
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 19V5.500M5.500 11.500 12 5l6.500 6.500" /></svg>
      </button>
    </form>
  `;
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

/**
 * Asks for a name, at first and whenever somebody wants another.
 * @param {{room: Room, close: () => void}} props
 */
export function NameForm({ room, close }) {
  const first = room.name.value === '';
  const [suggestion] = useState(guestName);
  const [name, setName] = useState(first ? suggestion : room.name.value);
  const [fault, setFault] = useState('');
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));

  useEffect(() => {
    if (first && touch.matches) return;
    field.current?.focus();
    field.current?.select();
  }, []);

  /** @param {Event} event */
  function submit(event) {
    event.preventDefault();
    const tidy = tidyName(name);
    const found = nameFault(tidy);
    setFault(found);
    if (found) {
      field.current?.focus();
      return;
    }
    room.rename(tidy);
    close();
  }

  return html`
    <form
      class="name-form"
      onSubmit=${submit}
      onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === 'Escape' && !first && close()}
    >
      <label for="name">${first ? 'What should people call you?' : 'Your name'}</label>
      <div class="name-row">
        <input
          id="name"
          ref=${field}
          type="text"
          dir="auto"
          autocomplete="nickname"
          maxlength=${NAME_LIMIT * 2}
          aria-describedby="name-fault"
          aria-invalid=${fault !== ''}
          value=${name}
          onInput=${(/** @type {any} */ event) => setName(event.currentTarget.value)}
        />
        <button class="primary" type="submit">${first ? 'Join' : 'Save'}</button>
        ${!first && html`<button class="quiet" type="button" onClick=${close}>Cancel</button>`}
      </div>
      <p id="name-fault" class="fault" role="alert">${fault}</p>
    </form>
  `;
}
