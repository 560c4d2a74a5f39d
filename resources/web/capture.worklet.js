/** The microphone as 20 ms blocks of 48 kHz mono with their loudness, whatever rate the context has, until any message. */

const BLOCK = 960;
const RATE = 48000;

class Capture extends AudioWorkletProcessor {
  #block = new Float32Array(BLOCK);
  #filled = 0;
  #step = sampleRate / RATE;
  #position = 0; // of the next output sample, in input samples after #last
  #last = 0;
  #running = true;

  constructor() {
    super();
    this.port.onmessage = () => (this.#running = false);
  }

  process([[mono]]) {
    if (mono && this.#step === 1) for (const sample of mono) this.#push(sample);
    else if (mono) this.#resample(mono);
    return this.#running;
  }

  #resample(mono) {
    const at = (index) => (index < 0 ? this.#last : mono[index]);
    let position = this.#position;
    for (; position < mono.length; position += this.#step) {
      const index = Math.floor(position) - 1;
      const share = position - Math.floor(position);
      this.#push(at(index) * (1 - share) + at(index + 1) * share);
    }
    this.#position = position - mono.length;
    this.#last = mono[mono.length - 1];
  }

  #push(sample) {
    this.#block[this.#filled++] = sample;
    if (this.#filled < BLOCK) return;
    let sum = 0;
    for (const value of this.#block) sum += value * value;
    const pcm = this.#block;
    this.port.postMessage({ pcm, rms: Math.sqrt(sum / BLOCK) }, [pcm.buffer]);
    this.#block = new Float32Array(BLOCK);
    this.#filled = 0;
  }
}

registerProcessor('capture', Capture);
