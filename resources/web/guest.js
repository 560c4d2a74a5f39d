/** Who this browser is where nobody asks for a token: the same user each time, so that others know it again. */

const KEY = 'switchboard.user';

/** The user that a node made for it; empty before the first one. */
export function guest() {
  try {
    return localStorage.getItem(KEY) ?? '';
  } catch {
    return '';
  }
}

/** A session began as this user. One that a token named is not this browser's own. */
export function remember(user) {
  if (!user.startsWith('guest-')) return;
  try {
    localStorage.setItem(KEY, user);
  } catch {
    // A browser that lets this page keep nothing is somebody else each time.
  }
}
