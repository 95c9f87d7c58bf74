// The elements of a slider.

import { create, icon } from '../../elements.js';

export const ICONS = {
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  up: 'M5 15l7-7 7 7',
  down: 'M5 9l7 7 7-7',
  grip: 'M9 7l-5 5 5 5M15 7l5 5-5 5',
  done: 'M5 12.5l4.5 4.5L19 7.5',
};

/** The step buttons, in their order, and where each moves the piece. */
export const STEPS = { left: { x: -1 }, up: { y: -1 }, down: { y: 1 }, right: { x: 1 } };

/** The elements, not yet in the document. */
export function build() {
  const canvas = create('canvas', 'canvas', { role: 'img', width: '310', height: '155' });
  const inputs = {
    x: create('input', 'axis', { type: 'range', min: '0', max: '0', step: '1', tabindex: '0' }),
    y: create('input', 'axis upright', { type: 'range', min: '0', max: '0', step: '1', tabindex: '-1' }),
  };
  inputs.y.setAttribute('aria-orientation', 'vertical');
  const grip = create('div', 'grip', {}, [icon(ICONS.grip), inputs.x, inputs.y]);
  const picture = create('div', 'picture', {}, [canvas]);
  const hint = create('span', 'slide-hint', { 'aria-hidden': 'true' });
  const track = create('div', 'track', {}, [create('div', 'fill'), hint, grip]);
  const steps = {};
  for (const name of Object.keys(STEPS)) steps[name] = create('button', `step ${name}`, { type: 'button' }, [icon(ICONS[name])]);
  const check = create('button', 'check', { type: 'button' });
  const controls = create('div', 'controls', {}, [...Object.values(steps), check]);
  const root = create('div', 'slider', { 'data-axes': 'x' }, [picture, track, controls]);
  return { root, picture, canvas, track, hint, grip, inputs, steps, check };
}
