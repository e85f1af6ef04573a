import { html } from '../lib/html.js';
import { hue, initials } from '../lib/text.js';

/** @type {Record<string, string>} outlines on a 24 by 24 grid */
const PATHS = {
  menu: 'M4 7h16M4 12h16M4 17h16',
  close: 'M6 6l12 12M18 6 6 18',
  up: 'M12 19V5.500M5.500 11.500 12 5l6.500 6.500',
  down: 'M12 5v13.500M5.500 12.500 12 19l6.500-6.500',
  write: 'M12 20h8M15.500 5 19 8.500 9 18.500 4.500 19.500 5.500 15z',
  rooms: 'M9.500 4 7.500 20M16.500 4l-2 16M4.500 9h16M3.500 15h16',
  group: 'M9 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2.500 20c0-3.600 2.900-6 6.500-6s6.500 2.400 6.500 6M16 4.300a3.500 3.500 0 0 1 0 6.400M18 14.500c2.200.8 3.500 2.800 3.500 5.500',
  info: 'M12 11v6M12 7.500v.100M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z',
  reply: 'M9.500 6 4 11.500l5.500 5.500M4.500 11.500H14c3.500 0 6 2.500 6 6.500',
  smile: 'M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0zM8.500 14.500c1.900 2.400 5.100 2.400 7 0M9 9.500v.100M15 9.500v.100',
  edit: 'M15.500 5 19 8.500 9 18.500 4.500 19.500 5.500 15z',
  trash: 'M5 7h14M10 7V4.500h4V7M7 7l.8 12.500h8.400L17 7',
  tick: 'M5 12.500 10 17.500 19.500 7',
  ticks: 'M2 12.500 7 17.500 16 7M11.500 17 12 17.500 21.500 7',
};

/** @param {{name: string}} props */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

/**
 * Stands for a person; says nothing to a screen reader, since the name is always next to it.
 * @param {{name: string, small?: boolean, online?: boolean}} props
 */
export function Avatar({ name, small, online }) {
  return html`<span class="avatar hue-${hue(name, 8)} ${small ? 'small' : ''}" aria-hidden="true">
    ${initials(name)}${online && html`<i class="presence"></i>`}
  </span>`;
}

/** The favicon once more, inline: an image would be one request more before anything shows. */
export function Logo() {
  return html`
    <svg class="logo" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
      <rect width="32" height="32" rx="9" />
      <path d="M9 8h14a4 4 0 0 1 4 4v6a4 4 0 0 1-4 4h-6.500l-5.300 4.200c-.7.500-1.700 0-1.700-.9V22H9a4 4 0 0 1-4-4v-6a4 4 0 0 1 4-4z" />
      ${[11.2, 16, 20.8].map((x) => html`<circle cx=${x} cy="15" r="1.700" />`)}
    </svg>
  `;
}
