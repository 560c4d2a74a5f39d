/** The page: puts session, room, voice and views together. Begin reading here. */

import { Asides } from './asides.js';
import { Chat } from './chat.js';
import { ChatView } from './chat-view.js';
import { Lost } from './connection.js';
import { sentenceForBan, sentenceForLeft, sentenceForRefusal, sentenceForRemoval, wordsForMove } from './farewell.js';
import { Hearing, SILENT } from './hearing.js';
import { LinkView } from './link-view.js';
import { MembersView } from './members-view.js';
import { Pace } from './pace.js';
import { ReportView } from './report-view.js';
import { linkTo, roomOfLink } from './room-link.js';
import { RoomView } from './room-view.js';
import { Roster } from './roster.js';
import { covers } from './scope.js';
import { Session } from './session.js';
import { ROOM_MUTED, Silences, sentenceFor, wordsFor } from './silences.js';
import { wordsForElsewhere } from './standing.js';
import { StartView } from './start-view.js';
import { TalkView } from './talk-view.js';
import { Voice, obstacle } from './voice.js';

const RANKS = { user: 0, moderator: 1, admin: 2 };

class App {
  #roster = new Roster();
  #chat = new Chat();
  #silences = new Silences();
  #deafened = false;
  #deafenedThere = false; // as the node has it; null: not known
  #shown = ''; // the room whose chat is on the page
  #state = {}; // of the room, as moderators have set it
  #pace = new Pace();
  #awaited = new Set(); // sessions that come back as this one does
  #moderated = null;
  #obstacle = '';
  #wasOnAir = false;

  #session = new Session({
    chat: this.#chat,
    alsoKept: () => ({ muted: this.#voice.talking.muted, deafened: this.#deafened }),
    probe: () => ({ type: 'deafen', on: this.#deafened }),
    events: {
      entered: (joined, how) => this.#enter(joined, how),
      gap: () => this.#note('missing', 'Messages'),
      live: (isComplete) => this.#wentLive(isComplete),
      lost: () => this.#lost(),
      message: (message) => this.#receive(message),
      voice: (bytes) => this.#hearing.take(bytes),
      fate: (line) => this.#showFate(line),
      paced: (ms) => this.#keepPace(() => this.#pace.wait(ms, Date.now())),
      refused: (error) => this.#turnedAway(error),
      out: (notice) => this.#goOut({ notice }),
      elsewhere: () => this.#stopHere(),
      ended: (code, reason, refusal) => this.#ended(code, reason, refusal),
    },
  });

  #voice = new Voice({
    send: (bytes) => this.#session.sendVoice(bytes),
    changed: () => this.#showTalk(),
    block: () => this.#drawBlock(),
  });

