/** The page: puts connection, room, voice and views together. Begin reading here. */

import { Asides } from './asides.js';
import { Chat } from './chat.js';
import { ChatView } from './chat-view.js';
import { Connection, Lost } from './connection.js';
import { END, WHISPERED, unpack } from './frame.js';
import { MembersView } from './members-view.js';
import { RoomView } from './room-view.js';
import { Roster } from './roster.js';
import { Silences, sentenceFor, wordsFor } from './silences.js';
import { StartView } from './start-view.js';
import { TalkView } from './talk-view.js';
import { Voice, obstacle } from './voice.js';

const METER_MS = 100;
const SILENT = 127;

const PUT_OUT = {
  kicked: 'You were put out of this room.',
  room_full: 'This room is full. Try again when somebody has left.',
};

const RANKS = { user: 0, moderator: 1, admin: 2 };

class App {
  #roster = new Roster();
  #chat = new Chat();
  #silences = new Silences();
  #deafened = false;
  #connection = null;
  #room = '';
  #title = '';
  #welcome = null;
  #inside = false;
  #moderated = null;
  #texts = 0;
  #obstacle = '';
  #wasOnAir = false;

  #voice = new Voice({
    send: (bytes) => this.#connection.sendVoice(bytes),
    changed: () => this.#showTalk(),
    block: () => this.#drawBlock(),
  });

  #asides = new Asides({
    request: (type, fields) => this.#connection.request(type, fields),
    aim: (target) => this.#setTalk({ target }),
    changed: (session, on) => {
      this.#updateMember(session, { whisperedTo: on });
      this.#showTalk();
    },
    refused: (error) => this.#talkView.remark(error.message),
  });

  #start = new StartView({ join: (choice) => this.#begin(choice) });
  #view = new RoomView({ leave: () => this.#goOut() });

  #members = new MembersView({
    whisper: (session) => this.#chatView.writeTo(this.#roster.get(session)),
    whisperAloud: (session, on) => this.#asides.whisperTo(on && this.#mayTalk ? session : null),
    volume: (session, volume) => this.#setVolume(this.#roster.get(session), volume),
    volumeOf: (member) => this.#roster.volume(member),
    moderates: (member) => this.#rank() > 0 && this.#rank() >= RANKS[member.role],
    mute: (session, seconds) => this.#moderate('mute', { session, room: this.#room, seconds }),
    unmute: (session) => this.#moderate('unmute', { session }),
  });

  #chatView = new ChatView({
    say: (text, to) => this.#say(text, to),
    again: (line) => this.#sayAgain(line),
  });

  #talkView = new TalkView({
    press: (on) => this.#setTalk({ pressed: on && this.#inside }),
    mute: () => this.#setTalk({ muted: !this.#voice.talking.muted }),
    deafen: () => this.#deafen(!this.#deafened),
    mode: (mode) => this.#setTalk({ mode, pressed: false }),
    retry: () => this.#startVoice(),
  });

  async run() {
    this.#obstacle = await obstacle();
    this.#talkView.restoreMode();
    this.#start.explain(this.#obstacle);
    this.#start.show({ room: roomOfLink() });
    window.addEventListener('hashchange', () => this.#followLink());
    window.addEventListener('online', () => this.#connection?.hurry());
    window.addEventListener('pagehide', () => this.#connection && this.#goOut());
    window.addEventListener('blur', () => this.#asides.whisperTo(null));
    setInterval(() => this.#meter(), METER_MS);
  }

  /** See `window.switchboard` below. */
  stats() {
    const { talking, microphone, listening } = this.#voice;
    const { mode, muted, pressed, onAir, silenced, target } = talking;
    return {
      state: this.#connection?.state ?? 'new',
      session: this.#welcome?.session ?? null,
      node: this.#welcome?.node ?? null,
      room: this.#inside ? this.#room : null,
      microphone: { state: microphone.state, level: talking.level, ...talking.counts },
      talk: { mode, muted, pressed, on_air: onAir, silenced, target, deafened: this.#deafened },
      heard: { ...listening?.counts },
      whispering: [...this.#asides.whispering(Date.now())],
      speakers: [...(listening?.stats() ?? [])].map(([ssrc, figures]) => {
        const member = this.#roster.bySsrc(ssrc);
        return { ssrc, session: member?.session ?? null, name: member?.name ?? null, ...figures };
      }),
    };
  }

  // Coming and going.

  #begin({ name, room, token }) {
    this.#room = room;
    this.#welcome = this.#moderated = null;
    this.#chat.clear();
    this.#start.busy(true);
    if (!this.#obstacle) this.#startVoice();
    this.#connection = new Connection({
      home: new URL('/ws', location.href.replace(/^http/, 'ws')).href,
      hello: () => this.#hello(name, token),
      events: {
        opened: (welcome) => this.#opened(welcome),
        message: (message) => this.#receive(message),
        voice: (bytes) => this.#hear(bytes),
        lost: () => this.#lost(),
        ended: (code, reason, field) => this.#ended(code, reason, field),
      },
    });
    this.#connection.open();
  }

  /** After a loss the page asks to be the same user, so that others keep its volume. */
  #hello(name, token) {
    const hello = { name, client: 'web/1.0' };
    if (token) hello.token = token;
    else if (this.#welcome) hello.user = this.#welcome.user;
    return hello;
  }

  #opened(welcome) {
    this.#welcome = welcome;
    this.#silences.clear();
    this.#asides.clear();
    if (this.#deafened) this.#deafen(true);
    this.#join();
  }

  async #join() {
    try {
      this.#enter(await this.#connection.request('join', { room: this.#room }));
    } catch (error) {
      if (error instanceof Lost) return;
      this.#goOut(error.field === 'room' ? { problem: error } : { notice: error.message });
    }
  }

  #enter({ room, ssrc, members, history, room_state: state }) {
    const { session, node, limits } = this.#welcome;
    const returned = this.#chat.lines.length > 0;
    this.#inside = true;
    this.#room = room;
    this.#title = state.title;
    window.history.replaceState(null, '', `#${encodeURIComponent(room)}`);
    this.#start.hide();
    this.#view.show(room);
    this.#view.linked(node);
    this.#roster.fill(members);
    this.#roster.update(session, { deafened: this.#deafened });
    this.#members.fill(this.#roster.all(), session);
    this.#voice.listening?.clear();
    for (const member of this.#roster.all()) this.#nameVoice(member);
    this.#voice.talking.speakAs(ssrc);
    if (!returned) this.#chatView.enter(room, limits.text_chars);
    this.#chatView.addPast(history.map((message) => this.#chat.receive(message)).filter(Boolean));
    for (const line of this.#chat.lines) this.#chatView.update(line);
    this.#recheckWhisper();
    if (!returned) this.#note('came', 'You', Date.now());
    this.#showRoom();
    this.#showSilence();
  }

  #lost() {
    this.#inside = false;
    this.#voice.talking.speakAs(null);
    this.#asides.whisperTo(null);
    this.#setTalk({ pressed: false });
    for (const { session } of this.#roster.all()) this.#updateMember(session, { speaking: false, level: SILENT });
    this.#view.unlinked('Connection lost, trying again…');
  }

  #ended(code, reason, field) {
    if (code === 4401) this.#goOut({ problem: { field: 'token', message: reason } });
    else if (field === 'name') this.#goOut({ problem: { field, message: reason } });
    else if (code === 4403) this.#goOut({ notice: this.#farewell(reason) });
    else this.#goOut({ notice: reason || 'The server ended this session.' });
  }

  #farewell(closing) {
    const { by, reason } = this.#moderated ?? {};
    const text = reason || closing;
    return `You were removed${by ? ` by ${by}` : ''}${text ? `: ${text}` : '.'}`;
  }

  /** Back to the start page, on one's own wish or not. */
  #goOut(why = {}) {
    this.#connection?.close();
    this.#asides.whisperTo(null);
    this.#inside = false;
    this.#voice.stop();
    this.#setTalk({ pressed: false });
    this.#view.hide();
    this.#start.show({ room: this.#room || roomOfLink(), ...why });
  }

  /** The link in the address bar was changed by hand. */
  async #followLink() {
    const room = roomOfLink();
    if (room && room === this.#room) return;
    if (!room || !this.#inside) {
      this.#room = room;
      if (this.#connection?.state !== 'lost') this.#goOut();
      return;
    }
    const before = this.#room;
    this.#asides.whisperTo(null);
    this.#inside = false;
    this.#voice.talking.speakAs(null);
    this.#room = room;
    this.#chat.clear();
    try {
      await this.#connection.request('leave', { room: before });
    } catch (error) {
      if (error instanceof Lost) return;
    }
    await this.#join();
  }

  // What the node tells.

  #receive(message) {
    const handle = this.#handlers[message.type];
    if (message.type === 'moderated') this.#silences.take(message);
    if (handle && (!message.room || message.room === this.#room)) handle(message);
  }

  #handlers = {
    message: (message) => this.#addText(message),
    whisper: (message) => this.#addText(message),
    announcement: (message) => this.#addText(message),
    member_joined: ({ member }) => {
      this.#roster.add(member);
      this.#members.add(this.#roster.get(member.session), this.#welcome.session);
      this.#nameVoice(member);
      this.#note('came', member.name, Date.now());
      this.#showRoom();
    },
    member_left: ({ session }) => {
      const member = this.#roster.remove(session);
      if (!member) return;
      if (session === this.#asides.session) this.#asides.whisperTo(null);
      this.#members.remove(session);
      this.#recheckWhisper();
      this.#voice.listening?.forget(member.ssrc);
      this.#note('went', member.name, Date.now());
      this.#showRoom();
    },
    member_updated: ({ type, room, session, ...changes }) => this.#updateMember(session, changes),
    speaking: ({ on, off }) => {
      for (const session of on) this.#updateMember(session, { speaking: true });
      for (const session of off) this.#updateMember(session, { speaking: false, level: SILENT });
    },
    room_updated: ({ room_state: state }) => {
      this.#title = state.title;
      this.#showRoom();
    },
    gap: ({ rooms }) => rooms.includes(this.#room) && this.#note('missing', 'Messages', Date.now()),
    left: ({ reason }) => this.#goOut({ notice: PUT_OUT[reason] ?? 'You have left this room.' }),
    moderated: (message) => {
      this.#moderated = message;
      if (message.action === 'kick') return;
      this.#updateMember(this.#welcome.session, { muted: this.#silences.of(this.#room) !== null });
      this.#showSilence();
    },
    going_away: () => this.#view.unlinked('This server is about to restart, moving to another…'),
    error: ({ message }) => this.#talkView.remark(message),
  };

  #updateMember(session, changes) {
    const member = this.#roster.update(session, changes);
    if (!member) return;
    this.#members.update(member);
    this.#showRoom();
  }

  #showRoom() {
    const members = this.#roster.all();
    this.#members.count(members);
    this.#view.describe(members, this.#title);
  }

  // Text.

  #recheckWhisper() {
    this.#chatView.recheck((session) => this.#roster.get(session) !== undefined);
  }

  #addText(message) {
    const line = this.#chat.receive(message);
    if (line) this.#chatView.add(line);
  }

  #note(kind, name, at) {
    const [line, isNew] = this.#chat.note(kind, name, at);
    if (isNew) this.#chatView.add(line);
    else this.#chatView.update(line);
  }

  #say(text, to) {
    const { session, user, name } = this.#welcome;
    const id = `t-${++this.#texts}`;
    const line = this.#chat.compose({ id, at: Date.now(), session, user, name, text, to });
    this.#chatView.add(line);
    this.#deliver(line);
  }

  #sayAgain(line) {
    if (line.session !== this.#welcome.session) this.#chat.readdress(line, this.#welcome.session);
    this.#chat.settle(line, 'sending');
    this.#chatView.update(line);
    this.#deliver(line);
  }

  async #deliver(line) {
    const { id, text, to } = line;
    try {
      if (to) await this.#connection.request('whisper', { to: { session: to.session }, text }, id);
      else await this.#connection.request('say', { room: this.#room, text }, id);
      this.#chat.settle(line, 'sent');
    } catch (error) {
      this.#chat.settle(line, ...fateOf(error));
    }
    this.#chatView.update(line);
  }

  // Voice.

  async #startVoice() {
    await this.#voice.start();
    if (this.#connection.state === 'ended') return;
    for (const member of this.#roster.all()) this.#nameVoice(member);
    if (this.#voice.microphone.state !== 'ready') await this.#voice.openMicrophone();
  }

  #nameVoice(member) {
    if (member.session === this.#welcome?.session) return;
    this.#voice.listening?.name(member.ssrc, this.#roster.volume(member));
  }

  #setVolume(member, volume) {
    this.#roster.setVolume(member, volume);
    this.#nameVoice(member);
    this.#members.update(member);
  }

  #hear(bytes) {
    const frame = unpack(bytes);
    if (!frame || !this.#inside) return;
    const member = this.#roster.bySsrc(frame.ssrc);
    const end = Boolean(frame.flags & END);
    if (member) member.level = end ? SILENT : frame.level & 0x7f;
    if (member && frame.flags & WHISPERED) {
      this.#asides.hear(member.session, Date.now(), end);
      if (!end) this.#showWhispering();
    }
    this.#voice.listening?.take(frame);
  }

  #meter() {
    this.#showWhispering();
    this.#members.levels(this.#roster.all());
  }

  /** Mark those who whisper to this page, and no longer those who did. */
  #showWhispering() {
    const whispering = this.#asides.whispering(Date.now());
    for (const member of this.#roster.all()) {
      const now = whispering.has(member.session);
      if (now !== Boolean(member.whispering)) this.#updateMember(member.session, { whispering: now });
    }
  }

  get #mayTalk() {
    const { muted, silenced } = this.#voice.talking;
    return this.#inside && !muted && !silenced && this.#voice.microphone.state === 'ready';
  }

  async #deafen(on) {
    this.#deafened = on;
    if (on) this.#voice.listening?.quiet();
    if (this.#welcome) this.#updateMember(this.#welcome.session, { deafened: on });
    this.#showTalk();
    try {
      await this.#connection.request('deafen', { on });
    } catch (error) {
      if (!(error instanceof Lost)) this.#talkView.remark(error.message);
    }
  }

  // Moderation.

  #rank() {
    return RANKS[this.#welcome?.role] ?? 0;
  }

  async #moderate(act, fields) {
    const asked = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
    try {
      const { results } = await this.#connection.request(act, asked);
      if (results.some(({ outcome }) => outcome !== 'done')) this.#talkView.remark('That came too late: nobody is there any more.');
    } catch (error) {
      this.#talkView.remark(error.message);
    }
  }

  /** Show whether a moderator has muted this page here, and hold the microphone back while it is so. */
  #showSilence() {
    const own = this.#roster.get(this.#welcome.session);
    const muted = Boolean(own?.muted);
    if (muted) this.#asides.whisperTo(null);
    this.#voice.talking.silence(muted);
    this.#chatView.mute({
      here: muted ? sentenceFor(this.#silences.of(this.#room)) : '',
      everywhere: this.#silences.everywhere ? sentenceFor(this.#silences.everywhere) : '',
    });
    this.#showTalk();
  }

  #setTalk(change) {
    Object.assign(this.#voice.talking, change);
    this.#showTalk();
  }

  #drawBlock() {
    const { level, onAir } = this.#voice.talking;
    this.#talkView.level(level);
    const own = this.#roster.get(this.#welcome?.session);
    if (own) own.level = onAir ? -level : SILENT;
    if (onAir !== this.#wasOnAir) this.#showTalk();
    this.#wasOnAir = onAir;
  }

  #showTalk() {
    const { mode, muted, pressed, onAir, silenced, target } = this.#voice.talking;
    const microphone = this.#voice.microphone.state;
    if (!this.#mayTalk) this.#asides.whisperTo(null);
    this.#members.allowVoice(this.#mayTalk);
    this.#talkView.show({
      mode, muted, pressed, onAir, microphone, obstacle: this.#obstacle, audible: this.#voice.audible, linked: this.#inside,
      deafened: this.#deafened,
      silenced: silenced ? wordsFor(this.#silences.of(this.#room)) : null,
      whispered: target > 0 ? this.#roster.get(this.#asides.session)?.name ?? null : null,
    });
  }
}

function roomOfLink() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim();
  } catch {
    return '';
  }
}

/** What is known of a text whose request failed: its fate and a sentence for it. */
function fateOf(error) {
  if (error instanceof Lost) {
    return error.written ? ['unknown', 'The connection was lost; it may have arrived.'] : ['unsent', 'Not sent: no connection.'];
  }
  if (error.code === 'unavailable') return ['unknown', 'Not known whether it arrived.'];
  return ['unsent', `Not sent: ${error.message}`];
}

const app = new App();

/**
 * For tests and for looking into trouble: `switchboard.stats()` tells the state of the connection, of the microphone
 * and of everybody heard (frames received and decoded, underruns, loudness as `[ms since 1970, rms]` of 50 ms windows
 * of the last minute; a window that is absent was silent). It only tells; nothing can be done through it.
 */
Object.defineProperty(window, 'switchboard', { value: Object.freeze({ stats: () => app.stats() }) });

app.run();
