/** The list of members: who speaks and how loud, who is muted, and for each a whisper in words or by voice. */

import { drawAvatar } from './avatar.js';
import { hold } from './hold.js';
import { MemberMenu } from './member-menu.js';

const LEVELS = 7;
const LOUDEST = 15; // -dBov that lights the whole meter
const QUIETEST = 55;

export class MembersView {
  #list = document.getElementById('member-list');
  #section = document.getElementById('members');
  #expand = document.getElementById('expand');
  #template = document.getElementById('member-template').content;
  #rows = new Map();
  #actions;
  #menu;
  #canTalk = false;

  /**
   * `actions`: `whisper(session)`, `whisperAloud(session, on)`, `volume(session, value)`, `volumeOf(member)`,
   * `moderates(member)`, `mute(session, seconds)`, `unmute(session)` and `report(session, button)`.
   */
  constructor(actions) {
    this.#actions = actions;
    this.#menu = new MemberMenu(actions);
    this.#expand.addEventListener('click', () => this.#unfold(this.#expand.ariaExpanded !== 'true'));
    this.#section.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#unfold(false));
  }

  /** Draw these and nobody else; `own` is this page's session. A row that stays keeps its focus, and what is held in it. */
  fill(members, own) {
    const sessions = new Set(members.map(({ session }) => session));
    for (const [session, { isOwn }] of this.#rows) if (!sessions.has(session) || isOwn !== (session === own)) this.remove(session);
    for (const member of members) {
      if (this.#rows.has(member.session)) this.update(member);
      else this.add(member, own);
    }
    this.count(members);
  }

  /** Draw them as a strip, as at first, where there is little room. */
  fold() {
    this.#unfold(false);
  }

  add(member, own) {
    const row = this.#template.cloneNode(true).firstElementChild;
    const isOwn = member.session === own;
    row.classList.toggle('own', isOwn);
    row.querySelector('.badge').toggleAttribute('hidden', member.role === 'user');
    row.querySelector('.who').addEventListener('click', () => this.#open(row));
    const [aloud, whisper, more] = row.querySelectorAll('.tool');
    if (isOwn) row.querySelector('.tools').remove();
    else this.#equip(member, { aloud, whisper, more });
    this.#rows.set(member.session, { row, aloud, whisper, more, isOwn, lit: 0 });
    this.update(member);
    if (isOwn) this.#list.prepend(row);
    else this.#list.append(row);
  }

  /** Whether one may whisper by voice now. */
  allowVoice(on) {
    this.#canTalk = on;
    for (const { aloud } of this.#rows.values()) aloud.disabled = !on;
  }

  #equip(member, { aloud, whisper, more }) {
    aloud.disabled = !this.#canTalk;
    hold(aloud, {
      press: (on) => this.#actions.whisperAloud(member.session, on),
      isOn: () => aloud.ariaPressed === 'true',
    });
    whisper.addEventListener('click', () => {
      this.#unfold(false);
      this.#actions.whisper(member.session);
    });
    more.addEventListener('click', () => {
      this.#menu.open(member, more, { volume: this.#actions.volumeOf(member), moderates: this.#actions.moderates(member) });
    });
  }

  /** Show what has changed of a member. */
  update(member) {
    const { row, aloud, whisper, more, isOwn } = this.#rows.get(member.session);
    const hushed = !isOwn && this.#actions.volumeOf(member) === 0;
    row.classList.toggle('speaking', member.speaking || Boolean(member.whispering));
    row.classList.toggle('whispering', Boolean(member.whispering || member.whisperedTo));
    row.classList.toggle('muted', member.muted);
    row.classList.toggle('away', member.state === 'reconnecting');
    drawAvatar(row.querySelector('.avatar'), member);
    row.querySelector('bdi').textContent = member.name;
    row.querySelector('.state').textContent = stateOf(member, isOwn, hushed);
    row.querySelector('.gag').toggleAttribute('hidden', !member.muted);
    aloud.ariaPressed = String(Boolean(member.whisperedTo));
    label(aloud, `Hold to speak to ${member.name} alone`);
    label(whisper, `Whisper to ${member.name}`);
    label(more, `More about ${member.name}`);
    this.#menu.update(member);
  }

  remove(session) {
    this.#menu.close(session);
    this.#rows.get(session)?.row.remove();
    this.#rows.delete(session);
  }

  /** Draw the meters. */
  levels(members) {
    for (const member of members) {
      const entry = this.#rows.get(member.session);
      const share = (QUIETEST - member.level) / (QUIETEST - LOUDEST);
      const lit = member.speaking || member.whispering ? Math.max(1, Math.min(LEVELS, Math.round(share * LEVELS))) : 0;
      if (!entry || entry.lit === lit) continue;
      entry.lit = lit;
      entry.row.querySelector('.level').dataset.lit = lit;
    }
  }

  /** Show how many there are and how many speak. */
  count(members) {
    const speaking = members.filter((member) => member.speaking).length;
    document.getElementById('count').textContent = members.length;
    document.getElementById('speaking-count').textContent = speaking ? `${speaking} speaking` : '';
    document.getElementById('alone').hidden = members.length !== 1;
  }

  #open(row) {
    this.#unfold(true);
    row.scrollIntoView({ block: 'nearest' });
    row.querySelector('.tool')?.focus({ preventScroll: true });
  }

  #unfold(open) {
    this.#expand.ariaExpanded = String(open);
    this.#expand.ariaLabel = open ? 'Show members as a strip' : 'Show all members with what you can do';
    this.#section.classList.toggle('unfolded', open);
  }
}

function label(button, text) {
  button.ariaLabel = text;
  button.title = text;
}

function stateOf(member, isOwn, hushed) {
  if (member.state === 'reconnecting') return 'reconnecting';
  if (member.whispering) return 'whispers to you';
  if (member.whisperedTo) return 'only they hear you';
  if (hushed) return 'silenced by you';
  if (member.muted) return isOwn ? 'you are muted' : 'muted';
  if (member.speaking) return isOwn ? 'you are heard' : 'speaking';
  if (isOwn) return member.deafened ? 'you hear nobody' : 'you';
  return member.role === 'user' ? '' : member.role;
}
