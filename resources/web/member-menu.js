/** What can be done about one member: how loud one hears them, a moderator's mute, and a report. */

import { place } from './placing.js';

export class MemberMenu {
  #menu = document.getElementById('member-menu');
  #slider = document.getElementById('menu-volume');
  #mute = document.getElementById('menu-mute');
  #hold = document.getElementById('menu-hold');
  #unmute = document.getElementById('menu-unmute');
  #member = null;
  #button = null;

  /** `actions`: `volume(session, value)`, `mute(session, seconds)` (null: until lifted), `unmute(session)` and `report(session, button)`. */
  constructor({ volume, mute, unmute, report }) {
    const act = (handle) => () => {
      const { session } = this.#member;
      this.#menu.hidePopover();
      handle(session);
    };
    this.#slider.addEventListener('input', () => {
      volume(this.#member.session, this.#slider.valueAsNumber / 100);
      this.#describe();
    });
    this.#mute.addEventListener('click', act((session) => mute(session, 600)));
    this.#hold.addEventListener('click', act((session) => mute(session, null)));
    this.#unmute.addEventListener('click', act(unmute));
    document.getElementById('menu-report').addEventListener('click', act((session) => report(session, this.#button)));
    this.#menu.addEventListener('toggle', ({ newState }) => {
      this.#button?.setAttribute('aria-expanded', String(newState === 'open'));
      if (newState === 'closed') this.#member = null;
    });
  }

  /** Open it for a member at this button; `moderates`: whether one may mute that member. */
  open(member, button, { volume, moderates }) {
    if (this.#button !== button) this.#button?.setAttribute('aria-expanded', 'false');
    this.#member = member;
    this.#button = button;
    document.getElementById('menu-name').textContent = member.name;
    this.#slider.value = String(Math.round(volume * 100));
    this.#slider.ariaLabel = `Volume of ${member.name}`;
    document.getElementById('menu-moderation').hidden = !moderates;
    this.#describe();
    this.update(member);
    this.#menu.showPopover();
    place(this.#menu, this.#button);
    this.#slider.focus();
  }

  /** The member has changed. */
  update(member) {
    if (member.session !== this.#member?.session) return;
    this.#mute.hidden = this.#hold.hidden = member.muted;
    this.#unmute.hidden = !member.muted;
  }

  /** The member has left. */
  close(session) {
    if (session === this.#member?.session) this.#menu.hidePopover();
  }

  #describe() {
    const value = `${this.#slider.value} %`;
    this.#slider.setAttribute('aria-valuetext', value);
    document.getElementById('menu-percent').textContent = value;
  }
}
