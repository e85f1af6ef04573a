// Requests with a time limit, and answers that are not a success.

const TIMEOUT_MS = 15_000;

/** An answer that is not a success, or none at all (`status` 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} detail for people
   * @param {number} [retryAfter] milliseconds the server asked for
   * @param {string} [code] for programs
   */
  constructor(status, detail, retryAfter = 0, code = '') {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.retryAfter = retryAfter;
    this.code = code;
  }

  /** Whether the same request can never succeed. 408, 425 and 429 only say "not now". */
  get final() {
    return this.status >= 400 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/**
 * @param {string} url
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} a success
 * @throws {Problem}
 */
export async function request(url, init) {
  let response;
  try {
    response = await fetch(url, { ...init, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Problem(0, 'The server cannot be reached.');
  }
  if (response.ok) return response;
  const { detail, code } = await explanation(response);
  throw new Problem(response.status, detail, retryAfter(response), code);
}

/** @param {unknown} error @returns {string} what to tell the person at the screen */
export function faultOf(error) {
  return error instanceof Problem ? error.message : 'Something went wrong.';
}

/** @param {Response} response */
async function explanation(response) {
  const fallback = `The server answered ${response.status}.`;
  try {
    const problem = await response.json();
    const detail = problem.errors?.[0]?.detail || problem.detail || problem.title || fallback;
    return { detail: sentence(String(detail)), code: String(problem.code ?? '') };
  } catch {
    return { detail: fallback, code: '' };
  }
}

/** Services explain in fragments, people read sentences. @param {string} words */
function sentence(words) {
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.!?…]$/.test(words) ? '' : '.');
}

/** Seconds or a date (RFC 9110, section 10.2.3). @param {Response} response */
function retryAfter(response) {
  const value = response.headers.get('Retry-After');
  if (!value) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
