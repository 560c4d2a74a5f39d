/** How far this page has read each log of the cluster (protocol.md section 4); pure. */

/** More than so many a node does not take in a hello. */
const MOST = 1000;

export class Cursors {
  #places = new Map();

  constructor(places = {}) {
    this.merge(places);
  }

  /** A message of the node has come: take its place, if it has one, and the map that it carries, if any. */
  see({ origin, seq, cursors }) {
    if (typeof origin === 'string' && Number.isInteger(seq)) this.#reach(origin, seq);
    if (cursors) this.merge(cursors);
  }

  /** Take the maximum for each origin. */
  merge(places) {
    for (const [origin, seq] of Object.entries(places)) this.#reach(origin, seq);
  }

  /** The map for a hello; of too many the origins that moved last. */
  toJSON() {
    return Object.fromEntries([...this.#places].slice(-MOST));
  }

  #reach(origin, seq) {
    const known = this.#places.get(origin) ?? 0;
    if (this.#places.has(origin) && seq <= known) return;
    this.#places.delete(origin);
    this.#places.set(origin, Math.max(seq, known));
  }
}
