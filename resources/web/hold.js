/** A button that acts while it is held: by pointer, by the space bar, or turned on and off by Enter. */

/** `press(on)` is called on each change; `isOn()` tells whether it is on. */
export function hold(button, { press, isOn }) {
  const release = () => isOn() && press(false);
  button.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    button.setPointerCapture(event.pointerId);
    press(true);
  });
  for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) button.addEventListener(name, release);
  button.addEventListener('contextmenu', (event) => event.preventDefault());
  button.addEventListener('keydown', (event) => {
    if (event.key !== ' ') return;
    event.preventDefault();
    if (!event.repeat) press(true);
  });
  button.addEventListener('keyup', (event) => {
    if (event.key !== ' ') return;
    event.preventDefault();
    release();
  });
  // A click without a pointer is Enter or a screen reader, which cannot hold.
  button.addEventListener('click', ({ detail }) => detail === 0 && press(!isOn()));
  button.addEventListener('blur', release);
}
