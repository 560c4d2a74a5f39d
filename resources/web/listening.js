/** Received voice frames made audible: one decoder, one playback buffer and one volume for each speaker. */

import { END, START } from './frame.js';

export const DECODING = { codec: 'opus', sampleRate: 48000, numberOfChannels: 1 };

/** How long frames of an ssrc that no member has yet are played, in ms (protocol.md section 6: up to 1 s). */
const UNNAMED = 1000;
const MOST_UNNAMED = 16;
/** The longest loss that silence replaces, in samples; a longer one is a pause. */
const LONGEST_GAP = 4800;
const DECODER_QUEUE = 25;
const WINDOW = 50;
const WINDOWS_KEPT = 1200; // a minute

export class Listening {
  counts = { received: 0, strays: 0 };
  #context;
  #speakers = new Map();
  #named = new Map();
  #strange = new Map(); // ssrc of nobody known -> whether its second is not over

  /** `context`: an AudioContext of 48 kHz in which `playback.worklet.js` is loaded. */
  constructor(context) {
    this.#context = context;
  }

  /** Somebody may be heard as `ssrc`, at `volume` (1 as sent). */
  name(ssrc, volume) {
    this.#named.set(ssrc, volume);
    this.#strange.delete(ssrc);
    this.#speakers.get(ssrc)?.setVolume(volume);
  }

  /** Nobody is `ssrc` any more. */
  forget(ssrc) {
    this.#named.delete(ssrc);
    this.#close(ssrc);
  }

  /** Nobody is heard any more, as after leaving the room. */
  clear() {
    for (const ssrc of [...this.#speakers.keys()]) this.#close(ssrc);
    this.#named.clear();
    this.#strange.clear();
  }

  /** Nothing more of what has come is heard, as when the person wants to hear nobody. */
  quiet() {
    for (const ssrc of [...this.#speakers.keys()]) this.#close(ssrc);
  }

  /** Take one frame, as `unpack` gives it. */
  take(frame) {
    this.counts.received += 1;
    if (!this.#named.has(frame.ssrc) && !this.#admit(frame.ssrc)) {
      this.counts.strays += 1;
      return;
    }
    let speaker = this.#speakers.get(frame.ssrc);
    if (!speaker) {
      speaker = new Speaker(this.#context, this.#named.get(frame.ssrc) ?? 1);
      this.#speakers.set(frame.ssrc, speaker);
    }
    speaker.take(frame);
  }

  /** Counters and loudness of everybody heard, by ssrc. */
  stats() {
    return new Map([...this.#speakers].map(([ssrc, speaker]) => [ssrc, speaker.stats()]));
  }

  #admit(ssrc) {
    const known = this.#strange.get(ssrc);
    if (known !== undefined) return known;
    if (this.#strange.size >= MOST_UNNAMED) this.#strange.delete(this.#strange.keys().next().value);
    this.#strange.set(ssrc, true);
    setTimeout(() => {
      if (!this.#strange.has(ssrc)) return;
      this.#strange.set(ssrc, false);
      this.#close(ssrc);
    }, UNNAMED);
    return true;
  }

  #close(ssrc) {
    this.#speakers.get(ssrc)?.close();
    this.#speakers.delete(ssrc);
  }
}

class Speaker {
  #counts = { received: 0, decoded: 0, lost: 0, errors: 0, underruns: 0 };
  #wait = 60;
  #windows = [];
  #origin;
  #node;
  #gain;
  #decoder = null;
  #marks = [];
  #timestamp = 0;
  #next = null;

  constructor(context, volume) {
    this.#origin = performance.timeOrigin + performance.now() - context.currentTime * 1000;
    this.#node = new AudioWorkletNode(context, 'playback', { numberOfInputs: 0, outputChannelCount: [1] });
    this.#gain = new GainNode(context, { gain: volume });
    this.#node.connect(this.#gain).connect(context.destination);
    this.#node.port.onmessage = ({ data }) => this.#report(data);
  }

  setVolume(volume) {
    // A short ramp: a step in the gain clicks.
    this.#gain.gain.setTargetAtTime(volume, this.#gain.context.currentTime, 0.02);
  }

  take({ flags, samples, seq, ts, payload }) {
    this.#counts.received += 1;
    const start = Boolean(flags & START);
    let gap = 0;
    if (this.#next && !start) {
      this.#counts.lost += (seq - this.#next.seq) & 0x7fff;
      const missing = (ts - this.#next.ts) >>> 0;
      if (missing <= LONGEST_GAP) gap = missing;
    }
    this.#next = { seq: (seq + 1) & 0xffff, ts: (ts + samples) >>> 0 };
    this.#decode(payload, samples, { start, gap, end: Boolean(flags & END) });
  }

  close() {
    this.#node.port.onmessage = null;
    this.#node.port.postMessage({ stop: true });
    this.#node.disconnect();
    this.#gain.disconnect();
    if (this.#decoder && this.#decoder.state !== 'closed') this.#decoder.close();
  }

  stats() {
    return {
      ...this.#counts,
      wait_ms: this.#wait,
      volume: this.#gain.gain.value,
      loudness: this.#windows.map(([window, rms]) => [Math.round(this.#origin + window * WINDOW), rms]),
    };
  }

  #decode(payload, samples, mark) {
    if (this.#decoder?.state !== 'configured') {
      this.#marks = [];
      this.#decoder = new AudioDecoder({ output: (data) => this.#decoded(data), error: () => (this.#counts.errors += 1) });
      this.#decoder.configure(DECODING);
    }
    if (this.#decoder.decodeQueueSize > DECODER_QUEUE) return;
    this.#marks.push(mark);
    this.#decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: this.#timestamp, data: payload }));
    this.#timestamp += (samples * 1000) / 48;
  }

  #decoded(data) {
    this.#counts.decoded += 1;
    const pcm = new Float32Array(data.numberOfFrames);
    data.copyTo(pcm, { planeIndex: 0, format: 'f32-planar' });
    data.close();
    this.#node.port.postMessage({ ...this.#marks.shift(), pcm }, [pcm.buffer]);
  }

  #report({ windows, underruns, wait }) {
    this.#windows = [...this.#windows, ...windows].slice(-WINDOWS_KEPT);
    this.#counts.underruns = underruns;
    this.#wait = wait;
  }
}
