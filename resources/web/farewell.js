/** Why a page is no longer in its room, or not let in, in a sentence; pure. */

import { momentOf } from './moment.js';

/** A time that is over by then, as that of a kick which was told before it came, is not worth a word. */
const SOON = 1000;

/** The node has put this page out of its room; `moderated` is what was told before, or null. */
export function sentenceForLeft(reason, moderated) {
  if (reason === 'kicked') return sentence('put out of this room', moderated);
  if (reason === 'banned') return sentence('banned from this room', moderated);
  if (reason === 'room_full') return 'This room is full. Try again when somebody has left.';
  return 'You have left this room.';
}

/** A moderator has removed it: `closing` is the sentence of the close, for where nothing was told before. */
export function sentenceForRemoval(moderated, closing) {
  if (!moderated) return closing ? `You were removed: ${closing}` : 'You were removed.';
  return sentence(moderated.action === 'ban' ? 'banned' : 'removed', moderated);
}

/** The node does not let this page in. */
export function sentenceForRefusal(message) {
  return message.charAt(0).toUpperCase() + message.slice(1) + (/[.!?…]$/.test(message) ? '' : '.');
}

/** The same of a ban, whose end the node tells in UTC: here by the clock of whoever reads it, at `now`. */
export function sentenceForBan({ message, retryAfter }, now) {
  return sentenceForRefusal(retryAfter ? message.replace(/ until \S+ \S+ UTC/, ` until ${momentOf(now + retryAfter, now)}`) : message);
}

/** A moderator has moved it from `room`. */
export function wordsForMove(room, moderated) {
  const { by, reason } = moderated ?? {};
  return `${by || 'A moderator'} has moved you here from ${room}${reason ? `: ${reason}` : ''}`;
}

function sentence(what, moderated) {
  const { by, reason, until } = moderated ?? {};
  const end = until > Date.now() + SOON ? ` until ${momentOf(until)}` : '';
  return `You were ${what}${by ? ` by ${by}` : ''}${end}${reason ? `: ${reason}` : '.'}`;
}
