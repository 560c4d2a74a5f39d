/** What one writes, from the composer until a node has confirmed it; what is written without a connection waits. */

import { Lost } from './connection.js';

export class Texts {
  #chat;
  #outbox;
  #request;
  #isLive;
  #changed;
  #paced;
  #serial = 0;
  #pause = null;

  /**
   * `request(type, fields, id)` asks the node; `isLive()`: whether it takes requests now; `changed(line)`: a line of
   * `chat` has another fate, or null where the text is in a room that is not shown any more; `paced(ms)`: the node
   * takes none for so long.
   */
  constructor({ chat, outbox, request, isLive, changed, paced }) {
    this.#chat = chat;
    this.#outbox = outbox;
    this.#request = request;
    this.#isLive = isLive;
    this.#changed = changed;
    this.#paced = paced;
  }

  /** Write `text` to `to`, or to `room` where that is null; returns the line, which is `sending`. */
  say({ text, to, room, author }) {
    // A duplicated tab has the same session: its numbers must be others.
    const id = `${PAGE}-${++this.#serial}`;
    const line = this.#chat.compose({ id, at: Date.now(), ...author, text, to });
    this.#outbox.add(to ? { id, text, to: to.session } : { id, text, room });
    return line;
  }

  /** Try a text again whose fate was bad, or not known: under its own id, so that nobody sees it twice. */
  again(line, room) {
    const { id, text, to } = line;
    this.#outbox.add(to ? { id, text, to: to.session } : { id, text, room });
    this.#settle(id, 'sending');
    this.send();
  }

  /** Repeat all that has no answer, in order, as after each resume. */
  repeat() {
    this.#outbox.again();
    for (const { id } of this.#outbox.toJSON()) this.#settle(id, 'sending');
    this.send();
  }

  /** The session is a new one, and `chat` has its history: what the old one could still say is sent, the rest is said anew. */
  moveTo(session) {
    for (const { id } of this.#outbox.toJSON()) {
      const line = this.#chat.own(id);
      if (line?.fate === 'sent') this.#outbox.remove(id);
      else if (line) this.#chat.readdress(line, session);
    }
  }

  /** Send what is due, if a node takes it now. */
  send() {
    if (!this.#isLive() || this.#pause !== null) return;
    for (const text of this.#outbox.due()) this.#deliver(text);
  }

  async #deliver({ id, text, to, room }) {
    try {
      await (to ? this.#request('whisper', { to: { session: to }, text }, id) : this.#request('say', { room, text }, id));
      this.#outbox.remove(id);
      this.#settle(id, 'sent');
    } catch (error) {
      // Without a connection it waits, and is repeated.
      if (!(error instanceof Lost)) this.#refused(id, error);
    }
  }

  #refused(id, error) {
    if (error.code === 'rate_limited' && error.retryAfter) {
      this.#outbox.again(id);
      this.#paced(error.retryAfter);
      this.#pause ??= setTimeout(() => {
        this.#pause = null;
        this.send();
      }, error.retryAfter);
    } else if (error.code === 'unavailable') {
      this.#settle(id, 'unknown', 'Not confirmed: it may not have arrived.');
    } else {
      this.#outbox.remove(id);
      this.#settle(id, 'unsent', `Not sent: ${error.message}`);
    }
  }

  #settle(id, fate, reason = '') {
    const line = this.#chat.own(id);
    if (line) this.#chat.settle(line, fate, reason);
    this.#changed(line ?? null);
  }
}

const PAGE = [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
