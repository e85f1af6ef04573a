/** How often a burst is shown, if that is easy. */
const PAUSE_MS = 100;
/** Of the time, showing bursts takes no more than one part of so many: the rest is for who writes and scrolls. */
const PARTS = 4;
/** However slow the page is, nothing waits for longer. */
const LONGEST_MS = 1_000;

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
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** Whether it is not known yet what the last one took. */
  #measures = false;

  /** @param {(items: T[]) => void} use */
  constructor(use) {
    this.#use = use;
  }

  /** @param {T} item */
  add(item) {
    this.#items.push(item);
    if (this.#timer === undefined) this.#flush();
  }

  clear() {
    this.#items = [];
  }

  #flush() {
    this.#timer = undefined;
    if (this.#items.length === 0) return;
    const now = performance.now();
    const wait = this.#usedAt + this.#pause - now;
    if (wait > 0) {
      this.#timer = setTimeout(() => this.#flush(), wait);
      return;
    }
    const items = this.#items;
    this.#items = [];
    this.#usedAt = now;
    this.#use(items);
    this.#measure(now);
  }

  /** Finds out what showing takes that began then, until it is drawn. @param {number} began */
  #measure(began) {
    // What nobody looks at is not drawn.
    if (this.#measures || globalThis.document?.hidden) return;
    this.#measures = true;
    (globalThis.requestAnimationFrame ?? setTimeout)(() => setTimeout(() => {
      this.#measures = false;
      const took = performance.now() - began;
      // Longer than anything takes, it has been hidden meanwhile.
      if (took < PARTS * LONGEST_MS) this.#pause = Math.min(Math.max(PARTS * took, PAUSE_MS), LONGEST_MS);
    }));
  }
}
