/** How the page says that its connection is away, and back: since when, and what becomes of what one writes; pure. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const LONG = 15000;

/** Words for a connection that is away since `since` at `now`; `offline`: the device has no network; `waiting`: texts not sent. */
export function wordsForAway({ since, now, offline, waiting }) {
  const at = CLOCK.format(since);
  const kept = waiting ? `${texts(waiting)} waiting and will be sent.` : 'What you write is kept and sent.';
  if (offline) return { title: 'You are offline', detail: `No network on this device since ${at}. ${kept}` };
  if (now - since > LONG) return { title: 'Still reconnecting…', detail: `No server has answered since ${at}. ${kept}` };
  return { title: 'Reconnecting…', detail: `Connection lost at ${at}. ${kept}` };
}

/** Words for a connection that is back; `complete`: nothing was missed. */
export function wordsForBack({ since, now, node, complete }) {
  const seconds = Math.max(1, Math.round((now - since) / 1000));
  const away = seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return { title: 'Connected again', detail: `You are on ${node}, after ${away}.${complete ? ' Nothing was missed.' : ' Some messages may be missing.'}` };
}

/** Words for a page whose session went on in another. */
export function wordsForElsewhere(room, waiting) {
  const lost = waiting ? ` ${texts(waiting)} not sent from this one.` : '';
  return `You went on in ${room || 'the room'} in another tab or window, so this one has stopped. Nothing was lost by that.${lost}`;
}

function texts(count) {
  return count === 1 ? 'One text is' : `${count} texts are`;
}
