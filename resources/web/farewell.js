/** Why a page is no longer in its room, in a sentence; pure. */

const REASONS = {
  kicked: 'You were put out of this room.',
  room_full: 'This room is full. Try again when somebody has left.',
};

/** The node has put this page out of its room. */
export function sentenceForLeft(reason) {
  return REASONS[reason] ?? 'You have left this room.';
}

/** A moderator has removed it: `moderated` is what was told before, or null; `closing` the sentence of the close. */
export function sentenceForRemoval(moderated, closing) {
  const { by, reason } = moderated ?? {};
  const text = reason || closing;
  return `You were removed${by ? ` by ${by}` : ''}${text ? `: ${text}` : '.'}`;
}
