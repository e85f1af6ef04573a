// Tells the service how far one has received and read, in few requests.

/** At most one request in this time. */
const PAUSE_MS = 1_000;

/** @typedef {import('./api.js').Receipt} Receipt */

export class Receipts {
  #send;
  /** @type {Map<string, Receipt>} what has not been told yet */
  #waiting = new Map();
  /** @type {Map<string, Receipt>} what has */
  #told = new Map();
  #running = false;

  /** @param {(receipts: Receipt[]) => Promise<unknown>} send */
  constructor(send) {
    this.#send = send;
  }

  /** @param {string} conversation @param {'read' | 'delivered'} what @param {number} seq */
  mark(conversation, what, seq) {
    const told = this.#told.get(conversation)?.[what] ?? 0;
    const waiting = this.#waiting.get(conversation);
    if (seq <= Math.max(told, waiting?.[what] ?? 0)) return;
    this.#waiting.set(conversation, { ...waiting, conversation_id: conversation, [what]: seq });
    this.#run();
  }

  /** The service can be reached again. */
  wake() {
    this.#run();
  }

  /** The page goes: what waits for its turn goes out now, or somebody who has read it has not. */
  flush() {
    const batch = [...this.#waiting.values()].slice(0, 100);
    this.#waiting.clear();
    if (batch.length > 0) this.#send(batch).catch(() => {});
  }

  /** Somebody else sits here now. */
  forget() {
    this.#waiting.clear();
    this.#told.clear();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting.size > 0) {
      // What comes in one go travels in one request.
      await Promise.resolve();
      const batch = [...this.#waiting.values()].slice(0, 100);
      for (const { conversation_id } of batch) this.#waiting.delete(conversation_id);
      try {
        if (batch.length > 0) await this.#send(batch);
        for (const each of batch) this.#told.set(each.conversation_id, { ...this.#told.get(each.conversation_id), ...each });
      } catch {
        // Markers only move forward: what was marked meanwhile is further.
        for (const each of batch) this.#waiting.set(each.conversation_id, { ...each, ...this.#waiting.get(each.conversation_id) });
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.#running = false;
  }
}
