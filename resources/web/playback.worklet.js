/**
 * One speaker's samples, played after a short wait that grows when the network stalls and shrinks when it is calm.
 *
 * In: `{pcm}` samples at 48 kHz, `{gap}` lost samples to replace by silence, `{start}` and `{end}` of a talkspurt,
 * `{stop}` when nothing follows any more.
 * Out, twice a second while there is something to tell: `{windows: [[window, rms]...], underruns, wait}`, where a
 * window is 50 ms of the context's clock; a window that is absent was silent.
 */

const MS = 48;
const RING = 1000 * MS;
const WAIT_FIRST = 60 * MS;
const WAIT_LEAST = 40 * MS;
const WAIT_MOST = 200 * MS;
const WAIT_STEP = 20 * MS;
const CALM = 30000 * MS;
const EXCESS = 80 * MS;
const WINDOW = 50 * MS;
const REPORT = 500 * MS;

class Playback extends AudioWorkletProcessor {
  #ring = new Float32Array(RING);
  #read = 0;
  #held = 0;
  #wait = WAIT_FIRST;
  #playing = false;
  #ended = true;
  #waited = 0;
  #calm = 0;
  #underruns = 0;
  #sum = 0;
  #window = -1;
  #windows = [];
  #reported = 0;
  #running = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#take(data);
  }

  #take({ start, pcm, gap, end, stop }) {
    if (stop) this.#running = false;
    if (start) {
      // The pause between two talkspurts is the one place where a cut is not heard.
      this.#trim(this.#wait);
      this.#ended = false;
    }
    if (gap) this.#push(new Float32Array(gap));
    if (pcm) this.#push(pcm);
    if (this.#held > this.#wait + EXCESS) this.#trim(this.#wait);
    if (end) this.#ended = true;
  }

  #push(samples) {
    for (const sample of samples) this.#ring[(this.#read + this.#held++) % RING] = sample;
    if (this.#held > RING) this.#trim(RING);
  }

  #trim(most) {
    const excess = Math.max(0, this.#held - most);
    this.#read = (this.#read + excess) % RING;
    this.#held -= excess;
  }

  process(_, [[out]]) {
    if (!this.#playing && this.#held > 0) {
      this.#waited += out.length;
      // A talkspurt shorter than the wait must be heard too.
      this.#playing = this.#held >= this.#wait || this.#ended || this.#waited > 2 * this.#wait;
    }
    if (this.#playing) this.#play(out);
    this.#measure(out);
    return this.#running;
  }

  #play(out) {
    const count = Math.min(out.length, this.#held);
    for (let index = 0; index < count; index++) out[index] = this.#ring[(this.#read + index) % RING];
    this.#read = (this.#read + count) % RING;
    this.#held -= count;
    this.#calm += count;
    if (this.#calm >= CALM) {
      this.#wait = Math.max(WAIT_LEAST, this.#wait - WAIT_STEP);
      this.#calm = 0;
    }
    if (this.#held > 0) return;
    this.#playing = false;
    this.#waited = 0;
    if (this.#ended) return;
    this.#underruns += 1;
    this.#wait = Math.min(WAIT_MOST, this.#wait + WAIT_STEP);
    this.#calm = 0;
  }

  #measure(out) {
    const window = Math.floor(currentFrame / WINDOW);
    if (window !== this.#window) {
      if (this.#sum > 0) this.#windows.push([this.#window, Math.sqrt(this.#sum / WINDOW)]);
      this.#window = window;
      this.#sum = 0;
    }
    for (const sample of out) this.#sum += sample * sample;
    if (currentFrame - this.#reported < REPORT || this.#windows.length === 0) return;
    this.port.postMessage({ windows: this.#windows, underruns: this.#underruns, wait: this.#wait / MS });
    this.#windows = [];
    this.#reported = currentFrame;
  }
}

registerProcessor('playback', Playback);
