/** How long to wait before the next try to reach a node; pure. */

const LEAST = 200;
const MOST = 10000;

export class Backoff {
  #tries = 0;
  #random;

  /** `random()` gives 0 to 1, as Math.random does. */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** The wait before the next try in ms: none at first, then anywhere up to a limit that doubles, so that a whole room does not return as one. */
  next() {
    if (this.#tries++ === 0) return 0;
    const limit = Math.min(MOST, LEAST * 2 ** this.#tries);
    return LEAST + this.#random() * (limit - LEAST);
  }

  /** A connection held: the next loss is a first one again. */
  reset() {
    this.#tries = 0;
  }
}
