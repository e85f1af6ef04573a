import { html, useEffect, useRef } from '../../lib/html.js';
import { Icon } from '../icon.js';
import { dialog } from '../shell.js';

/** Closes the dialog that is open. */
export function close() {
  dialog.value = null;
}

/**
 * A dialog. The browser keeps the focus in it, and gives it back.
 * @param {{title: string, children?: any}} props
 */
export function Frame({ title, children }) {
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
    </dialog>
  `;
}
