/** The page before the room: name, room, and why one is here again. */

const NAME_KEY = 'switchboard.name';
const LEAD = 'Talk and write with everyone in it.';
const ASKS = 'This room asks for a password.';

export class StartView {
  #view = document.getElementById('start');
  #form = document.getElementById('start-form');
  #name = document.getElementById('name');
  #room = document.getElementById('room-name');
  #password = document.getElementById('password');
  #token = document.getElementById('token');

  /** `join({name, room, password, token})` and `takeOver()` are called inside the person's own click or key. */
  constructor({ join, takeOver }) {
    this.#name.value = localStorage.getItem(NAME_KEY) ?? '';
    document.getElementById('with-token').addEventListener('click', () => {
      this.#askForToken();
      this.#token.focus();
    });
    document.getElementById('take-over').addEventListener('click', takeOver);
    document.getElementById('second').addEventListener('click', () => this.show({ room: this.#room.value }));
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#complete()) return;
      localStorage.setItem(NAME_KEY, this.#name.value.trim());
      const [name, room, token] = [this.#name, this.#room, this.#token].map(({ value }) => value.trim());
      join({ name, room, password: this.#password.value, token });
    });
  }

  /**
   * Show it for `room` (empty: ask for one). `notice` says why one is here again; `problem` is
   * `{field: 'name' | 'room' | 'password' | 'token', message}` and stands under its field. That of a password that was
   * not given yet is no mistake, and says so as the lead.
   */
  show({ room, notice = '', problem = null }) {
    const linked = Boolean(room) && problem?.field !== 'room';
    const asked = problem?.field === 'password';
    if (room) this.#room.value = room;
    document.getElementById('start-title').textContent = linked ? `Join ${room}` : 'Join a room';
    document.title = linked ? `${room} · Switchboard` : 'Switchboard';
    document.getElementById('room-field').hidden = linked;
    if (problem?.field === 'token') this.#askForToken();
    const alert = document.getElementById('start-notice');
    alert.hidden = !notice;
    alert.textContent = notice;
    document.getElementById('password-field').hidden = !asked;
    const isFirst = asked && !this.#password.value;
    this.#password.value = '';
    this.#mark(isFirst ? null : problem);
    this.busy(false);
    this.#offerToTakeOver(false);
    if (asked) document.getElementById('start-lead').textContent = ASKS;
    this.#view.hidden = false;
    if (problem) this.#input(problem.field).focus();
    else if (!this.#name.value) this.#name.focus();
    else if (!linked) this.#room.focus();
    else document.getElementById('join').focus();
  }

  /** The session goes on in another tab or window; `lead` says so. */
  showElsewhere(room, lead) {
    this.#room.value = room;
    document.title = `${room} · Switchboard`;
    document.getElementById('start-title').textContent = 'Open in another tab';
    document.getElementById('start-lead').textContent = lead;
    document.getElementById('start-notice').hidden = true;
    this.#offerToTakeOver(true);
    this.#view.hidden = false;
    document.getElementById('take-over').focus();
  }

  /** What one should know of voice before joining. */
  explain(obstacle) {
    document.getElementById('start-voice').textContent = obstacle || 'Your browser will ask for the microphone. Without it you can listen and write.';
  }

  busy(on) {
    const join = document.getElementById('join');
    join.disabled = on;
    join.textContent = on ? 'Joining…' : 'Join';
  }

  hide() {
    this.#view.hidden = true;
  }

  #offerToTakeOver(on) {
    document.getElementById('start-elsewhere').hidden = !on;
    document.getElementById('start-voice').hidden = on;
    this.#form.hidden = on;
    if (!on) document.getElementById('start-lead').textContent = LEAD;
  }

  #askForToken() {
    document.getElementById('token-field').hidden = false;
    document.getElementById('with-token').hidden = true;
  }

  #complete() {
    if (!this.#name.value.trim()) this.#mark({ field: 'name', message: 'Enter the name that others will see.' });
    else if (!this.#room.value.trim()) this.#mark({ field: 'room', message: 'Enter the name of a room; it opens when you join.' });
    else {
      this.#mark(null);
      return true;
    }
    return false;
  }

  #mark(problem) {
    for (const field of ['name', 'room', 'password', 'token']) {
      const wrong = problem?.field === field;
      const error = document.getElementById(`${field}-error`);
      error.hidden = !wrong;
      error.textContent = wrong ? problem.message : '';
      this.#input(field).ariaInvalid = String(wrong);
    }
    if (problem) this.#input(problem.field).focus();
  }

  #input(field) {
    return { name: this.#name, room: this.#room, password: this.#password, token: this.#token }[field];
  }
}
