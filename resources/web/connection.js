/** The conversation with the cluster: socket, hello, requests with answers, and another node when a socket is lost. */

import { Backoff } from './backoff.js';

/** How long a node may take to accept a socket, to answer, and to say anything on its way to `live`, in ms. */
const TO_OPEN = 4000;
const TO_ANSWER = 10000;
const TO_GO_LIVE = 15000;
/** A connection without a word for so long is asked whether it still lives, and has so long to answer. */
const QUIET = 10000;
const TO_PROVE = 4000;
const STEADY = 5000;
const VOICE_BACKLOG = 4096;

/** Close codes after which the client does not come back by itself (protocol.md section 8). */
const FINAL = new Set([1000, 4400, 4401, 4403, 4409]);
const SESSION_OVER = 4410;

/** The node answered a request by an error; `message` is its plain sentence. */
export class Refused extends Error {
  constructor({ code, message, field, retry_after_ms: retryAfter = 0 }) {
    super(message);
    this.code = code;
    this.field = field;
    this.retryAfter = retryAfter;
  }
}

/** No answer came; the request may have arrived. */
export class Lost extends Error {
  constructor() {
    super('The connection was lost.');
  }
}

export class Connection {
  /** `new`, `connecting`, `open`, `lost` or `ended`. */
  state = 'new';
  /** Whether the node takes requests: it has sent all that was missed. */
  isLive = false;
  #home;
  #urls;
  #place = 0;
  #backoff = new Backoff();
  #openedAt = 0;
  #triedAt = 0;
  #heardAt = 0;
  #hello;
  #probe;
  #events;
  #refusal = null;
  #socket = null;
  #coming = null; // another socket, which takes over as soon as it is open
  #isTold = false;
  #timer = null;
  #watch = null;
  #pending = new Map();
  #held = [];
  #next = 1;

  /**
   * `home`: the first URL, `urls`: others that are known. `hello()`: the fields of the next hello. `probe()`: type and
   * fields of a request that changes nothing. `events`: `opened(welcome)`, `live()`, `message(object)`,
   * `voice(ArrayBuffer)`, `heard(object)` (every text message, before anything else), `lost()`, `over()` (the session
   * is; the next hello begins another) and `ended(code, reason, refusal)` (`refusal`: the Refused that came before, or
   * null).
   */
  constructor({ home, urls = [], hello, probe, events }) {
    this.#home = home;
    this.#urls = [home];
    this.#setUrls(urls);
    this.#hello = hello;
    this.#probe = probe;
    this.#events = events;
  }

  /** Connect; comes back to a node by itself until `close` or a final close code. */
  open() {
    this.state = 'connecting';
    this.#watch = setInterval(() => performance.now() - this.#heardAt > QUIET && this.#prove(), QUIET / 2);
    this.#connect();
  }

  /** Leave for good: the session ends at once. */
  close() {
    this.#end();
    const socket = this.#drop();
    socket?.close(1000, 'bye');
  }

