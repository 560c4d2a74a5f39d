/** The frame of the room: its name, who speaks in a few words, and the link to it. */

const COPIED_MS = 2000;

export class RoomView {
  #view = document.getElementById('room');
  #title = document.getElementById('title');

  /** `actions`: `leave()`. */
  constructor({ leave }) {
    document.getElementById('leave').addEventListener('click', leave);
    for (const button of document.querySelectorAll('.copy')) {
      button.hidden = !navigator.clipboard;
      button.addEventListener('click', () => copyLink(button.querySelector('span')));
    }
  }

  /** Show the room of this name. */
  show(room) {
    this.#title.textContent = room;
    document.title = `${room} · Switchboard`;
    if (!this.#view.hidden) return;
    this.#view.hidden = false;
    this.#title.focus();
  }

  hide() {
    this.#view.hidden = true;
  }

  /** Beside the room's name whether it is locked; under it who whispers to this page, or its title and who speaks. */
  describe(members, { title, locked }) {
    document.getElementById('locked').toggleAttribute('hidden', !locked);
    const whispering = namesOf(members.filter((member) => member.whispering));
    const speaking = namesOf(members.filter((member) => member.speaking));
    const subtitle = document.getElementById('subtitle');
    subtitle.classList.toggle('whispered', whispering !== '');
    if (whispering) subtitle.textContent = `Whispered to you by ${whispering}`;
    else subtitle.textContent = [title, speaking && `${speaking} speaking`].filter(Boolean).join(' · ') || 'Nobody is speaking';
    subtitle.title = title;
  }
}

function namesOf(members) {
  const names = members.map((member) => member.name);
  return names.length > 3 ? `${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
}

async function copyLink(words) {
  try {
    await navigator.clipboard.writeText(location.href);
    words.textContent = 'Copied';
  } catch {
    words.textContent = 'Copy it from the address bar';
  }
  setTimeout(() => (words.textContent = 'Copy link'), COPIED_MS);
}
