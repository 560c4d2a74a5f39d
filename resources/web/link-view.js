/** Whether there is a connection: the node's name at the top, and a banner while it is away and when it is back. */

import { wordsForAway, wordsForBack } from './standing.js';

/** A connection that is back sooner than so is not spoken of: nothing flashes. */
const PATIENCE = 700;
const REDRAW = 5000;
const FAREWELL = 5000;

export class LinkView {
  #view = document.getElementById('room');
  #banner = document.getElementById('banner');
  #name = document.getElementById('link-text');
  #state = document.getElementById('link-state');
  #away = null;
  #shown = false;
  #timer = null;
  #changed;
  #waiting;

  /** `hurry()` tries now; `changed()`: what is shown of the connection has; `waiting()`: texts that are not sent. */
  constructor({ hurry, changed, waiting }) {
    this.#changed = changed;
    this.#waiting = waiting;
    document.getElementById('try-now').addEventListener('click', hurry);
    for (const name of ['online', 'offline']) window.addEventListener(name, () => this.#shown && this.#draw());
  }

  /** Away for long enough that one should know. */
  get isAway() {
    return this.#shown;
  }

  /** The connection is lost, and is sought again. */
  lose(now) {
    if (this.#away !== null) return;
    this.#away = now;
    this.#after(PATIENCE, () => {
      this.#shown = true;
      this.#view.classList.add('lost');
      this.#draw();
      this.#changed();
    });
  }

  /** Connected to this node; `complete`: nothing was missed meanwhile. */
  find(node, now, complete) {
    const words = this.#shown && wordsForBack({ since: this.#away, now, node, complete });
    this.clear();
    this.#name.textContent = node;
    this.#state.title = `Connected to ${node}`;
    if (!words) return;
    this.#say(words, 'back');
    this.#after(FAREWELL, () => (this.#banner.hidden = true));
    this.#changed();
  }

  /** What waits has changed. */
  update() {
    if (this.#shown) this.#draw();
  }

  /** Nothing is known of any connection. */
  clear() {
    clearTimeout(this.#timer);
    this.#away = null;
    this.#shown = false;
    this.#view.classList.remove('lost');
    this.#banner.hidden = true;
  }

  #draw() {
    const words = wordsForAway({ since: this.#away, now: Date.now(), offline: !navigator.onLine, waiting: this.#waiting() });
    this.#say(words, 'away');
    this.#name.textContent = navigator.onLine ? 'reconnecting' : 'offline';
    this.#state.title = words.detail;
    this.#after(REDRAW, () => this.#draw());
  }

  #say({ title, detail }, kind) {
    this.#banner.dataset.kind = kind;
    document.getElementById('try-now').hidden = kind !== 'away';
    document.getElementById('banner-icon').setAttribute('href', kind === 'away' ? '#icon-lost' : '#icon-check');
    // Only what is new, or a screen reader says it again.
    setText(document.getElementById('banner-title'), title);
    setText(document.getElementById('banner-detail'), detail);
    this.#banner.hidden = false;
    setText(document.getElementById('spoken'), `${title} ${detail}`);
  }

  #after(ms, act) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