  /** Something has changed, as when the network is back: try now instead of after the wait, and trust no silence. */
  hurry() {
    if (this.state === 'open') this.#prove();
    else if (this.state === 'lost' && this.#socket === null) this.#connect();
    else if (this.state === 'lost' && performance.now() - this.#triedAt > TO_OPEN / 4) this.#drop().close(), this.#connect();
  }

  /**
   * Ask the node; resolves with its answer, rejects with Refused or Lost. `id` where the caller names it. What is asked
   * before the node takes requests waits until it does.
   */
  request(type, fields, id = this.#next++) {
    if (this.state !== 'open') return Promise.reject(new Lost());
    if (this.isLive) return this.#ask(type, fields, id);
    return new Promise((resolve, reject) => this.#held.push({ type, fields, id, resolve, reject }));
  }

  /** Send one voice frame, or drop it where the network does not keep up. Returns whether it was sent. */
  sendVoice(bytes) {
    if (this.state !== 'open' || this.#socket.bufferedAmount > VOICE_BACKLOG) return false;
    this.#socket.send(bytes);
    return true;
  }

  #connect() {
    this.#socket = this.#dial(this.#urls[this.#place]);
    this.#triedAt = performance.now();
    this.#expect(TO_OPEN);
  }

  #dial(url) {
    const socket = new WebSocket(url, 'switchboard.v1');
    socket.binaryType = 'arraybuffer';
    const ours = (handle) => (event) => socket === this.#socket && handle(event);
    socket.addEventListener('open', () => {
      if (socket === this.#coming) this.#changeOver();
      if (socket === this.#socket) this.#greet();
    });
    socket.addEventListener('message', ours(({ data }) => this.#receive(data)));
    socket.addEventListener('close', ours(({ code, reason }) => this.#closed(code, reason)));
    socket.addEventListener('close', () => socket === this.#coming && (this.#coming = null));
    return socket;
  }

  /** The node asks to go: it serves this page until another is ready, so that nothing is heard of it. */
  #move() {
    this.#coming ??= this.#dial(this.#urls[(this.#place + 1) % this.#urls.length]);
  }

  #changeOver() {
    const old = this.#drop();
    this.#socket = this.#coming;
    this.#coming = null;
    this.#place = Math.max(0, this.#urls.indexOf(this.#socket.url));
    this.state = 'lost';
    // Its node closes it when the session is here: closed before, it would be lost for a moment.
    setTimeout(() => old.close(), TO_ANSWER);
  }

  async #greet() {
    clearTimeout(this.#timer);
    try {
      const welcome = await this.#ask('hello', this.#hello(), this.#next++);
      this.#openedAt = performance.now();
      this.state = 'open';
      this.#isTold = false;
      this.isLive = welcome.recovered === null;
      if (!this.isLive) this.#expect(TO_GO_LIVE);
      this.#events.opened(welcome);
    } catch (error) {
      if (error instanceof Refused) this.#refused(error);
      else if (!(error instanceof Lost)) throw error;
    }
  }

  #refused(error) {
    if (error.code === 'rate_limited') this.#after(error.retryAfter, () => this.#greet());
    else if (error.code === 'unavailable') this.#abandon();
    else if (error.code === 'unauthorized' || error.code === 'banned') {
      // What it means the close says that follows.
      this.#refusal = error;
      this.#expect(TO_ANSWER);
    } else {
      this.close();
      this.#events.ended(4400, error.message, error);
    }
  }

  #ask(type, fields, id, patience = TO_ANSWER) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#abandon(), patience);
      this.#pending.set(id, { resolve, reject, timer });
      this.#socket.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  /** Go on elsewhere where the node does not answer: a socket may be dead for minutes before a browser knows. */
  #prove() {
    if (!this.isLive) return;
    const { type, ...fields } = this.#probe();
    this.#ask(type, fields, this.#next++, TO_PROVE).catch(() => {});
  }

  #receive(data) {
    this.#heardAt = performance.now();
    if (typeof data !== 'string') return this.#events.voice(data);
    const message = JSON.parse(data);
    this.#events.heard(message);
    if (message.urls) this.#setUrls(message.urls);
    if (message.type === 'urls' && this.isLive) clearTimeout(this.#timer); // who was asked to go may stay
    if (message.type === 'live') return this.#goLive();
    if (this.state === 'open' && !this.isLive) this.#expect(TO_GO_LIVE);
    if (message.type === 'going_away' && message.urls.length > 0) this.#after(Math.random() * message.after_ms, () => this.#move());
    const asked = this.#pending.get(message.id);
    if (!asked || !ANSWERS.has(message.type)) return this.#events.message(message);
    this.#pending.delete(message.id);
    clearTimeout(asked.timer);
    if (message.type === 'error') asked.reject(new Refused(message));
    else asked.resolve(message);
  }

  #goLive() {
    clearTimeout(this.#timer);
    this.isLive = true;
    this.#events.live();
    for (const { type, fields, id, resolve, reject } of this.#held.splice(0)) this.#ask(type, fields, id).then(resolve, reject);
  }

  /** Go on without this socket, at once: do not wait until it knows that it is lost. */
  #abandon() {
    const socket = this.#socket;
    if (socket === null) return;
    this.#closed(1006, '');
    socket.close();
  }

  #closed(code, reason) {
    if (this.state === 'open' && performance.now() - this.#openedAt > STEADY) this.#backoff.reset();
    const refusal = this.#refusal;
    this.#drop();
    if (FINAL.has(code)) {
      this.#end();
      this.#events.ended(code, refusal?.message ?? reason, refusal);
      return;
    }
    if (code === SESSION_OVER) this.#events.over();
    else this.#place = (this.#place + 1) % this.#urls.length;
    this.state = 'lost';
    if (!this.#isTold) this.#events.lost();
    this.#isTold = true;
    this.#retry(this.#backoff.next());
  }

  #retry(wait) {
    // Not by a timer where it can be at once: those of a page in the background are late.
    if (this.#coming) this.#adopt();
    else if (wait === 0) this.#connect();
    else this.#after(wait, () => this.#connect());
  }

  /** The socket that is on its way is waited for: there is no other any more. */
  #adopt() {
    this.#socket = this.#coming;
    this.#coming = null;
    this.#triedAt = performance.now();
    this.#expect(TO_OPEN);
  }

  #expect(ms) {
    this.#after(ms, () => this.#abandon());
  }

  #after(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#refusal = null;
    this.isLive = false;
    clearTimeout(this.#timer);
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new Lost());
    }
    this.#pending.clear();
    for (const { reject } of this.#held.splice(0)) reject(new Lost());
    return socket;
  }

  #end() {
    this.state = 'ended';
    this.#coming?.close();
    this.#coming = null;
    clearInterval(this.#watch);
  }

  #setUrls(urls) {
    const current = this.#urls[this.#place];
    this.#urls = [...new Set([this.#home, ...urls])];
    this.#place = Math.max(0, this.#urls.indexOf(current));
  }
}

const ANSWERS = new Set(['welcome', 'joined', 'left', 'sent', 'ok', 'done', 'error']);
