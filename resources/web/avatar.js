/** How a person is drawn: the first character of the name on a quiet colour of their own. */

export function drawAvatar(element, { name, user }) {
  const [first] = new Intl.Segmenter().segment(name.trim());
  element.textContent = (first?.segment ?? '?').toLocaleUpperCase();
  element.style.setProperty('--hue', hue(user));
}

function hue(text) {
  let hash = 0;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}
