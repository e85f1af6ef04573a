// Where the two services are, and how one signs in there.
import { Problem, request } from './http.js';

const DEFAULT_NOTIFICATION_URL = 'http://localhost:8081';

/**
 * @typedef {object} Services
 * @property {string} messages base address, '' is this origin
 * @property {string} notifications base address
 * @property {'open' | 'required'} mode whether a name is enough
 */

/** @typedef {{message_service_url?: string, notification_service_url?: string, auth_mode?: string}} Config */

/**
 * Finds the services: what the page says wins, then the server that delivered it, then the default.
 * @returns {Promise<Services>}
 */
export async function locate() {
  const page = /** @type {{MESSAGE_SERVICE_URL?: string, NOTIFICATION_SERVICE_URL?: string}} */ (globalThis);
  const messages = page.MESSAGE_SERVICE_URL && base(page.MESSAGE_SERVICE_URL);
  const config = await readConfig(messages ?? here());
  return {
    messages: messages ?? base(config.message_service_url || here()),
    notifications: base(
      page.NOTIFICATION_SERVICE_URL ?? config.notification_service_url ?? DEFAULT_NOTIFICATION_URL,
    ),
    mode: config.auth_mode === 'required' ? 'required' : 'open',
  };
}

/**
 * Cookies belong to a host, whatever the port.
 * @param {Services} services
 * @param {string} [page] the address of this page
 * @returns {boolean} whether the notification service gets the cookie of the message service
 */
export function sharesCookies(services, page = location.href) {
  const [messages, notifications] = [services.messages, services.notifications].map((url) => new URL(url || page, page));
  return messages.hostname === notifications.hostname && messages.protocol === notifications.protocol;
}

/** @param {string} messages @returns {Promise<Config>} */
async function readConfig(messages) {
  try {
    return await (await request(`${messages}/config.json`)).json();
  } catch (error) {
    // A host that serves only files has no configuration; one that is down will have it later.
    const absent = error instanceof SyntaxError || (error instanceof Problem && error.final);
    if (absent) return {};
    throw error;
  }
}

/** Where this page is, which may be behind a prefix of a proxy. */
function here() {
  const page = globalThis.document?.baseURI;
  return page ? base(new URL('.', page).href) : '';
}

/** @param {string} url */
function base(url) {
  return url.replace(/\/+$/, '');
}
