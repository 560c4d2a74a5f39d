/** From blocks of the microphone to voice frames on the wire: when to talk, encoding, sequence and clock. */

import { END, MAX_PAYLOAD, SILENCE, START, dbov, levelByte, pack } from './frame.js';
import { Gate, OPEN_DB } from './gate.js';

export const ENCODING = {
  codec: 'opus',
  sampleRate: 48000,
  numberOfChannels: 1,
  bitrate: 24000,
  bitrateMode: 'variable',
  // With usedtx the encoder leaves frames out but numbers the rest without a hole: silence is gated here instead.
  opus: { frameDuration: 20000, complexity: 5, application: 'voip', signal: 'voice', usedtx: false, useinbandfec: false },
};

const SAMPLES = 960;
/** Frames kept from before the gate opened, so that the first syllable is heard. */
const KEPT = 3;

export class Talking {
  /** `push`: while `pressed`; `open`: while the gate hears speech. */
  mode = 'push';
  pressed = false;
  muted = false;
  /** A moderator lets nobody hear it. */
  silenced = false;
  /** Whom it whispers to: a target that the node knows, or 0 for the room. */
  target = 0;
  /** Loudness of the last block in dBov. */
  level = -127;
  /** Between the first and the last frame of a talkspurt. */
  onAir = false;
  counts = { captured: 0, sent: 0, dropped: 0, errors: 0 };
  /** As whom it talks; null: to nobody. */
  ssrc = null;
  #send;
  #gate = new Gate();
  #encoder = null;
  #wanted = false;
  #queue = [];
  #kept = [];
  #airTarget = 0;
  #interrupted = false;
  #seq = 0;
  #ts = 0;

  /** `send(bytes)` returns whether the frame left; a frame that did not is lost, never late. */
  constructor({ send }) {
    this.#send = send;
  }

  /** Talk as `ssrc` from now on; null: to nobody. */
  speakAs(ssrc) {
    this.ssrc = ssrc;
    this.onAir = this.#wanted = false;
    this.#kept = [];
  }

  /** The connection is another: what was being said goes on in it, as a talkspurt of its own for those who listen. */
  carryOn() {
    this.#interrupted = true;
  }

  /** A moderator has muted this page here (`on`), or lets it be heard again. */
  silence(on) {
    this.silenced = on;
    if (on) this.speakAs(this.ssrc);
  }

  /** Take 20 ms of the microphone. Every block is encoded, so that the encoder's state fits whenever talk begins. */
  take({ pcm, rms }) {
    this.counts.captured += 1;
    this.level = dbov(rms);
    const heard = this.#gate.step(this.level);
    const allowed = this.ssrc !== null && !this.muted && !this.silenced;
    const { target } = this;
    const wanted = allowed && (target > 0 || (this.mode === 'open' ? heard : this.pressed));
    this.#queue.push({
      ts: this.#ts,
      level: levelByte(this.level, heard || this.level >= OPEN_DB),
      target,
      wanted,
      last: this.#wanted && !wanted,
      keep: allowed && this.mode === 'open' && target === 0,
    });
    this.#wanted = wanted;
    this.#encode(pcm);
    this.#ts = (this.#ts + SAMPLES) >>> 0;
  }

  #encode(pcm) {
    if (this.#encoder?.state !== 'configured') {
      this.#queue.splice(0, this.#queue.length - 1);
      this.#encoder = new AudioEncoder({ output: (chunk) => this.#encoded(chunk), error: () => (this.counts.errors += 1) });
      this.#encoder.configure(ENCODING);
    }
    const timestamp = this.counts.captured * 20000;
    const data = new AudioData({ format: 'f32-planar', sampleRate: 48000, numberOfFrames: SAMPLES, numberOfChannels: 1, timestamp, data: pcm });
    this.#encoder.encode(data);
    data.close();
  }

  #encoded(chunk) {
    const frame = this.#queue.shift();
    frame.payload = new Uint8Array(chunk.byteLength);
    chunk.copyTo(frame.payload);
    // What is for another than before ends what was said to that one, and takes no syllable along.
    if (this.onAir && frame.wanted && frame.target !== this.#airTarget) this.#finish(frame);
    if (frame.wanted) {
      if (frame.target > 0) this.#kept = [];
      for (const early of this.#kept) this.#transmit(early, 0);
      this.#kept = [];
      this.#transmit(frame, 0);
    } else if (frame.last) {
      this.#finish(frame);
    } else {
      this.#kept = frame.keep ? [...this.#kept, frame].slice(-KEPT) : [];
    }
  }

  /** What was said after the key was let go, or after muting, is nobody's: the last frame is silence. */
  #finish({ ts }) {
    this.#transmit({ ts, level: 127, target: this.#airTarget, payload: SILENCE }, END);
  }

  #transmit({ ts, level, target, payload }, flags) {
    if (this.ssrc === null || this.silenced || payload.byteLength > MAX_PAYLOAD || (flags & END && !this.onAir)) return;
    if (!this.onAir || this.#interrupted) flags |= START;
    if (!this.#send(pack({ flags, level, ssrc: this.ssrc, seq: this.#seq, target, ts, payload }))) {
      this.counts.dropped += 1;
      if (flags & END) this.onAir = false;
      return;
    }
    this.#interrupted = false;
    this.#seq = (this.#seq + 1) & 0xffff;
    this.counts.sent += 1;
    this.onAir = !(flags & END);
    this.#airTarget = target;
  }
}
