import { html, useEffect, useRef, useState } from '../../lib/html.js';
import { faultOf } from '../../lib/http.js';
import { Icon } from '../icon.js';
import { dialog, Notice } from '../shell.js';

/** Closes the dialog that is open. */
export function close() {
  dialog.value = null;
}

/** What a form does: not a second time before it is done, and with words when it does not work. */
export function useDeed() {
  const busy = useRef(false);
  const [fault, setFault] = useState('');
  /** @param {() => Promise<unknown>} deed */
  const act = async (deed) => {
    if (busy.current) return;
    busy.current = true;
    setFault('');
    try {
      await deed();
    } catch (error) {
      setFault(faultOf(error));
    }
    busy.current = false;
  };
  return { fault, setFault, act };
}

/**
 * A button for what cannot be taken back by another one: it asks first.
 * @param {{words: string, about?: string, act: () => unknown}} props `about` whom, for screen readers
 */
export function Sure({ words, about, act }) {
  const [asked, setAsked] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const shown = useRef(asked);
  // The pressed button is gone: the focus must not go with it.
  useEffect(() => {
    if (shown.current !== asked) box.current?.querySelector('button')?.focus();
    shown.current = asked;
  }, [asked]);
  // The second click of a double click is no answer, and does not take the focus from the safe one.
  const isFirst = (/** @type {MouseEvent} */ event) => event.detail < 2;
  useEffect(() => {
    if (!asked) return undefined;
    const stay = (/** @type {MouseEvent} */ event) => isFirst(event) || event.preventDefault();
    document.addEventListener('mousedown', stay);
    return () => document.removeEventListener('mousedown', stay);
  }, [asked]);
  const whom = about && html`<span class="hidden"> ${about}</span>`;
  return html`<span class="sure-row" ref=${box}>
    ${asked
      ? html`<button key="no" type="button" class="quiet" onClick=${(/** @type {MouseEvent} */ event) => isFirst(event) && setAsked(false)}>Cancel</button>
          <button key="yes" type="button" class="quiet danger filled" onClick=${(/** @type {MouseEvent} */ event) => isFirst(event) && act()}>Yes, ${words.toLowerCase()}${whom}</button>`
      : html`<button key="ask" type="button" class="quiet danger" onClick=${() => setAsked(true)}>${words}${whom}</button>`}
  </span>`;
}

/**
 * A dialog. The browser keeps the focus in it, and gives it back.
 * @param {{chat: import('../../lib/chat.js').Chat, title: string, children?: any}} props
 */
export function Frame({ chat, title, children }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    box.current?.showModal();
    // What is asked for comes before the button that closes.
    /** @type {HTMLElement | null | undefined} */ (box.current?.querySelector('[data-first]'))?.focus();
    return () => {
      before?.focus();
      // What had it may be gone, or out of sight.
      if (document.activeElement !== before) document.getElementById('draft')?.focus();
    };
  }, []);
  return html`
    <dialog
      class="dialog"
      ref=${box}
      aria-labelledby="dialog-title"
      onClose=${close}
      onClick=${(/** @type {MouseEvent} */ event) => event.target === box.current && close()}
    >
      <div class="dialog-box">
        <div class="dialog-head">
          <h2 id="dialog-title" dir="auto">${title}</h2>
          <button type="button" class="tool" aria-label="Close" onClick=${close}><${Icon} name="close" /></button>
        </div>
        ${children}
      </div>
      <${Notice} chat=${chat} />
    </dialog>
  `;
}
