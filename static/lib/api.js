// The two services over HTTP.

const TIMEOUT_MS = 15_000;
const PAGE_SIZE = 50;
const DEFAULT_NOTIFICATION_URL = 'http://localhost:8081';

/** @typedef {{messages: string, notifications: string}} Services base addresses, '' is this origin */

/** An answer that is not a success, or none at all (`status` 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} detail for people
   * @param {number} [retryAfter] milliseconds the server asked for
   */
  constructor(status, detail, retryAfter = 0) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request can never succeed. 408, 425 and 429 only say "not now". */
  get final() {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/**
 * Finds the services: what the page says wins, then the server that delivered it, then the default.
 * @returns {Promise<Services>}
 */
export async function locate() {
  const page = /** @type {{MESSAGE_SERVICE_URL?: string, NOTIFICATION_SERVICE_URL?: string}} */ (globalThis);
  const config = page.NOTIFICATION_SERVICE_URL ? {} : await readConfig();
  return {
    messages: base(page.MESSAGE_SERVICE_URL ?? config.message_service_url ?? ''),
    notifications: base(
      page.NOTIFICATION_SERVICE_URL ?? config.notification_service_url ?? DEFAULT_NOTIFICATION_URL,
    ),
  };
}

/** @returns {Promise<{message_service_url?: string, notification_service_url?: string}>} */
async function readConfig() {
  try {
    return await (await request('/config.json')).json();
  } catch (error) {
    // A host that serves only files has no configuration; one that is down will have it later.
    const absent = error instanceof SyntaxError || (error instanceof Problem && error.final);
    if (absent) return {};
    throw error;
  }
}

/** @param {string} url */
function base(url) {
  return url.replace(/\/+$/, '');
}

/**
 * @param {Services} services
 * @param {import('./outbox.js').Entry} entry
 * @returns {Promise<import('./store.js').Message>} the stored message, the same one for a repeat
 */
export async function postMessage(services, entry) {
  const { content, user, client_msg_id } = entry;
  const response = await request(`${services.messages}/messages`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ content, user, client_msg_id }),
  });
  return response.json();
}

/**
 * @param {Services} services
 * @param {string} [before] an id; without it the newest page
 * @returns {Promise<import('./store.js').Page>}
 */
export async function getPage(services, before) {
  const query = new URLSearchParams({ limit: String(PAGE_SIZE) });
  if (before) query.set('before', before);
  const response = await request(`${services.messages}/messages?${query}`);
  /** @type {import('./store.js').Message[]} */
  const messages = await response.json();
  return {
    messages,
    more: (response.headers.get('X-Has-More') ?? String(messages.length >= PAGE_SIZE)) === 'true',
    cursor: response.headers.get('X-Event-Cursor') ?? messages.at(-1)?.id ?? '',
  };
}

/**
 * @param {Services} services
 * @param {string} clientId
 * @param {string} cursor
 * @returns {string} the address of the stream that continues after `cursor`
 */
export function streamUrl(services, clientId, cursor) {
  const query = new URLSearchParams({ client_id: clientId });
  if (cursor) query.set('last_event_id', cursor);
  return `${services.notifications}/events?${query}`;
}

/**
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} a success
 * @throws {Problem}
 */
async function request(url, init) {
  let response;
  try {
    response = await fetch(url, { ...init, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Problem(0, 'The server cannot be reached.');
  }
  if (response.ok) return response;
  throw new Problem(response.status, await detail(response), retryAfter(response));
}

/** @param {Response} response */
async function detail(response) {
  try {
    const problem = await response.json();
    return String(problem.detail || problem.title || `The server answered ${response.status}.`);
  } catch {
    return `The server answered ${response.status}.`;
  }
}

/** Seconds or a date (RFC 9110, section 10.2.3). @param {Response} response */
function retryAfter(response) {
  const value = response.headers.get('Retry-After');
  if (!value) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
