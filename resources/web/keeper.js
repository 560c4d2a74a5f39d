/** Keeps what outlives a reload of the page, in the tab's own storage. */

const KEY = 'switchboard.session';
const SOON = 250;

export class Keeper {
  #gather;
  #timer = null;

  /**
   * `gather(brief)` gives what to keep: all in one piece, since cursors and the lines that they count must fit
   * together. `brief`: where there is little room.
   */
  constructor(gather) {
    this.#gather = gather;
  }

  /** What was kept; null where there is nothing, or nothing that can be read. */
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(KEY));
    } catch {
      return null;
    }
  }

  /** Keep what is, a little later: what comes in bursts is written once. An older state only makes a node send more again. */
  soon() {
    this.#timer ??= setTimeout(() => this.now(), SOON);
  }

  /** Keep what is, at once, as before something that must not happen unknown. */
  now() {
    this.#cancel();
    const kept = this.#gather(false);
    if (kept && !write(kept)) write(this.#gather(true));
  }

  forget() {
    this.#cancel();
    try {
      sessionStorage.removeItem(KEY);
    } catch {
      // A browser that lets this page keep nothing has nothing to forget.
    }
  }

  #cancel() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Returns whether there was room; a page without storage works, but is new after a reload. */
function write(kept) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}
