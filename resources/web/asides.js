/** Whispered voice: whom this page whispers to and under which number, and who whispers to it. */

/** Targets that a session may have (protocol.md section 2). */
const MOST = 64;
/** A whisper without a frame for so long has ended, in ms. */
const SILENCE = 300;

export class Asides {
  /** The session that alone hears this page, or null. */
  session = null;
  #numbers = new Map();
  #last = 0;
  #heard = new Map();
  #request;
  #aim;
  #changed;
  #refused;

  /**
   * `request(type, fields)` asks the node; `aim(target)` lets frames have this target from now on, 0 for the room;
   * `changed(session, on)`: that session hears whispers of this page, or no more; `refused(error)`: the node will not.
   */
  constructor({ request, aim, changed, refused }) {
    this.#request = request;
    this.#aim = aim;
    this.#changed = changed;
    this.#refused = refused;
  }

  /** Let only this session hear what is said from now on; null: the room again. */
  async whisperTo(session) {
    const before = this.session;
    if (session === before) return;
    this.session = session;
    this.#aim(0);
    if (before) this.#changed(before, false);
    if (!session) return;
    this.#changed(session, true);
    try {
      const target = await this.#targetOf(session);
      if (this.session !== session) return;
      this.#aim(target);
      this.#changed(session, true);
    } catch (error) {
      this.#numbers.delete(session);
      if (this.session === session) this.whisperTo(null);
      this.#refused(error);
    }
  }

  /** `session` was heard whispering at `now`, in ms; `end`: that was its last frame. */
  hear(session, now, end) {
    if (end) this.#heard.delete(session);
    else this.#heard.set(session, now);
  }

  /** The sessions that whisper to this page at `now`. */
  whispering(now) {
    for (const [session, at] of this.#heard) if (now - at > SILENCE) this.#heard.delete(session);
    return new Set(this.#heard.keys());
  }

  /** The node knows no numbers: tell it those again that are in use. Until it has them, nobody hears what has such a number. */
  renew() {
    return Promise.all([...this.#numbers].map(async ([session, target]) => {
      try {
        await this.#request('voice_target', { target, to: { session } });
      } catch (error) {
        this.#numbers.delete(session);
        if (this.session !== session) return;
        this.whisperTo(null);
        this.#refused(error);
      }
    }));
  }

  /** The page is in another room, or in none. */
  clear() {
    this.#numbers.clear();
    this.#heard.clear();
    this.#last = 0;
  }

  /** The number of a session, told to the node before it is used; the oldest one is given again. */
  async #targetOf(session) {
    const known = this.#numbers.get(session);
    if (known) return known;
    const target = (this.#last % MOST) + 1;
    this.#last = target;
    for (const [other, number] of this.#numbers) if (number === target) this.#numbers.delete(other);
    await this.#request('voice_target', { target, to: { session } });
    this.#numbers.set(session, target);
    return target;
  }
}
