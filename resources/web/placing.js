/** Where something opens that belongs to a button: below it, else above, and never outside the page. */

const EDGE = 8;

export function place(sheet, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = sheet;
  const below = at.bottom + height + EDGE <= innerHeight;
  sheet.style.left = `${Math.max(EDGE, Math.min(at.right - width, innerWidth - width - EDGE))}px`;
  sheet.style.top = `${Math.max(EDGE, below ? at.bottom + 4 : at.top - height - 4)}px`;
}
