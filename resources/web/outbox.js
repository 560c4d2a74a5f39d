/** The texts that no node has confirmed yet, in the order in which they were written; pure. */

/** So many may wait: fewer than a node takes in one breath (protocol.md section 2), so that all can be repeated at once. */
export const MOST_WAITING = 50;

export class Outbox {
  #texts = new Map();

  /** Begin with texts that were kept, as `toJSON` gave them. */
  restore(texts) {
    this.clear();
    for (const text of texts) this.add(text);
  }

  get size() {
    return this.#texts.size;
  }

  get isFull() {
    return this.#texts.size >= MOST_WAITING;
  }

  /** A text `{id, text, room}`, or `{id, text, to}` for the session `to`, waits from now on; one that waits already stays where it is. */
  add(text) {
    const known = this.#texts.get(text.id);
    if (known) known.tried = false;
    else this.#texts.set(text.id, { ...text, tried: false });
  }

  /** What became of it is known: it waits no longer. */
  remove(id) {
    this.#texts.delete(id);
  }

  /** Those to send now, in order; they are handed out once, until `again`. */
  due() {
    const due = [...this.#texts.values()].filter(({ tried }) => !tried);
    for (const text of due) text.tried = true;
    return due.map(({ tried, ...text }) => text);
  }

  /** Another connection: all without an answer are due once more, or the one of this id. */
  again(id) {
    for (const text of this.#texts.values()) if (id === undefined || text.id === id) text.tried = false;
  }

  clear() {
    this.#texts.clear();
  }

  toJSON() {
    return [...this.#texts.values()].map(({ tried, ...text }) => text);
  }
}
