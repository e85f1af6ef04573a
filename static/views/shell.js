// What the page shows around the conversation: which dialog, and on narrow screens the drawer.
import { signal } from '../lib/html.js';

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
