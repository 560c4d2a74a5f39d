/** What this page hears of the others: frames to their speakers, meters, and who whispers to it. */

import { END, WHISPERED, unpack } from './frame.js';

/** -dBov of somebody who is not heard. */
export const SILENT = 127;
const METER_MS = 100;

export class Hearing {
  #roster;
  #asides;
  #voice;
  #isOwn;
  #changed;
  #drawn;

  /** `isOwn(member)`: it is this page; `changed(session, changes)`: something is new of a member; `drawn(members)`: draw their meters. */
  constructor({ roster, asides, voice, isOwn, changed, drawn }) {
    this.#roster = roster;
    this.#asides = asides;
    this.#voice = voice;
    this.#isOwn = isOwn;
    this.#changed = changed;
    this.#drawn = drawn;
  }

  /** Keep meters and marks up to date from now on. */
  begin() {
    setInterval(() => this.#meter(), METER_MS);
  }

  /** This member may be heard, as loud as the person at this page wants. */
  name(member) {
    if (!this.#isOwn(member)) this.#voice.listening?.name(member.ssrc, this.#roster.volume(member));
  }

  nameAll() {
    for (const member of this.#roster.all()) this.name(member);
  }

  setVolume(member, volume) {
    this.#roster.setVolume(member, volume);
    this.name(member);
  }

  /** Take one binary message of the node. */
  take(bytes) {
    const frame = unpack(bytes);
    if (!frame) return;
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
    this.#drawn(this.#roster.all());
  }

  /** Mark those who whisper to this page, and no longer those who did. */
  #showWhispering() {
    const whispering = this.#asides.whispering(Date.now());
    for (const member of this.#roster.all()) {
      const now = whispering.has(member.session);
      if (now !== Boolean(member.whispering)) this.#changed(member.session, { whispering: now });
    }
  }
}
