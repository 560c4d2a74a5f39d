/** The rooms that a moderator is limited to: names, and patterns in which `*` stands for anything; pure. */

/** Whether who has this scope, as `welcome` told it, may act in `room`; null or undefined is every room. */
export function covers(scope, room) {
  return !scope || scope.some((pattern) => fits(pattern, room));
}

function fits(pattern, room) {
  const parts = pattern.split('*');
  const [first, last] = [parts.shift(), parts.pop()];
  if (last === undefined) return room === pattern;
  if (room.length < first.length + last.length || !room.startsWith(first) || !room.endsWith(last)) return false;
  const end = room.length - last.length;
  let place = first.length;
  for (const part of parts) {
    const found = room.indexOf(part, place);
    if (found < 0 || found + part.length > end) return false;
    place = found + part.length;
  }
  return true;
}
