/** How often a burst is shown, if that is easy. */
const PAUSE_MS = 100;
/** Of the time, showing bursts takes no more than one part of so many: the rest is for who writes and scrolls. */
const PARTS = 4;
/** However slow the page is, nothing waits for longer. */
const LONGEST_MS = 1_000;

/** Calls back when all that has been asked for is done and drawn. @param {() => void} next */
const afterDrawing = (next) => (globalThis.requestAnimationFrame ?? setTimeout)(() => setTimeout(next));

/**
 * Collects what comes: a lone item is handled at once, a burst once per pause, not once per item. The
 * pause grows with what it takes to show one.
 * @template T
 */
export class Burst {
  #use;
  /** @type {T[]} */
  #items = [];
  #pause = PAUSE_MS;
  #usedAt = -PAUSE_MS;

  /** @param {(items: T[]) => void} use */
  constructor(use) {
    this.#use = use;
  }

  /** @param {T} item */
  add(item) {
    this.#items.push(item);
    if (this.#items.length === 1) this.#flush();
  }

  clear() {
    this.#items = [];
  }

  #flush() {
    const now = performance.now();
    const wait = this.#usedAt + this.#pause - now;
    if (wait > 0) {
      setTimeout(() => this.#flush(), wait);
      return;
    }
    const items = this.#items;
    this.#items = [];
    if (items.length === 0) return;
    this.#usedAt = now;
    this.#use(items);
    afterDrawing(() => {
      this.#pause = Math.min(Math.max(PARTS * (performance.now() - now), PAUSE_MS), LONGEST_MS);
    });
  }
}
