const FIRST_MS = 1_000;
const CAP_MS = 30_000;

/**
 * How long to wait before the next attempt: a random share of the time that it has not worked
 * already ("full jitter"). A whole crowd that lost its server at one instant comes back spread out,
 * the ceiling grows exponentially with the attempts, and nobody waits twenty seconds for a server
 * that was away for two.
 * @param {number} elapsed milliseconds since the first failure
 * @param {() => number} [random] a number in [0, 1)
 * @returns {number} milliseconds, below a ceiling between 1,000 and 30,000
 */
export function backoff(elapsed, random = Math.random) {
  return Math.round(random() * Math.min(CAP_MS, Math.max(FIRST_MS, elapsed)));
}
