/** The lines of the room's chat: what was said, to whom, and what became of one's own; pure. */

const KEPT = 500;
const RECENT = 5;

export class Chat {
  lines = [];
  #byKey = new Map();
  #own = new Map();

  /**
   * Take a `message`, `whisper` or `announcement`. Returns the new line, or null where its `from.session` and `id`
   * were shown before; a line of one's own that comes back in the history is `sent`, whatever was known of it.
   */
  receive({ type = 'message', id, at, from, text, room, origin, seq }) {
    const known = this.#byKey.get(key(from.session, id));
    if (known) {
      if (known.own) this.settle(known, 'sent');
      return null;
    }
    const { session, user, name } = from;
    return this.#add({ kind: type, id, at, session, user, name, text, own: false, everywhere: room === null, origin, seq });
  }

  /** A line of one's own; `to` is the member it is whispered to, or null. */
  compose({ id, at, session, user, name, text, to }) {
    const target = to && { session: to.session, user: to.user, name: to.name };
    return this.#add({ kind: to ? 'whisper' : 'message', id, at, session, user, name, text, to: target, own: true, fate: 'sending' });
  }

  /** The line of one's own with this id, or undefined. */
  own(id) {
    return this.#own.get(id);
  }

  /** The last lines that a session wrote, the last one last, and `line` in any case. */
  recentOf(session, line = null) {
    const of = this.lines.filter((each) => each.session === session && !each.own && each.origin);
    const recent = of.slice(-RECENT);
    return line === null || recent.includes(line) ? recent : [line, ...recent];
  }

  /** What became of an own line: `sending`, `sent`, `unsent` (nobody has it) or `unknown`. */
  settle(line, fate, reason = '') {
    line.fate = fate;
    line.reason = reason;
  }

  /** Make an own line one of the session that sends it now. */
  readdress(line, session) {
    this.#byKey.delete(key(line.session, line.id));
    line.session = session;
    this.#byKey.set(key(session, line.id), line);
  }

  /** Note that people came or went, or that something is missing; joins the last line where that tells the same. Returns `[line, isNew]`. */
  note(kind, name, at) {
    const last = this.lines.at(-1);
    if (last?.kind === kind && at - last.at < 60000) {
      if (kind !== 'missing') last.names.push(name);
      return [last, false];
    }
    return [this.#add({ kind, at, names: [name] }), true];
  }

  /** Begin with lines that were kept, as `lines` had them. */
  restore(lines) {
    this.clear();
    for (const line of lines) this.#add(line);
  }

  clear() {
    this.lines = [];
    this.#byKey.clear();
    this.#own.clear();
  }

  #add(line) {
    this.lines.push(line);
    if (line.id !== undefined) this.#byKey.set(key(line.session, line.id), line);
    if (line.own) this.#own.set(line.id, line);
    if (this.lines.length > KEPT) {
      const oldest = this.lines.shift();
      if (oldest.id !== undefined) this.#byKey.delete(key(oldest.session, oldest.id));
      if (oldest.own) this.#own.delete(oldest.id);
    }
    return line;
  }
}

function key(session, id) {
  return JSON.stringify([session, id]);
}
