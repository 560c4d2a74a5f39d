/** The controls of one's own voice: key and button to talk, open microphone, mute, deafen, the meter, and why not. */

const MODE_KEY = 'switchboard.mode';
const SILENT_DB = -70;
const LOUD_DB = -10;
/** Blocks of the microphone for which the meter is drawn once: 100 ms; to draw costs more than to listen. */
const BLOCKS_DRAWN = 5;

const OBSTACLES = {
  refused: ['The microphone is blocked for this page. Allow it in the browser’s site settings; until then you can listen and write.', 'Try again'],
  absent: ['No microphone was found. Connect one and try again; until then you can listen and write.', 'Try again'],
  busy: ['The microphone could not be opened; another program may be using it. You can listen and write.', 'Try again'],
};

export class TalkView {
  #talk = document.getElementById('talk');
  #mute = document.getElementById('mute');
  #deafen = document.getElementById('deafen');
  #meter = document.getElementById('meter');
  #notice = document.getElementById('voice-notice');
  #retry = document.getElementById('voice-retry');
  #actions;
  #state = { mode: 'push' };
  #blocks = [];

  /** `actions`: `press(on)`, `mute()`, `deafen()`, `mode(name)` and `retry()`. */
  constructor(actions) {
    this.#actions = actions;
    this.#hold();
    this.#keys();
    this.#mute.addEventListener('click', () => actions.mute());
    this.#deafen.addEventListener('click', () => actions.deafen());
    this.#retry.addEventListener('click', () => actions.retry());
    for (const radio of document.querySelectorAll('input[name=mode]')) {
      radio.addEventListener('change', () => this.#choose(radio.value));
    }
  }

  /** The way to talk that was chosen last. */
  restoreMode() {
    const mode = localStorage.getItem(MODE_KEY) === 'open' ? 'open' : 'push';
    document.querySelector(`input[name=mode][value=${mode}]`).checked = true;
    this.#actions.mode(mode);
  }

  /**
   * Draw the state: `mode`, `muted`, `pressed`, `onAir`, `microphone` (see `Microphone.state`), `obstacle` (why the
   * page has no voice at all, or empty), `audible` (the browser lets sound out), `linked` (in a room), `away` (no
   * connection, one hopes for it), `deafened`,
   * `silenced` (`{title, detail}` where a moderator has muted this page, or null), `whispered` (name of the one who
   * alone hears it, or null).
   */
  show(state) {
    this.#state = state;
    const { mode, muted, microphone, obstacle, linked, away, deafened, silenced, whispered } = state;
    const onAir = state.onAir && !away;
    const ready = microphone === 'ready';
    document.getElementById('controls').hidden = Boolean(obstacle) || microphone in OBSTACLES;
    this.#talk.disabled = !ready || !linked || silenced !== null;
    this.#deafen.disabled = !linked;
    this.#deafen.ariaPressed = String(deafened);
    document.getElementById('deafen-text').textContent = deafened ? 'Hear' : 'Deafen';
    this.#mute.disabled = !ready;
    this.#mute.ariaPressed = String(muted);
    document.getElementById('mute-text').textContent = muted ? 'Unmute' : 'Mute';
    this.#talk.ariaPressed = String(mode === 'open' ? !muted : state.pressed);
    this.#talk.classList.toggle('on-air', onAir);
    this.#talk.classList.toggle('whispering', whispered !== null && !away);
    this.#talk.classList.toggle('silenced', silenced !== null);
    this.#talk.classList.toggle('muted', muted);
    this.#talk.classList.toggle('away', away);
    this.#talk.classList.toggle('push', mode === 'push');
    this.#meter.classList.toggle('gated', mode === 'open');
    this.#meter.classList.toggle('idle', muted || silenced !== null);
    const [text, hint] = wordsFor(state);
    document.getElementById('talk-text').textContent = text;
    document.getElementById('talk-hint').textContent = hint;
    this.#talk.title = silenced ? hint : '';
    document.getElementById('talk-icon').setAttribute('href', `#icon-${muted || silenced ? 'mic-off' : onAir ? 'mic-fill' : 'mic'}`);
    this.#showNotice(state);
  }

  /** Take one's own loudness in dBov, block by block; the loudest of some is drawn. */
  level(db) {
    this.#blocks.push(db);
    if (this.#blocks.length < BLOCKS_DRAWN) return;
    const loudest = Math.max(...this.#blocks);
    this.#blocks = [];
    const share = Math.max(0, Math.min(1, (loudest - SILENT_DB) / (LOUD_DB - SILENT_DB)));
    this.#meter.style.setProperty('--level', share.toFixed(2));
  }

  /** Say something that passes, such as the node's refusal of a voice frame. */
  remark(text) {
    document.getElementById('talk-hint').textContent = text;
  }

  #showNotice({ obstacle, microphone, audible, deafened }) {
    let [text, button] = obstacle ? [obstacle, ''] : OBSTACLES[microphone] ?? ['', ''];
    if (!obstacle && !audible && !deafened) [text, button] = ['The browser holds back the sound of this page.', 'Turn sound on'];
    this.#notice.hidden = !text;
    document.getElementById('voice-text').textContent = text;
    this.#retry.hidden = !button;
    this.#retry.textContent = button;
  }

  #choose(mode) {
    localStorage.setItem(MODE_KEY, mode);
    this.#actions.mode(mode);
  }

  #hold() {
    const release = () => this.#actions.press(false);
    this.#talk.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || this.#state.mode !== 'push') return;
      this.#talk.setPointerCapture(event.pointerId);
      this.#actions.press(true);
    });
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) this.#talk.addEventListener(name, release);
    this.#talk.addEventListener('contextmenu', (event) => event.preventDefault());
    this.#talk.addEventListener('click', (event) => {
      if (this.#state.mode === 'open') this.#actions.mute();
      // A click without a pointer is Enter or a screen reader, which cannot hold: it turns talking on and off.
      else if (event.detail === 0) this.#actions.press(!this.#state.pressed);
    });
    window.addEventListener('blur', release);
  }

  #keys() {
    document.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
      if (event.key === 'm' || event.key === 'M') {
        if (!event.repeat && !this.#mute.disabled) this.#actions.mute();
      } else if (event.key === 'd' || event.key === 'D') {
        if (!event.repeat && !this.#deafen.disabled) this.#actions.deafen();
      } else if (event.key === ' ' && this.#isTalkKey(event.target)) {
        event.preventDefault();
        if (!event.repeat) this.#actions.press(true);
      }
    });
    document.addEventListener('keyup', (event) => {
      if (event.key !== ' ' || !this.#state.pressed) return;
      event.preventDefault();
      this.#actions.press(false);
    });
    // A button clicked by a pointer must not keep the space bar for itself.
    document.addEventListener('click', ({ detail, target }) => detail > 0 && target.closest('button, label')?.blur());
    document.addEventListener('change', ({ target }) => target.matches('input[type=radio]:not(:focus-visible)') && target.blur());
  }

  #isTalkKey(target) {
    if (this.#state.mode !== 'push' || !this.#state.linked) return false;
    return target === this.#talk || !target.closest('button, a, input[type=radio]');
  }
}

function isTyping(target) {
  return target.closest('textarea, input[type=text], input[type=password]') !== null;
}

function wordsFor({ mode, muted, pressed, onAir, microphone, linked, away, silenced, whispered }) {
  if (microphone === 'asking') return ['Waiting for the microphone', 'Allow it when the browser asks'];
  if (!linked) return ['Not connected', ''];
  if (silenced) return [silenced.title, silenced.detail];
  if (muted) return ['Muted', mode === 'open' ? 'Press to be heard again' : 'Nobody hears you'];
  if (away) return ['Reconnecting', pressed || mode === 'open' ? 'You are heard again by itself' : 'Nobody hears you just now'];
  if (whispered !== null) return [`Only ${whispered} hears you`, 'Let go to stop'];
  if (onAir) return ['You are heard', mode === 'open' ? 'Press to mute' : 'Let go to stop'];
  if (mode === 'open') return ['Microphone is open', 'Speak, or press to mute'];
  if (pressed) return ['Speak now', 'Let go to stop'];
  return ['Hold to talk', matchMedia('(hover: hover)').matches ? 'or hold the space bar' : ''];
}