  #asides = new Asides({
    request: (type, fields) => this.#session.request(type, fields),
    aim: (target) => this.#setTalk({ target }),
    changed: (session, on) => {
      this.#updateMember(session, { whisperedTo: on });
      this.#showTalk();
    },
    refused: (error) => this.#talkView.remark(error.message),
  });

  #start = new StartView({ join: (choice) => this.#begin(choice), takeOver: () => this.#takeOver() });
  #view = new RoomView({ leave: () => this.#goOut() });
  #link = new LinkView({
    hurry: () => this.#session.hurry(),
    changed: () => this.#showTalk(),
    waiting: () => this.#session.waiting,
  });

  #members = new MembersView({
    whisper: (session) => this.#chatView.writeTo(this.#roster.get(session)),
    whisperAloud: (session, on) => this.#asides.whisperTo(on && this.#mayTalk ? session : null),
    volume: (session, volume) => {
      this.#hearing.setVolume(this.#roster.get(session), volume);
      this.#members.update(this.#roster.get(session));
    },
    volumeOf: (member) => this.#roster.volume(member),
    moderates: (member) => this.#rank() > 0 && this.#rank() >= RANKS[member.role],
    mute: (session, seconds) => this.#moderate('mute', { session, room: this.#session.room, seconds }),
    unmute: (session) => this.#moderate('unmute', { session }),
    report: (session, button) => this.#openReport(this.#roster.get(session), button),
  });

  #report = new ReportView({ send: (fields) => this.#session.request('report', { room: this.#session.room, ...fields }) });

  #hearing = new Hearing({
    roster: this.#roster,
    asides: this.#asides,
    voice: this.#voice,
    isOwn: ({ session }) => session === this.#session.ticket?.session,
    changed: (session, changes) => this.#updateMember(session, changes),
    drawn: (members) => this.#members.levels(members),
  });

  #chatView = new ChatView({
    say: (text, to) => this.#say(text, to),
    again: (line) => this.#session.sayAgain(line),
    report: (line, button) => this.#openReport(line, button, line),
  });

  #talkView = new TalkView({
    press: (on) => this.#setTalk({ pressed: on && this.#session.isInside }),
    mute: () => {
      this.#setTalk({ muted: !this.#voice.talking.muted });
      this.#session.keep();
    },
    deafen: () => this.#deafen(!this.#deafened),
    mode: (mode) => this.#setTalk({ mode, pressed: false }),
    retry: () => this.#startVoice(),
  });

  async run() {
    this.#obstacle = await obstacle();
    this.#talkView.restoreMode();
    this.#start.explain(this.#obstacle);
    window.addEventListener('hashchange', () => this.#followLink());
    for (const name of ['online', 'offline', 'pageshow']) window.addEventListener(name, () => this.#session.hurry());
    window.addEventListener('pagehide', () => this.#session.keep({ now: true }));
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#session.keep({ now: true }) : this.#session.hurry()));
    window.addEventListener('blur', () => this.#asides.whisperTo(null));
    for (const name of ['pointerdown', 'pointerup', 'keydown']) document.addEventListener(name, () => this.#voice.wake());
    this.#hearing.begin();
    this.#comeBack();
  }

  /** See `window.switchboard` below. */
  stats() {
    const { talking, microphone, listening } = this.#voice;
    const { mode, muted, pressed, onAir, silenced, target } = talking;
    const { state, isLive, ticket, room, isInside, waiting } = this.#session;
    return {
      state,
      live: isLive,
      session: ticket?.session ?? null,
      node: ticket?.node ?? null,
      room: isInside ? room : null,
      waiting,
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

  #begin(choice) {
    this.#shown = '';
    this.#silences.clear();
    this.#deafenedThere = false;
    this.#start.busy(true);
    this.#startVoice();
    this.#session.begin(choice);
  }

  /** After a reload: the same session, with what was on the page. */
  #comeBack() {
    const kept = this.#session.restore();
    if (!kept) return this.#start.show({ room: roomOfLink() });
    this.#setTalk({ muted: kept.muted });
    this.#deafened = kept.deafened;
    this.#deafenedThere = null;
    const { ticket, room } = this.#session;
    this.#shown = room;
    this.#chatView.enter(room, ticket.limits.text_chars);
    this.#chatView.addPast(this.#chat.lines);
    if (ticket.elsewhere) this.#showElsewhere();
    else this.#resume();
  }

  #resume() {
    this.#start.hide();
    this.#view.show(this.#session.room);
    this.#members.fill([], null);
    this.#link.lose(Date.now());
    this.#startVoice();
    this.#session.resume();
  }

  #takeOver() {
    this.#resume();
    this.#note('elsewhere', 'You');
  }

  #enter({ room, ssrc, members, history, room_state: state }, { isSame, isKept, isOver }) {
    const { session, limits } = this.#session.ticket;
    const isNew = this.#shown !== room;
    this.#shown = room;
    this.#state = state;
    this.#moderated = null;
    if (!isSame) linkTo(room);
    this.#start.hide();
    this.#view.show(room);
    if (isNew) this.#empty(room, limits.text_chars);
    const { came, went } = this.#roster.fill(members);
    this.#roster.update(session, { deafened: this.#deafened });
    this.#members.fill(this.#roster.all(), session);
    this.#voice.speakAs(ssrc);
    for (const member of went) this.#voice.listening?.forget(member.ssrc);
    this.#hearing.nameAll();
    if (isSame && !isNew) this.#tellOf(came, went, isKept);
    this.#chatView.addPast(history.map((message) => this.#chat.receive(message)).filter(Boolean));
    for (const line of this.#chat.lines) this.#chatView.update(line);
    if (isNew) this.#note('came', 'You');
    else if (isOver) this.#note('anew', 'You');
    if (!isKept) {
      // What the node before this one was told of the page, this one does not know.
      this.#asides.renew();
      this.#deafenedThere = false;
    }
    if (isOver) this.#silences.clear();
    this.#recheckWhisper();
    this.#showState();
  }

  /** Another room than before: nothing of the old one stays. */
  #empty(room, limit) {
    this.#chat.clear();
    this.#roster.clear();
    this.#asides.clear();
    this.#voice.listening?.clear();
    this.#chatView.enter(room, limit);
    this.#members.fold();
  }

  /** Who came and went while the page had no connection; after a reload it does not know. */
  #tellOf(came, went, isKept) {
    const { user } = this.#session.ticket;
    if (went.length === 0 && came.length === this.#roster.all().length) return;
    // A node that knew nothing of this page has only not heard of the others yet.
    if (!isKept) for (const { session } of went) this.#awaited.add(session);
    else for (const member of went) if (member.user !== user) this.#note('went', member.name);
    for (const member of came) if (member.user !== user) this.#note('came', member.name);
  }

  #wentLive(isComplete) {
    this.#link.find(this.#session.ticket.node, Date.now(), isComplete);
    if (this.#deafened !== this.#deafenedThere) this.#deafen(this.#deafened);
    this.#showTalk();
    this.#followLink();
  }

  /** Voice, the microphone and what one writes stay as they are: the session goes on as soon as a node has it. */
  #lost() {
    for (const { session } of this.#roster.all()) this.#updateMember(session, { speaking: false, level: SILENT });
    this.#link.lose(Date.now());
  }

  /** The room does not let this page in. */
  #turnedAway(error) {
    const message = error.code === 'banned' ? sentenceForBan(error, Date.now()) : sentenceForRefusal(error.message);
    const { field } = error;
    this.#goOut(field === 'room' || field === 'password' ? { problem: { field, message } } : { notice: message });
  }

  #ended(code, reason, refusal) {
    if (code === 4401) this.#goOut({ problem: { field: 'token', message: reason } });
    else if (refusal?.field === 'name') this.#goOut({ problem: refusal });
    else if (refusal?.code === 'banned') this.#goOut({ notice: sentenceForBan(refusal, Date.now()) });
    else if (code === 4403) this.#goOut({ notice: sentenceForRemoval(this.#moderated, reason) });
    else this.#goOut({ notice: reason || 'The server ended this session.' });
  }

  /** The session goes on in another tab. */
  #stopHere() {
    this.#hush();
    this.#showElsewhere();
  }

  #showElsewhere() {
    const { room, waiting } = this.#session;
    this.#start.showElsewhere(room, wordsForElsewhere(room, waiting));
  }

  /** Back to the start page, on one's own wish or not. */
  #goOut(why = {}) {
    this.#session.end();
    this.#shown = '';
    this.#hush();
    this.#start.show({ room: this.#session.room || roomOfLink(), ...why });
  }

  #openReport(who, button, line = null) {
    const { text_chars: limit } = this.#session.ticket.limits;
    this.#report.open(who, button, { lines: this.#chat.recentOf(who.session, line), line, limit });
  }

  #hush() {
    this.#report.close();
    this.#asides.whisperTo(null);
    this.#voice.stop();
    this.#setTalk({ pressed: false });
    this.#link.clear();
    this.#view.hide();
  }

  /** The link in the address bar was changed by hand. */
  #followLink() {
    const room = roomOfLink();
    if (room && room === this.#session.room) return;
    if (!room || !this.#session.isInside) {
      this.#session.room = room;
      this.#goOut();
    } else if (this.#session.isLive) {
      this.#asides.whisperTo(null);
      this.#voice.speakAs(null);
      this.#session.moveTo(room);
    }
  }

  // What the node tells.

  #receive(message) {
    const handle = this.#handlers[message.type];
    if (message.type === 'moderated') this.#silences.take(message);
    if (handle && (!message.room || message.room === this.#session.room)) handle(message);
  }

  #handlers = {
    message: (message) => this.#addText(message),
    whisper: (message) => this.#addText(message),
    announcement: (message) => this.#addText(message),
    member_joined: ({ member }) => {
      this.#roster.add(member);
      this.#members.add(this.#roster.get(member.session), this.#session.ticket.session);
      this.#hearing.name(this.#roster.get(member.session));
      if (!this.#awaited.delete(member.session)) this.#note('came', member.name);
      this.#showRoom();
    },
    member_left: ({ session }) => {
      const member = this.#roster.remove(session);
      if (!member) return;
      if (session === this.#asides.session) this.#asides.whisperTo(null);
      this.#members.remove(session);
      this.#recheckWhisper();
      this.#voice.listening?.forget(member.ssrc);
      this.#note('went', member.name);
      this.#showRoom();
    },
    member_updated: ({ type, room, session, ...changes }) => this.#updateMember(session, changes),
    speaking: ({ on, off }) => {
      for (const session of on) this.#updateMember(session, { speaking: true });
      for (const session of off) this.#updateMember(session, { speaking: false, level: SILENT });
    },
    room_updated: ({ room_state: state }) => {
      this.#state = state;
      this.#showState();
    },
    moved: ({ room, joined }) => {
      const moderated = this.#moderated;
      this.#asides.whisperTo(null);
      this.#session.takeMove(joined);
      this.#note('moved', wordsForMove(room, moderated?.action === 'move' ? moderated : null));
    },
    gap: ({ rooms }) => rooms.includes(this.#session.room) && this.#note('missing', 'Messages'),
    left: ({ reason }) => this.#goOut({ notice: sentenceForLeft(reason, this.#moderated) }),
    moderated: (message) => {
      const { action } = message;
      if (action === 'kick' || action === 'ban' || action === 'move') this.#moderated = message;
      if (action === 'ban' || action === 'move') return;
      this.#updateMember(this.#session.ticket.session, { muted: this.#silences.of(this.#session.room) !== null });
      this.#showSilence();
    },
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
    this.#view.describe(members, this.#state);
  }

  /** Show what moderators have set of the room. */
  #showState() {
    this.#showRoom();
    this.#showSilence();
    this.#keepPace(() => this.#pace.set(this.#rank() > 0 ? 0 : this.#state.slow_seconds));
  }

  #keepPace(change) {
    change();
    this.#chatView.keepPace(this.#pace);
  }

  // Text.

  #recheckWhisper() {
    this.#chatView.recheck((session) => this.#roster.get(session) !== undefined);
  }

  #addText(message) {
    const line = this.#chat.receive(message);
    if (line) this.#chatView.add(line);
  }

  #note(kind, name) {
    const [line, isNew] = this.#chat.note(kind, name, Date.now());
    this.#session.keep();
    if (isNew) this.#chatView.add(line);
    else this.#chatView.update(line);
  }

  #say(text, to) {
    this.#chatView.add(this.#session.say(text, to));
    if (!to) this.#keepPace(() => this.#pace.write(Date.now()));
    this.#session.send();
    this.#showFate(null);
  }

  #showFate(line) {
    if (line) this.#chatView.update(line);
    this.#chatView.limit(this.#session.isFull);
    this.#link.update();
  }

  // Voice.

  async #startVoice() {
    if (this.#obstacle) return;
    await this.#voice.start();
    if (!this.#session.ticket || this.#session.ticket.elsewhere) return this.#voice.stop();
    this.#hearing.nameAll();
    if (this.#voice.microphone.state !== 'ready') await this.#voice.openMicrophone();
  }

  get #mayTalk() {
    const { muted, silenced } = this.#voice.talking;
    return this.#session.isInside && !muted && !silenced && this.#voice.microphone.state === 'ready';
  }

  async #deafen(on) {
    this.#deafened = on;
    if (on) this.#voice.listening?.quiet();
    if (this.#session.ticket) this.#updateMember(this.#session.ticket.session, { deafened: on });
    this.#showTalk();
    this.#session.keep();
    try {
      await this.#session.request('deafen', { on });
      this.#deafenedThere = on;
    } catch (error) {
      if (!(error instanceof Lost)) this.#talkView.remark(error.message);
    }
  }

  // Moderation.

  /** Of this page in its room: a moderator may be limited to others. */
  #rank() {
    const { role, scope } = this.#session.ticket ?? {};
    return covers(scope, this.#session.room) ? RANKS[role] ?? 0 : 0;
  }

  async #moderate(act, fields) {
    const asked = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
    try {
      const { results } = await this.#session.request(act, asked);
      if (results.some(({ outcome }) => outcome !== 'done')) this.#talkView.remark('That came too late: nobody is there any more.');
    } catch (error) {
      this.#talkView.remark(error.message);
    }
  }

  /** Show whether a moderator has muted this page here, and hold the microphone back while it is so. */
  #showSilence() {
    const own = this.#roster.get(this.#session.ticket.session);
    const muted = Boolean(own?.muted) || this.#isRoomMuted;
    if (muted) this.#asides.whisperTo(null);
    this.#voice.talking.silence(muted);
    this.#chatView.mute({
      here: own?.muted ? sentenceFor(this.#silences.of(this.#session.room)) : this.#isRoomMuted ? ROOM_MUTED.sentence : '',
      everywhere: this.#silences.everywhere ? sentenceFor(this.#silences.everywhere) : '',
    });
    this.#showTalk();
  }

  get #isRoomMuted() {
    return Boolean(this.#state.muted) && this.#rank() === 0;
  }

  #wordsForSilence() {
    const own = this.#roster.get(this.#session.ticket?.session);
    return this.#isRoomMuted && !own?.muted ? ROOM_MUTED : wordsFor(this.#silences.of(this.#session.room));
  }

  #setTalk(change) {
    Object.assign(this.#voice.talking, change);
    this.#showTalk();
  }

  #drawBlock() {
    const { level, onAir } = this.#voice.talking;
    this.#talkView.level(level);
    const own = this.#roster.get(this.#session.ticket?.session);
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
      mode, muted, pressed, onAir, microphone, obstacle: this.#obstacle, audible: this.#voice.audible, linked: this.#session.isInside,
      away: this.#link.isAway && this.#session.state !== 'open', deafened: this.#deafened,
      silenced: silenced ? this.#wordsForSilence() : null,
      whispered: target > 0 ? this.#roster.get(this.#asides.session)?.name ?? null : null,
    });
  }
}

const app = new App();

/**
 * For tests and for looking into trouble: `switchboard.stats()` tells the state of the connection, of the microphone
 * and of everybody heard (frames received and decoded, underruns, loudness as `[ms since 1970, rms]` of 50 ms windows
 * of the last minute; a window that is absent was silent). It only tells; nothing can be done through it.
 */
Object.defineProperty(window, 'switchboard', { value: Object.freeze({ stats: () => app.stats() }) });

app.run();
