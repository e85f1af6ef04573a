import { html } from '../../lib/html.js';
import { close, Frame } from './frame.js';
import { Search } from './search.js';

/** Somebody to write to. @param {{chat: import('../../lib/chat.js').Chat}} props */
export function Person({ chat }) {
  /** @param {string} name */
  const pick = async (name) => {
    if (await chat.attempt(chat.talkTo(name))) close();
  };
  return html`<${Frame} chat=${chat} title="New message"><${Search} chat=${chat} label="Who is it for?" pick=${pick} /><//>`;
}
