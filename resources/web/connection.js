/** The conversation with the cluster: socket, hello, requests with answers, and another node when a socket is lost. */

const PATIENCE = 10000;
const STEADY = 5000;
const RETRY_LEAST = 200;
const RETRY_MOST = 10000;
const VOICE_BACKLOG = 4096;

/** Close codes after which the client does not come back by itself (protocol.md section 8). */
const FINAL = new Set([1000, 4400, 4401, 4403, 4409]);

/** The node answered a request by an error; `message` is its plain sentence. */
export class Refused extends Error {
  constructor({ code, message, field }) {
    super(message);
    this.code = code;
    this.field = field;
  }
}

/** No answer came; `written` tells whether the request may have arrived. */
export class Lost extends Error {
  constructor(written) {
    super('The connection was lost.');
    this.written = written;
  }
}

export class Connection {
  /** `new`, `connecting`, `open`, `lost` or `ended`. */
  state = 'new';
  #home;
  #urls;
  #place = 0;
  #tries = 0;
  #openedAt = 0;
  #hello;
  #events;
  #socket = null;
  #timer = null;
  #pending = new Map();
  #next = 1;

  /**
   * `home`: the first URL. `hello()`: the fields of a hello. `events`: `opened(welcome)`, `message(object)`,
   * `voice(ArrayBuffer)`, `lost()` and `ended(code, reason, field)`.
   */
  constructor({ home, hello, events }) {
    this.#home = home;
    this.#urls = [home];
    this.#hello = hello;
    this.#events = events;
  }

  /** Connect; comes back to a node by itself until `close` or a final close code. */
  open() {
    this.state = 'connecting';
    this.#connect();
  }

  /** Leave for good: the session ends at once. */
  close() {
    this.state = 'ended';
    const socket = this.#drop();
    socket?.close(1000, 'bye');
  }

  /** Try again now instead of after the wait, as when the network is back. */
  hurry() {
    if (this.state === 'lost' && this.#socket === null) this.#connect();
  }

  /** Ask the node; resolves with its answer, rejects with Refused or Lost. `id` where the caller names it. */
  request(type, fields, id = this.#next++) {
    if (this.state !== 'open') return Promise.reject(new Lost(false));
    return this.#ask(type, fields, id);
  }

  /** Send one voice frame, or drop it where the network does not keep up. Returns whether it was sent. */
  sendVoice(bytes) {
    if (this.state !== 'open' || this.#socket.bufferedAmount > VOICE_BACKLOG) return false;
    this.#socket.send(bytes);
    return true;
  }

  #connect() {
    clearTimeout(this.#timer);
    const socket = this.#socket = new WebSocket(this.#urls[this.#place], 'switchboard.v1');
    socket.binaryType = 'arraybuffer';
    const ours = (handle) => (event) => socket === this.#socket && handle(event);
    socket.addEventListener('open', ours(() => this.#greet()));
    socket.addEventListener('message', ours(({ data }) => this.#receive(data)));
    socket.addEventListener('close', ours(({ code, reason }) => this.#closed(code, reason)));
    this.#timer = setTimeout(() => this.#abandon(), PATIENCE);
  }

  async #greet() {
    try {
      const welcome = await this.#ask('hello', this.#hello(), this.#next++);
      clearTimeout(this.#timer);
      this.#setUrls(welcome.urls);
      this.#openedAt = performance.now();
      this.state = 'open';
      this.#events.opened(welcome);
    } catch (error) {
      if (!(error instanceof Refused)) return;
      if (error.code === 'unavailable') return this.#abandon();
      this.close();
      this.#events.ended(error.code === 'unauthorized' ? 4401 : 4400, error.message, error.field);
    }
  }

  #ask(type, fields, id) {
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => this.#abandon(), PATIENCE);
      this.#pending.set(id, { resolve, reject, patience });
      this.#socket.send(JSON.stringify({ type, id, ...fields }));
    });
  }

  #receive(data) {
    if (typeof data !== 'string') return this.#events.voice(data);
    const message = JSON.parse(data);
    if (message.type === 'urls' || message.type === 'going_away') this.#setUrls(message.urls);
    if (message.type === 'going_away' && message.urls.length > 0) this.#moveWithin(message.after_ms);
    const asked = this.#pending.get(message.id);
    if (!asked || !ANSWERS.has(message.type)) return this.#events.message(message);
    this.#pending.delete(message.id);
    clearTimeout(asked.patience);
    if (message.type === 'error') asked.reject(new Refused(message));
    else asked.resolve(message);
  }

  /** The node asks its clients to go before it closes: not all of them in the same instant. */
  #moveWithin(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#abandon(), Math.random() * ms);
  }

  /** Go on without this socket, at once: do not wait until it knows that it is lost. */
  #abandon() {
    const socket = this.#socket;
    if (socket === null) return;
    this.#closed(1006, '');
    socket.close();
  }

  #closed(code, reason) {
    const steady = this.state === 'open' && performance.now() - this.#openedAt > STEADY;
    this.#drop();
    if (FINAL.has(code)) {
      this.state = 'ended';
      this.#events.ended(code, reason);
      return;
    }
    if (steady) this.#tries = 0;
    this.#place = (this.#place + 1) % this.#urls.length;
    this.#timer = setTimeout(() => this.#connect(), this.#wait());
    this.#tries += 1;
    const told = this.state === 'lost';
    this.state = 'lost';
    if (!told) this.#events.lost();
  }

  /** At once the first time, then anywhere up to a limit that doubles, so that a whole room does not return as one. */
  #wait() {
    if (this.#tries === 0) return 0;
    const limit = Math.min(RETRY_MOST, 400 * 2 ** this.#tries);
    return RETRY_LEAST + Math.random() * (limit - RETRY_LEAST);
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    for (const { reject, patience } of this.#pending.values()) {
      clearTimeout(patience);
      reject(new Lost(true));
    }
    this.#pending.clear();
    return socket;
  }

  #setUrls(urls) {
    const current = this.#urls[this.#place];
    this.#urls = [...new Set([this.#home, ...urls])];
    this.#place = Math.max(0, this.#urls.indexOf(current));
  }
}

const ANSWERS = new Set(['welcome', 'joined', 'left', 'sent', 'ok', 'done', 'error']);
