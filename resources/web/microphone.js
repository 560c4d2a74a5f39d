/** The microphone: asks for it, says why there is none, and hands over its 20 ms blocks. */

const WANTED = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

const OBSTACLES = { NotAllowedError: 'refused', SecurityError: 'refused', NotFoundError: 'absent', OverconstrainedError: 'absent' };

export class Microphone {
  /** `off`, `asking`, `ready`, or why not: `refused`, `absent`, `busy`. */
  state = 'off';
  #block;
  #changed;
  #stream = null;
  #source = null;
  #capture = null;
  #context = null;
  #attempt = 0;

  /** `block({pcm, rms})` is called every 20 ms while it is ready, `changed()` after each change of `state`. */
  constructor({ block, changed }) {
    this.#block = block;
    this.#changed = changed;
  }

  /** Ask the person for the microphone; `context` is the running audio context. */
  async open(context) {
    this.close();
    const attempt = ++this.#attempt;
    this.#become('asking');
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: WANTED });
      if (attempt !== this.#attempt) return stopTracks(stream);
      this.#stream = stream;
      stream.getAudioTracks()[0].addEventListener('ended', () => this.#lose());
      await this.#connect(context);
      if (attempt === this.#attempt) this.#become('ready');
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.close();
      this.#become(OBSTACLES[error.name] ?? 'busy');
    }
  }

  /** Let go of the microphone, so that the browser's recording mark goes out. */
  close() {
    this.#attempt += 1;
    this.#capture?.port.postMessage('stop');
    this.#source?.disconnect();
    this.#context?.close();
    if (this.#stream) stopTracks(this.#stream);
    this.#capture = this.#source = this.#context = this.#stream = null;
    this.#become('off');
  }

  async #connect(context) {
    try {
      this.#source = context.createMediaStreamSource(this.#stream);
    } catch (error) {
      if (error.name !== 'NotSupportedError') throw error;
      // Some browsers refuse a microphone whose rate is not the context's: the worklet resamples then.
      context = this.#context = new AudioContext({ latencyHint: 'interactive' });
      this.#source = context.createMediaStreamSource(this.#stream);
    }
    const source = this.#source;
    await context.audioWorklet.addModule('/capture.worklet.js');
    if (source !== this.#source) return;
    this.#capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
    this.#capture.port.onmessage = ({ data }) => this.#stream && this.#block(data);
    source.connect(this.#capture);
  }

  #lose() {
    this.close();
    this.#become('absent');
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.#changed();
  }
}

function stopTracks(stream) {
  for (const track of stream.getTracks()) track.stop();
}
