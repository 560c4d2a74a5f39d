/** The chat: lines, what became of one's own, the composer and whom it writes to. Text is text here, never markup. */

import { drawAvatar } from './avatar.js';

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });
const PLAIN_HINT = matchMedia('(hover: hover)').matches ? 'Enter sends, Shift Enter begins a new line.' : '';
const FULL_HINT = 'No more can be kept until the connection is back.';
const TOGETHER = 120000;
const NEAR = 40;
const ICONS = { came: 'people', went: 'leave', moved: 'info', missing: 'lost', anew: 'info', elsewhere: 'info' };
const VERBS = {
  came: 'joined', went: 'left', missing: 'may be missing here: no server has them any more',
  elsewhere: 'went on in another tab for a while; what you wrote there is not shown here',
  anew: 'came back anew, as your session had ended; what was written meanwhile may be missing here',
};

export class ChatView {
  #lines = document.getElementById('lines');
  #scroll = document.getElementById('scroll');
  #newer = document.getElementById('newer');
  #form = document.getElementById('composer');
  #text = document.getElementById('text');
  #hint = document.getElementById('text-hint');
  #items = new Map();
  #drafts = new Map();
  #actions;
  #limit = 4000;
  #muted = { here: '', everywhere: '' };
  #full = false;
  #pace = null;
  #second = null;
  #room = '';
  #to = null;
  #toHere = true;
  #unread = 0;
  #following = true;

