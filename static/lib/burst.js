/** How often a burst is shown. */
const PAUSE_MS = 100;

/**
 * Collects what comes: a lone item is handled at once, a burst once per pause, not once per item.
 * @template T
 */
export class Burst {
  #use;
  /** @type {T[]} */
  #items = [];
  #usedAt = -PAUSE_MS;

  /** @param {(items: T[]) => void} use */
  constructor(use) {
    this.#use = use;
  }

  /** @param {T} item */
  add(item) {
    this.#items.push(item);
    if (this.#items.length > 1) return;
    const wait = this.#usedAt + PAUSE_MS - performance.now();
    if (wait > 0) setTimeout(() => this.#flush(), wait);
    else this.#flush();
  }

  clear() {
    this.#items = [];
  }

  #flush() {
    this.#usedAt = performance.now();
    const items = this.#items;
    this.#items = [];
    if (items.length > 0) this.#use(items);
  }
}
