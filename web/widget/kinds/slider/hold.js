// A button that acts once when tapped and again and again while it is held.

const HOLD_DELAY_MS = 400;
const REPEAT_MS = 50;

/** Runs `act` on every tap or key press of `button`, and repeatedly while a pointer holds it down. */
export function onPressAndHold(button, act) {
  let timer;
  let repeated = false;

  const repeat = () => {
    repeated = true;
    act();
    timer = setTimeout(repeat, REPEAT_MS);
  };
  const release = () => clearTimeout(timer);

  button.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    release();
    repeated = false;
    timer = setTimeout(repeat, HOLD_DELAY_MS);
  });
  for (const name of ['pointerup', 'pointercancel', 'pointerleave']) button.addEventListener(name, release);

  button.addEventListener('click', (event) => {
    // A tap acts on release, so that it can be taken back by moving away (WCAG 2.5.2). The click that ends a hold has
    // had its effect. Keys and assistive technology send clicks without a pointer: detail 0.
    if (event.detail === 0 || !repeated) act();
    repeated = false;
  });

  // A long touch would open the menu in the middle of a hold.
  button.addEventListener('contextmenu', (event) => event.preventDefault());
}