  /** `actions`: `say(text, to)`, `again(line)` and `report(line, button)`. */
  constructor(actions) {
    this.#actions = actions;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#text.addEventListener('input', () => this.#measure());
    this.#text.addEventListener('keydown', (event) => this.#key(event));
    this.#scroll.addEventListener('scroll', () => this.#scrolled());
    // Sending by the button leaves the text field, and with it a phone's keyboard, as it is.
    document.getElementById('send').addEventListener('pointerdown', (event) => event.preventDefault());
    this.#newer.addEventListener('click', () => this.#toEnd());
    document.getElementById('to-all').addEventListener('click', () => this.writeTo(null));
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(this.#scroll);
  }

  /** Begin with an empty chat of this room. */
  enter(room, limit) {
    this.#room = room;
    this.#limit = limit;
    this.#items.clear();
    this.#lines.replaceChildren();
    this.#drafts.clear();
    this.#text.value = '';
    this.#to = null;
    this.writeTo(null, { focus: false });
    this.#toEnd();
    this.#showQuiet();
  }

  /** Add lines of the past without reading them out. */
  addPast(lines) {
    this.#scroll.ariaBusy = 'true';
    for (const line of lines) this.add(line);
    this.#scroll.ariaBusy = 'false';
  }

  add(line) {
    const item = line.names ? this.#info(line) : this.#said(line);
    this.#items.set(line, item);
    this.#lines.append(item);
    while (this.#items.size > 500) this.#forget(this.#items.keys().next().value);
    this.#showQuiet();
    if (this.#following || line.own) this.#toEnd();
    else if (!line.names) this.#countNewer(this.#unread + 1);
  }

  /** Show what has changed of a line that was added. */
  update(line) {
    const item = this.#items.get(line);
    if (!item) return;
    if (line.names) this.#fillInfo(item, line);
    else this.#fillFate(item, line);
    if (this.#following) this.#toEnd();
  }

  /** Write to one member, or to the room again: null. */
  writeTo(member, { focus = true } = {}) {
    // Each has a draft of its own: what was meant for one must not go to all.
    this.#drafts.set(this.#to?.session, this.#text.value);
    this.#text.value = this.#drafts.get(member?.session) ?? '';
    this.#to = member;
    this.#toHere = true;
    this.#form.classList.toggle('whispering', member !== null);
    document.getElementById('to').hidden = member === null;
    document.getElementById('to-name').textContent = member?.name ?? '';
    const label = member ? `Whisper to ${member.name}` : `Message to ${this.#room}`;
    this.#text.placeholder = label;
    this.#text.ariaLabel = label;
    this.#measure();
    if (focus) this.#text.focus();
  }

  /** Members came or went: a whisper to one who is gone must not become a message to all. */
  recheck(isHere) {
    this.#toHere = !this.#to || isHere(this.#to.session);
    this.#measure();
  }

  /** A moderator has muted this page: `here` and `everywhere` are sentences, empty where it is not so. */
  mute(muted) {
    this.#muted = muted;
    this.#measure();
  }

  /** The room may be in slow mode: nothing is written to it before `pace` says so. */
  keepPace(pace) {
    this.#pace = pace;
    this.#measure();
    clearInterval(this.#second);
    if (pace.left(Date.now()) > 0) this.#second = setInterval(() => this.#passSecond(), 1000);
  }

  #passSecond() {
    if (this.#pace.left(Date.now()) === 0) clearInterval(this.#second);
    this.#measure();
  }

  /** So much waits to be sent that no more is taken (`full`), or it is not so any more. */
  limit(full) {
    if (this.#full === full) return;
    this.#full = full;
    this.#measure();
  }

  /** Why nothing may be written to whom the composer is set now. */
  get #obstacle() {
    if (this.#full) return FULL_HINT;
    return this.#to ? this.#muted.everywhere : this.#muted.here || this.#slow.obstacle;
  }

  get #slow() {
    return this.#pace?.words(Date.now()) ?? { obstacle: '', hint: '' };
  }

  #submit() {
    const text = this.#text.value;
    if (!text.trim() || !this.#fits() || !this.#toHere || this.#obstacle) return;
    this.#text.value = '';
    this.#measure();
    this.#actions.say(text, this.#to);
  }

  #key(event) {
    if (event.key === 'Escape' && this.#to) this.writeTo(null);
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit();
  }

  #fits() {
    return [...this.#text.value].length <= this.#limit;
  }

  #measure() {
    this.#text.style.height = 'auto';
    this.#text.style.height = `${this.#text.scrollHeight}px`;
    const length = [...this.#text.value].length;
    const wrong = length > this.#limit || !this.#toHere;
    this.#form.classList.toggle('wrong', wrong);
    this.#form.classList.toggle('silenced', Boolean(this.#obstacle));
    this.#form.classList.toggle('paced', this.#obstacle === this.#slow.obstacle);
    document.getElementById('send').disabled = wrong || Boolean(this.#obstacle);
    this.#hint.textContent = this.#hintText(length);
  }

  #hintText(length) {
    if (this.#obstacle) return this.#obstacle;
    if (!this.#toHere) return `${this.#to.name} has left; nobody gets this text.`;
    if (length > this.#limit * 0.9) return `${length.toLocaleString()} of ${this.#limit.toLocaleString()} characters`;
    return this.#to ? `Only ${this.#to.name} will see this.` : this.#slow.hint || PLAIN_HINT;
  }

  #said(line) {
    const item = clone('line-template');
    const last = this.#lines.lastElementChild;
    const follows = last?.dataset.author === authorOf(line) && line.at - Number(last.dataset.at) < TOGETHER;
    item.dataset.author = authorOf(line);
    item.dataset.at = line.at;
    item.classList.add(line.kind);
    item.classList.toggle('own', line.own);
    item.classList.toggle('follows', follows);
    drawAvatar(item.querySelector('.avatar'), line);
    item.querySelector('.name').textContent = nameOf(line);
    item.querySelector('.only').textContent = remarkOn(line);
    item.querySelector('.text').textContent = line.text;
    fillTime(item, line.at);
    item.querySelector('.fate button').addEventListener('click', () => this.#actions.again(line));
    const flag = item.querySelector('.flag');
    if (line.own) flag.remove();
    else flag.addEventListener('click', () => this.#actions.report(line, flag));
    item.addEventListener('click', () => this.#pick(item));
    this.#fillFate(item, line);
    return item;
  }

  /** Where nothing hovers, a line that is tapped shows what can be done about it. */
  #pick(item) {
    this.#lines.querySelector('.picked')?.classList.remove('picked');
    item.classList.add('picked');
  }

  #fillFate(item, line) {
    item.dataset.fate = line.fate ?? '';
    const fate = item.querySelector('.fate');
    const failed = line.fate === 'unsent' || line.fate === 'unknown';
    fate.hidden = !failed;
    fate.querySelector('span').textContent = line.reason ?? '';
  }

  #info(line) {
    const item = clone('info-template');
    item.querySelector('use').setAttribute('href', `#icon-${ICONS[line.kind]}`);
    this.#fillInfo(item, line);
    return item;
  }

  #fillInfo(item, line) {
    // A move is a sentence of its own.
    item.querySelector('span').textContent = line.kind === 'moved' ? line.names.at(-1) : `${listNames(line.names)} ${VERBS[line.kind]}`;
    fillTime(item, line.at);
  }

  #forget(line) {
    this.#items.get(line).remove();
    this.#items.delete(line);
  }

  #showQuiet() {
    document.getElementById('quiet').hidden = this.#lines.querySelector('.line') !== null;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.#following) this.#countNewer(0);
  }

  #toEnd() {
    this.#following = true;
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#countNewer(0);
  }

  #countNewer(count) {
    this.#unread = count;
    this.#newer.hidden = count === 0;
    document.getElementById('newer-text').textContent = `${count} newer`;
  }
}

function clone(id) {
  return document.getElementById(id).content.cloneNode(true).firstElementChild;
}

function authorOf(line) {
  return JSON.stringify([line.kind, line.session, line.to?.session]);
}

function nameOf(line) {
  if (!line.own) return line.name;
  return line.to ? `You to ${line.to.name}` : 'You';
}

function remarkOn(line) {
  if (line.kind === 'announcement') return line.everywhere ? 'announcement to everybody' : 'announcement to this room';
  return line.kind === 'whisper' && !line.own ? 'only you' : '';
}

function fillTime(item, at) {
  const time = item.querySelector('time');
  time.dateTime = new Date(at).toISOString();
  time.textContent = CLOCK.format(at);
  time.title = FULL.format(at);
}

function listNames(names) {
  const shown = [...new Set(names)];
  if (shown.length <= 3) return new Intl.ListFormat('en').format(shown);
  return `${shown.slice(0, 2).join(', ')} and ${shown.length - 2} more`;
}
