// What the page shows around the conversation: which dialog, and on narrow screens the drawer.
import { html, signal, useEffect } from '../lib/html.js';

/** As long as this, something that did not work stays on the screen. */
const NOTICE_MS = 6_000;

/** @typedef {'account' | 'person' | 'group' | 'rooms' | 'details'} DialogName */

/** @type {import('@preact/signals').Signal<DialogName | null>} */
export const dialog = signal(null);
/** Whether the list of conversations lies over a narrow page. */
export const drawer = signal(false);

/** @param {DialogName} name */
export function openDialog(name) {
  drawer.value = false;
  dialog.value = name;
}

/** What did not work. A dialog shows it itself: all behind it is out of reach. @param {{chat: import('../lib/chat.js').Chat}} props */
export function Notice({ chat }) {
  const words = chat.notice.value;
  useEffect(() => {
    if (!words) return undefined;
    const timer = setTimeout(() => (chat.notice.value = ''), NOTICE_MS);
    return () => clearTimeout(timer);
  }, [words]);
  return html`<p class="notice ${words ? 'shown' : ''}" role="alert">${words}</p>`;
}
