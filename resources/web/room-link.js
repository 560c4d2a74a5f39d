/** The room that the address bar links to. */

/** Its name, as nodes write it; empty where there is none. */
export function roomOfLink() {
  try {
    return decodeURIComponent(location.hash.slice(1)).normalize().trim();
  } catch {
    return '';
  }
}

/** Let the link be to this room, without a step to go back. */
export function linkTo(room) {
  window.history.replaceState(null, '', `#${encodeURIComponent(room)}`);
}
