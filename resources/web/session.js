/** The session of this page: begins, goes on over lost connections and reloads, changes its room, and ends. */

import { Connection, Lost } from './connection.js';
import { guest, remember } from './guest.js';
import { Keeper } from './keeper.js';
import { Outbox } from './outbox.js';
import { Texts } from './texts.js';
import { Ticket } from './ticket.js';

/** Lines of the chat that outlive a reload, and those of them that must where a browser has little room. */
const KEPT = 300;
const KEPT_BRIEFLY = 50;

const OPENED_ELSEWHERE = 4409;
const NO_LONGER_HERE = 'You are no longer in this room.';

export class Session {
  /** Who it is and what it may; null: there is none. */
  ticket = null;
  /** The room that it is in, or is about to be in. */
  room = '';
  /** It is in its room, whether there is a connection just now or not. */
  isInside = false;
  #chat;
  #events;
  #alsoKept;
  #outbox = new Outbox();
  #texts;
  #keeper = new Keeper((brief) => this.#gather(brief));
  #connection = null;
  #probe;
  #token = '';
  #password = ''; // of its room; not kept, as a reload asks for none
  #before = null; // the session that the last hello asked for
  #isOver = false; // and that the node no longer had
  #isComplete = true;

  /**
   * `chat`: the lines of the room. `alsoKept()`: an object that outlives a reload too. `probe()`: see `Connection`.
   * `events`: `entered(joined, {isSame, isKept})` (`isSame`: it went on, or one like it did; `isKept`: the node still
   * knows what it was told), `gap()` (something that was said in its room is missing), `live(isComplete)` (`isComplete`:
   * nothing was missed), `lost()`, `message(object)`, `voice(ArrayBuffer)`, `fate(line)` (what became of a text; null:
   * of one that is not in `chat`), `paced(ms)` (the room takes no text for so long), `refused(error)` (the room is), `out(notice)`, `elsewhere()` and
   * `ended(code, reason, refusal)`.
   */
  constructor({ chat, alsoKept, probe, events }) {
    this.#chat = chat;
    this.#alsoKept = alsoKept;
    this.#probe = probe;
    this.#events = events;
    this.#texts = new Texts({
      chat,
      outbox: this.#outbox,
      request: (type, fields, id) => this.#connection.request(type, fields, id),
      isLive: () => this.isInside && this.isLive,
      paced: (ms) => events.paced(ms),
      changed: (line) => {
        this.#keeper.soon();
        events.fate(line);
      },
    });
  }

  /** `new`, or the state of its connection. */
  get state() {
    return this.#connection?.state ?? 'new';
  }

  /** Whether the node takes requests. */
  get isLive() {
    return this.#connection?.isLive ?? false;
  }

  /** How many texts wait to be sent, and whether no more can. */
  get waiting() {
    return this.#outbox.size;
  }

  get isFull() {
    return this.#outbox.isFull;
  }

  /** Begin a new one. */
  begin({ name, room, password, token }) {
    this.ticket = new Ticket(name);
    if (!token) this.ticket.user = guest() || null;
    this.room = room;
    this.#token = token;
    this.#password = password;
    this.#outbox.clear();
    this.#connect();
  }

  /** After a reload: take what was kept. Returns the further things that were, or null where there is no session. */
  restore() {
    const kept = this.#keeper.read();
    const ticket = Ticket.from(kept?.ticket, Date.now());
    if (!ticket?.room) return null;
    this.ticket = ticket;
    this.room = ticket.room;
    this.#chat.restore(kept.lines);
    this.#outbox.restore(kept.outbox);
    return kept.also;
  }

  /** Go on with the one that there is, also where it went on in another tab. */
  resume() {
    this.ticket.elsewhere = false;
    this.#connect();
  }

  /** End it, if there is one. */
  end() {
    this.#connection?.close();
    this.#keeper.forget();
    this.ticket = null;
    this.isInside = false;
  }

  /** Keep what there is: `now` at once, else soon. */
  keep({ now = false } = {}) {
    if (now) this.#keeper.now();
    else this.#keeper.soon();
  }

  hurry() {
    this.#connection?.hurry();
  }

  request(type, fields) {
    return this.#connection.request(type, fields);
  }

  sendVoice(bytes) {
    return this.#connection.sendVoice(bytes);
  }

  /** Say a text to the room, or to the member `to`; returns its line. */
  say(text, to) {
    const { session, user, name } = this.ticket;
    const line = this.#texts.say({ text, to, room: this.room, author: { session, user, name } });
    this.#keeper.now();
    return line;
  }

  /** Send what was said, once its line is shown. */
  send() {
    this.#texts.send();
  }

  /** Try a text again whose fate was bad. */
  sayAgain(line) {
    if (line.session !== this.ticket.session) this.#chat.readdress(line, this.ticket.session);
    this.#texts.again(line, this.room);
  }

  /** Leave the room for another one. */
  async moveTo(room) {
    const before = this.room;
    this.isInside = false;
    this.room = room;
    this.#password = '';
    try {
      await this.request('leave', { room: before });
    } catch (error) {
      if (error instanceof Lost) return;
    }
    await this.#join();
  }

  /** A moderator has moved it. */
  takeMove(joined) {
    this.#password = '';
    this.#isOver = false;
    this.#enter(joined, { isSame: false, isKept: true });
  }

  #connect() {
    this.#connection = new Connection({
      home: new URL('/ws', location.href.replace(/^http/, 'ws')).href,
      urls: this.ticket.urls,
      hello: () => this.#hello(),
      probe: this.#probe,
      events: {
        heard: (message) => this.#hear(message),
        opened: (welcome) => this.#opened(welcome),
        live: () => this.#wentLive(),
        message: (message) => this.#events.message(message),
        voice: (bytes) => this.isInside && this.#events.voice(bytes),
        lost: () => this.#events.lost(),
        over: () => this.#over(),
        ended: (code, reason, refusal) => this.#ended(code, reason, refusal),
      },
    });
    this.#connection.open();
  }

  #hello() {
    const hello = this.ticket.hello(Date.now());
    this.#before = this.ticket.session;
    this.#keeper.now();
    return this.#token ? { ...hello, token: this.#token } : hello;
  }

  #hear(message) {
    if (message.type === 'speaking') return;
    this.ticket.take(message, Date.now());
    this.#keeper.soon();
  }

  #opened({ recovered, rooms, gaps, user }) {
    if (recovered === null) remember(user);
    this.#isComplete = recovered === true;
    this.#isOver = recovered === null && this.#before !== null;
    if (recovered === null) this.#join();
    else this.#enterAgain(rooms, gaps ?? [], recovered);
  }

  /** It is where it was, unless somebody has changed that meanwhile. */
  #enterAgain(rooms, gaps, isKept) {
    const seat = rooms.find(({ room }) => room === this.room) ?? rooms[0];
    if (seat) {
      this.#enter(seat, { isSame: seat.room === this.room, isKept });
      if (gaps.includes(seat.room)) this.#events.gap();
    } else if (this.ticket.room === this.room) {
      this.#events.out(NO_LONGER_HERE);
    } else {
      this.#join();
    }
  }

  async #join() {
    try {
      const asked = this.#password ? { room: this.room, password: this.#password } : { room: this.room };
      this.#enter(await this.request('join', asked), { isSame: this.#isOver, isKept: false });
    } catch (error) {
      if (!(error instanceof Lost)) this.#events.refused(error);
    }
  }

  #enter(joined, how) {
    this.isInside = true;
    this.room = this.ticket.room = joined.room;
    this.#events.entered(joined, { ...how, isOver: this.#isOver });
    if (this.#isOver) this.#texts.moveTo(this.ticket.session);
    if (this.isLive) this.#wentLive();
  }

  #wentLive() {
    if (!this.isInside) return;
    this.#texts.repeat();
    this.#events.live(this.#isComplete);
  }

  #over() {
    this.ticket.end();
    this.isInside = false;
  }

  #ended(code, reason, refusal) {
    if (code !== OPENED_ELSEWHERE) return this.#events.ended(code, reason, refusal);
    // Do not fight for it, here or after a reload.
    this.ticket.elsewhere = true;
    this.isInside = false;
    this.#keeper.now();
    this.#events.elsewhere();
  }

  #gather(brief) {
    if (!this.ticket?.session) return null;
    const lines = this.#chat.lines.slice(brief ? -KEPT_BRIEFLY : -KEPT);
    return { ticket: this.ticket, outbox: this.#outbox, lines, also: this.#alsoKept() };
  }
}
