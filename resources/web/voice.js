/** Voice of this page: whether the browser can do it at all, its audio context, talking and listening. */

import { DECODING, Listening } from './listening.js';
import { Microphone } from './microphone.js';
import { ENCODING, Talking } from './talking.js';

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

  /** Begin to listen. Call it from a click or a key, since browsers let no page sound without one. */
  async start() {
    if (!this.#context) {
      this.#context = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
      this.#context.addEventListener('statechange', this.#changed);
      await this.#context.audioWorklet.addModule('/playback.worklet.js');
      this.listening = new Listening(this.#context);
    }
    await this.#context.resume();
    this.#sounding = true;
  }

  /** Ask for the microphone; after `start`. */
  openMicrophone() {
    return this.microphone.open(this.#context);
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
