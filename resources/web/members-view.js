/** The list of members: who speaks and how loud, volume and whisper for each. */

import { drawAvatar } from './avatar.js';

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

  /** `actions`: `whisper(session)` and `volume(session, value)`. */
  constructor(actions) {
    this.#actions = actions;
    this.#expand.addEventListener('click', () => this.#unfold(this.#expand.ariaExpanded !== 'true'));
    this.#section.addEventListener('keydown', ({ key }) => key === 'Escape' && this.#unfold(false));
  }

  /** Draw everybody anew; `own` is this page's session. */
  fill(members, own, volumeOf) {
    this.#rows.clear();
    this.#list.replaceChildren();
    for (const member of members) this.add(member, own, volumeOf(member));
    this.#unfold(false);
    this.count(members);
  }

  add(member, own, volume) {
    const row = this.#template.cloneNode(true).firstElementChild;
    const isOwn = member.session === own;
    row.classList.toggle('own', isOwn);
    row.querySelector('.badge').toggleAttribute('hidden', member.role === 'user');
    row.querySelector('.who').addEventListener('click', () => this.#open(row));
    const slider = row.querySelector('input');
    const whisper = row.querySelector('.whisper');
    if (isOwn) {
      slider.parentElement.remove();
      whisper.remove();
    } else {
      slider.value = String(Math.round(volume * 100));
      slider.addEventListener('input', () => this.#actions.volume(member.session, slider.valueAsNumber / 100));
      whisper.addEventListener('click', () => {
        this.#unfold(false);
        this.#actions.whisper(member.session);
      });
    }
    this.#rows.set(member.session, { row, slider, whisper, isOwn, lit: 0 });
    this.update(member);
    if (isOwn) this.#list.prepend(row);
    else this.#list.append(row);
  }

  /** Show what has changed of a member. */
  update(member) {
    const { row, slider, whisper, isOwn } = this.#rows.get(member.session);
    row.classList.toggle('speaking', member.speaking);
    row.classList.toggle('away', member.state === 'reconnecting');
    drawAvatar(row.querySelector('.avatar'), member);
    row.querySelector('bdi').textContent = member.name;
    row.querySelector('.state').textContent = stateOf(member, isOwn);
    slider.ariaLabel = `Volume of ${member.name}`;
    slider.setAttribute('aria-valuetext', `${slider.value} %`);
    row.classList.toggle('hushed', slider.value === '0');
    whisper.ariaLabel = `Whisper to ${member.name}`;
    whisper.title = `Whisper to ${member.name}`;
  }

  remove(session) {
    this.#rows.get(session)?.row.remove();
    this.#rows.delete(session);
  }

  /** Draw the meters. */
  levels(members) {
    for (const member of members) {
      const entry = this.#rows.get(member.session);
      const share = (QUIETEST - member.level) / (QUIETEST - LOUDEST);
      const lit = member.speaking ? Math.max(1, Math.min(LEVELS, Math.round(share * LEVELS))) : 0;
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
    document.getElementById('alone').hidden = members.length > 1;
  }

  #open(row) {
    this.#unfold(true);
    row.scrollIntoView({ block: 'nearest' });
    row.querySelector('input')?.focus({ preventScroll: true });
  }

  #unfold(open) {
    this.#expand.ariaExpanded = String(open);
    this.#expand.ariaLabel = open ? 'Show members as a strip' : 'Show all members with volume and whisper';
    this.#section.classList.toggle('unfolded', open);
  }
}

function stateOf(member, isOwn) {
  if (member.state === 'reconnecting') return 'reconnecting';
  if (member.speaking) return isOwn ? 'you are heard' : 'speaking';
  if (isOwn) return 'you';
  return member.role === 'user' ? '' : member.role;
}
