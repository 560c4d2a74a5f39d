/** Who is in the room and who speaks; the volumes that this page set for people. */

export class Roster {
  #members = new Map();
  #volumes = new Map();

  /** Let these be the members, as `joined` lists them. Returns who `came` and who `went`. */
  fill(members) {
    const before = this.#members;
    this.#members = new Map();
    for (const member of members) this.add({ ...member, whisperedTo: before.get(member.session)?.whisperedTo });
    return {
      came: members.filter(({ session }) => !before.has(session)),
      went: [...before.values()].filter(({ session }) => !this.#members.has(session)),
    };
  }

  clear() {
    this.#members.clear();
  }

  add(member) {
    this.#members.set(member.session, { ...member, level: 127 });
  }

  /** Forget a session; returns who it was, if it was known. */
  remove(session) {
    const member = this.#members.get(session);
    this.#members.delete(session);
    return member;
  }

  /** Take the changed keys of `member_updated`; returns the member, if it is known. */
  update(session, changes) {
    const member = this.#members.get(session);
    return member && Object.assign(member, changes);
  }

  get(session) {
    return this.#members.get(session);
  }

  all() {
    return [...this.#members.values()];
  }

  bySsrc(ssrc) {
    return this.all().find((member) => member.ssrc === ssrc);
  }

  /** The volume set for this person, 1 as sent; it belongs to the user, so it outlives a lost connection. */
  volume(member) {
    return this.#volumes.get(member.user) ?? 1;
  }

  setVolume(member, volume) {
    this.#volumes.set(member.user, volume);
  }
}
