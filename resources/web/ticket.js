/** What makes this page the same session again, at whatever node: the resume token and all that belongs to it; pure. */

import { Cursors } from './cursors.js';

export class Ticket {
  name;
  /** Of the session that it stands for, as `welcome` told them; null before. */
  session = null;
  user = null;
  role = null;
  /** The rooms that a moderator is limited to; null: none in particular. */
  scope = null;
  node = null;
  limits = null;
  urls = [];
  /** The room that the session is in; empty: none yet. */
  room = '';
  /** The session went on in another tab or window, and must not be taken from there unasked. */
  elsewhere = false;
  #resume = '';
  #resumeSeconds = 0;
  #n = 0;
  #seen = 0;
  #cursors = new Cursors();

  constructor(name) {
    this.name = name;
  }

  /** The ticket in `kept`, as `toJSON` gave it; null where there is none that is good at `now`, in ms since 1970. */
  static from(kept, now) {
    if (!kept?.resume || now - kept.seen > kept.resumeSeconds * 1000) return null;
    const ticket = new Ticket(kept.name);
    const { session, user, role, scope, node, limits, urls, room, elsewhere } = kept;
    Object.assign(ticket, { session, user, role, scope, node, limits, urls, room, elsewhere });
    ticket.#resume = kept.resume;
    ticket.#resumeSeconds = kept.resumeSeconds;
    ticket.#n = kept.n;
    ticket.#seen = kept.seen;
    ticket.#cursors = new Cursors(kept.cursors);
    return ticket;
  }

  /** Take any text message of the node that came at `now`. */
  take(message, now) {
    this.#seen = now;
    if (message.type === 'welcome') this.#begin(message);
    if (message.type === 'welcome' || message.type === 'resume_token') this.#resume = message.resume;
    if (message.urls) this.urls = message.urls;
    this.#cursors.see(message);
  }

  /** The hello to say at `now`: the session again, or a new one as the same user, so that others keep its volume. */
  hello(now) {
    // The higher number wins where two pages are the same session.
    this.#n = Math.max(now, this.#n + 1);
    const hello = { client: 'web/1.0', n: this.#n };
    if (this.#resume) return { ...hello, resume: this.#resume, cursors: this.#cursors.toJSON(), rooms: this.room ? [this.room] : [] };
    return this.user ? { ...hello, name: this.name, user: this.user } : { ...hello, name: this.name };
  }

  /** The session is over: the next hello begins another. */
  end() {
    this.#resume = '';
    this.#cursors = new Cursors();
  }

  toJSON() {
    const { name, session, user, role, scope, node, limits, urls, room, elsewhere } = this;
    return {
      name, session, user, role, scope, node, limits, urls, room, elsewhere,
      resume: this.#resume, resumeSeconds: this.#resumeSeconds, n: this.#n, seen: this.#seen, cursors: this.#cursors,
    };
  }

  #begin({ session, user, name, role, scope = null, node, limits, resume_seconds: seconds }) {
    Object.assign(this, { session, user, name, role, scope, node, limits });
    this.#resumeSeconds = seconds;
  }
}
