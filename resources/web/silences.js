/** Where a moderator has muted this page, by whom, why and until when, and how that is said; pure. */

import { momentOf } from './moment.js';

const EVERYWHERE = '';

export class Silences {
  #known = new Map();
  #notices = new Map();

  /** Take a `moderated` message. Who is to be put out in a moment is heard by nobody from then on. */
  take({ action, by, reason, until, room }) {
    if (action === 'kick') this.#notices.set(room ?? EVERYWHERE, { by, reason, leaves: true });
    else if (action === 'unkick' && room === null) this.#notices.clear();
    else if (action === 'unkick') this.#notices.delete(room);
    else if (action === 'mute') this.#known.set(room ?? EVERYWHERE, { by, reason, until });
    else if (action === 'unmute' && room === null) this.#known.clear();
    else if (action === 'unmute') this.#known.delete(room);
  }

  /** What is known of the mute in this room: `{by, reason, until}`, or null. The one of everywhere comes first. */
  of(room) {
    return this.everywhere ?? this.#notices.get(room) ?? this.#known.get(room) ?? null;
  }

  /** The mute of everywhere, which holds for whispers too, or null. */
  get everywhere() {
    return this.#notices.get(EVERYWHERE) ?? this.#known.get(EVERYWHERE) ?? null;
  }

  /** A new session is muted nowhere. */
  clear() {
    this.#known.clear();
    this.#notices.clear();
  }
}

/** How it is said that nobody but moderators is heard in a room. */
export const ROOM_MUTED = {
  title: 'This room is muted',
  detail: 'Only moderators are heard',
  sentence: 'A moderator has muted this room: only moderators can write.',
};

/** A mute as `{title, detail}`; null where no more is known than that there is one. */
export function wordsFor(silence) {
  const { by, reason, until, leaves } = silence ?? {};
  if (leaves) return { title: 'You are being put out', detail: [`by ${by}, in a moment`, reason].filter(Boolean).join(' · ') };
  const detail = [until ? `until ${momentOf(until)}` : '', reason ?? ''].filter(Boolean).join(' · ');
  return { title: `Muted by ${by || 'a moderator'}`, detail: detail || 'Nobody hears you here' };
}

/** A mute in a sentence. */
export function sentenceFor(silence) {
  const { by, reason, until, leaves } = silence ?? {};
  if (leaves) return `${by} puts you out in a moment${reason ? `: ${reason}` : '.'}`;
  const end = until ? ` until ${momentOf(until)}` : '';
  return `${by || 'A moderator'} has muted you${end}${reason ? `: ${reason}` : '.'}`;
}
