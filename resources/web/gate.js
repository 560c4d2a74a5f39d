/** The gate of the open microphone: says for each 20 ms whether it holds speech; pure. */

export const OPEN_DB = -45;
export const CLOSE_DB = -50;
const FRAMES_TO_OPEN = 3;
const FRAMES_TO_CLOSE = 20; // 400 ms

export class Gate {
  open = false;
  #run = 0;

  /** Take the loudness of the next frame in dBov; returns whether the gate is open after it. */
  step(db) {
    const turns = this.open ? db < CLOSE_DB : db >= OPEN_DB;
    this.#run = turns ? this.#run + 1 : 0;
    if (this.#run >= (this.open ? FRAMES_TO_CLOSE : FRAMES_TO_OPEN)) {
      this.open = !this.open;
      this.#run = 0;
    }
    return this.open;
  }
}
