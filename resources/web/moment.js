/** A time in few words: the hour where it is today, else the day too; pure. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
const YEAR = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

/** `at` as it is said at `now`, both in ms since 1970. */
export function momentOf(at, now = Date.now()) {
  const [there, here] = [new Date(at), new Date(now)];
  if (there.toDateString() === here.toDateString()) return CLOCK.format(at);
  return there.getFullYear() === here.getFullYear() ? DAY.format(at) : YEAR.format(at);
}
