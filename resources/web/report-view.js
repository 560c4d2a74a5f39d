/** A report to the moderators, of a person or of something they wrote: asked for beside it, confirmed in the same place. */

import { Lost } from './connection.js';
import { place } from './placing.js';

const UNLINKED = 'There is no connection just now: send it again when it is back.';

export class ReportView {
  #sheet = document.getElementById('report');
  #form = document.getElementById('report-form');
  #about = document.getElementById('report-about');
  #text = document.getElementById('report-text');
  #error = document.getElementById('report-error');
  #submit = document.getElementById('report-send');
  #done = document.getElementById('report-done');
  #send;
  #limit = 4000;
  #target = null;
  #lines = [];
  #drafts = new Map();

  /** `send(fields)` asks the node and settles when it has answered; `fields` are those of `report` but for the room. */
  constructor({ send }) {
    this.#send = send;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#file();
    });
    this.#text.addEventListener('input', () => this.#check());
    for (const id of ['report-cancel', 'report-close']) document.getElementById(id).addEventListener('click', () => this.#sheet.hidePopover());
    this.#sheet.addEventListener('toggle', ({ newState }) => newState === 'closed' && this.#leave());
  }

  /**
   * Ask what is wrong with `who` (`session`, `name`), beside `anchor`. `lines` are what they wrote of late, the last
   * one last, and `line` the one of them that it is about, or null.
   */
  open(who, anchor, { lines, line = null, limit }) {
    this.#target = who;
    this.#lines = lines;
    this.#limit = limit;
    document.getElementById('report-title').textContent = `Report ${who.name}`;
    this.#about.replaceChildren(option('', `${who.name} in general`), ...lines.map((each, index) => option(String(index), `“${brief(each.text)}”`)));
    this.#about.value = line ? String(lines.indexOf(line)) : '';
    document.getElementById('report-choice').hidden = lines.length === 0;
    this.#text.value = this.#drafts.get(who.session) ?? '';
    this.#show(false);
    this.#check();
    this.#sheet.showPopover();
    place(this.#sheet, anchor);
    this.#text.focus();
  }

  /** The room is left. */
  close() {
    if (this.#target) this.#sheet.hidePopover();
  }

  async #file() {
    const text = this.#text.value;
    const { session } = this.#target;
    const line = this.#lines[this.#about.value];
    if (!text.trim() || this.#submit.disabled) return;
    this.#submit.disabled = true;
    let problem = '';
    try {
      await this.#send({ session, text, ...(line && { origin: line.origin, seq: line.seq }) });
      this.#drafts.delete(session);
    } catch (error) {
      problem = error instanceof Lost ? UNLINKED : sentence(error.message);
    }
    if (this.#target?.session !== session) return;
    if (problem) {
      this.#check();
      this.#fail(problem);
    } else {
      this.#text.value = '';
      this.#show(true);
      document.getElementById('report-close').focus();
    }
  }

  #show(done) {
    this.#form.hidden = done;
    this.#done.hidden = !done;
    document.getElementById('report-told').textContent = done ? 'Reported. The moderators have it, with what was written here in the last minute.' : '';
  }

  /** Whether it can be sent as it is; what was wrong before is not, once it is changed. */
  #check() {
    const length = [...this.#text.value].length;
    const tooLong = length > this.#limit;
    this.#submit.disabled = tooLong || !this.#text.value.trim();
    this.#fail(tooLong ? `${length.toLocaleString()} of ${this.#limit.toLocaleString()} characters` : '');
  }

  #fail(problem) {
    this.#error.textContent = problem;
    this.#error.hidden = !problem;
    this.#text.setAttribute('aria-invalid', String(Boolean(problem)));
  }

  /** What was written and not sent is there when it is opened again. */
  #leave() {
    if (this.#target && this.#done.hidden) this.#drafts.set(this.#target.session, this.#text.value);
    this.#target = null;
  }
}

function option(value, text) {
  const made = document.createElement('option');
  made.value = value;
  made.textContent = text;
  return made;
}

function brief(text) {
  const line = text.trim().replace(/\s+/g, ' ');
  const shown = [...line].slice(0, 60).join('');
  return shown === line ? line : `${shown}…`;
}

/** What the node says, as a sentence of its own. */
function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}
