/** Slow mode: when this page may write to its room again, and how that is said; pure. */

export class Pace {
  #seconds = 0;
  #free = 0;

  /** The room lets everybody write once in so many seconds; 0: whenever they like. */
  set(seconds) {
    // What was said before the room was slow, or under another pace, only the node knows.
    if (seconds !== this.#seconds) this.#free = 0;
    this.#seconds = seconds;
  }

  /** Something was written at `now`, in ms since 1970. */
  write(now) {
    if (this.#seconds > 0) this.#free = now + this.#seconds * 1000;
  }

  /** The node takes nothing for so many milliseconds. */
  wait(ms, now) {
    if (this.#seconds > 0) this.#free = Math.max(this.#free, now + ms);
  }

  /** In how many whole seconds something may be written. */
  left(now) {
    return Math.max(0, Math.ceil((this.#free - now) / 1000));
  }

  /** What the composer says of it; empty where the room is not slow. `obstacle`: that nothing may be written yet. */
  words(now) {
    const left = this.left(now);
    if (left > 0) return { obstacle: `Slow mode: you can write again in ${spanOf(left)}.`, hint: '' };
    return { obstacle: '', hint: this.#seconds > 0 ? `Slow mode: one message in ${spanOf(this.#seconds)}.` : '' };
  }
}

/** Seconds as people say them. */
export function spanOf(seconds) {
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (minutes === 0) return `${seconds} s`;
  return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`;
}
