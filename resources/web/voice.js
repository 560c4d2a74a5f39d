/** Voice of this page: whether the browser can do it at all, its audio context, talking and listening. */

import { DECODING, Listening } from './listening.js';
import { Microphone } from './microphone.js';
import { ENCODING, Talking } from './talking.js';

/** How long a sound may be on its way out before the browser is thought to hold it back, in ms. */
const HELD_BACK = 1000;

/** Why this page can have no voice, in one sentence; empty where it can. */
export async function obstacle() {
  if (!window.isSecureContext) {
    return 'Voice is off because this page is not secure: browsers allow it only over https or on localhost.';
  }
  if (!(await opusWorks())) {
    return 'Voice is off because this browser has no Opus codec for pages; a current Chrome, Edge, Firefox or Safari has.';
  }
  return '';
}

async function opusWorks() {
  if (!('AudioEncoder' in window && 'AudioDecoder' in window && 'AudioWorkletNode' in window)) return false;
  const [encoder, decoder] = await Promise.all([
    AudioEncoder.isConfigSupported(ENCODING),
    AudioDecoder.isConfigSupported(DECODING),
  ]);
  return encoder.supported && decoder.supported;
}

export class Voice {
  talking;
  listening = null;
  microphone;
  #context = null;
  #loading = null;
  #sounding = false;
  #changed;

  /** `send(bytes)`: see `Talking`; `changed()`: microphone or sound changed; `block()`: 20 ms of microphone passed. */
  constructor({ send, changed, block }) {
    this.#changed = changed;
    this.talking = new Talking({ send });
    this.microphone = new Microphone({
      changed,
      block: (data) => {
        this.talking.take(data);
        block();
      },
    });
  }

  /** False where the browser has stopped the sound of this page, as phones do for a call. */
  get audible() {
    return !this.#sounding || this.#context.state === 'running';
  }

  /** Begin to listen. Call it from a click or a key: without one, as after a reload, a browser may wait for the first. */
  async start() {
    this.#loading ??= this.#load();
    await this.#loading;
    await Promise.race([this.#context.resume(), new Promise((go) => setTimeout(go, HELD_BACK))]);
    this.#sounding = true;
    this.#changed();
  }

  /** The person did something with the page: now the browser lets it sound. */
  wake() {
    if (!this.audible) this.#context.resume();
  }

  /** Ask for the microphone; after `start`. */
  openMicrophone() {
    return this.microphone.open(this.#context);
  }

  async #load() {
    this.#context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
    this.#context.addEventListener('statechange', this.#changed);
    await this.#context.audioWorklet.addModule('/playback.worklet.js');
    this.listening = new Listening(this.#context);
  }

  /** Talk as `ssrc` from now on, null: to nobody; where it is the one of before, what is being said goes on. */
  speakAs(ssrc) {
    if (ssrc !== null && ssrc === this.talking.ssrc) this.talking.carryOn();
    else this.talking.speakAs(ssrc);
  }

  /** Silence in both directions, microphone released. */
  stop() {
    this.talking.speakAs(null);
    this.microphone.close();
    this.listening?.clear();
    this.#sounding = false;
    this.#context?.suspend();
  }
}
