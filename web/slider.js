// The slider: a picture, a piece that moves along it, and every way to move it. It knows nothing of servers or languages:
// whoever uses it gives it a view and words, and listens for `move` and `answer`.
//
// Nobody has to drag (WCAG 2.5.7): the step buttons, a tap on the track and the keyboard all reach every position.
// Letting go of a drag answers, as people expect of a slider; what was moved in any other way waits for Check or Enter.

import { onPressAndHold } from './hold.js';
import { SliderPicture } from './picture.js';

const STRIDE = 10;

const ICONS = {
  back: 'M15 5l-7 7 7 7',
  forward: 'M9 5l7 7-7 7',
  grip: 'M9 7l-5 5 5 5M15 7l5 5-5 5',
  done: 'M5 12.5l4.5 4.5L19 7.5',
};

/**
 * @typedef {object} SliderWords
 * @property {string} picture what the picture shows
 * @property {string} handle the handle's name
 * @property {(x: number, max: number) => string} position where the piece stands, in words
 * @property {string} hint shown in the track until the piece moves
 * @property {string} stepBack
 * @property {string} stepForward
 * @property {string} check
 */

export class Slider extends EventTarget {
  #parts = build();
  #words;
  #picture = null;
  #x = 0;
  #drag = null;
  #locked = true;
  #movedAt = -Infinity;
  #paintPending = false;

  /**
   * @param {HTMLElement} root is filled with the slider
   * @param {SliderWords} words
   */
  constructor(root, words) {
    super();
    const { picture, track, controls } = this.#parts;
    root.classList.add('slider');
    root.append(picture, track, controls);
    this.setWords(words);
    this.#listenToPointer();
    this.#listenToKeys();
    this.#listenToButtons();
    new ResizeObserver(() => this.#paintSoon()).observe(this.#parts.canvas);
    this.lock();
  }

  /** Left edge of the piece, in pixels of the picture. */
  get x() {
    return this.#x;
  }

  /** Whether a pointer holds the piece. */
  get dragging() {
    return this.#drag !== null;
  }

  /** Milliseconds since a person last moved the piece; infinite when nobody has moved this one. */
  get quietFor() {
    return performance.now() - this.#movedAt;
  }

  /** The handle, for whoever has to put the focus somewhere. */
  get handle() {
    return this.#parts.handle;
  }

  /** Shows another challenge. The old picture stays until the new one can be painted, so nothing flickers. */
  async show(view) {
    const picture = await SliderPicture.decode(view);
    this.#picture?.close();
    this.#picture = picture;
    this.#movedAt = -Infinity;
    this.#parts.handle.setAttribute('aria-valuemax', String(picture.furthest));
    this.setOutcome('open');
    this.#place(0);
    this.#parts.picture.dataset.shown = '';
  }

  /** `open`, or `accepted` once the answer was right. */
  setOutcome(outcome) {
    this.#parts.track.dataset.outcome = outcome;
    this.#parts.handle.querySelector('path').setAttribute('d', outcome === 'accepted' ? ICONS.done : ICONS.grip);
  }

  /** Stops taking input. Nothing is `disabled`, since that would throw the focus away. */
  lock() {
    this.#setLocked(true);
  }

  /** Takes input again. */
  unlock() {
    this.#setLocked(false);
  }

  /** @param {SliderWords} words */
  setWords(words) {
    this.#words = words;
    const { canvas, handle, hint, stepBack, stepForward, check } = this.#parts;
    canvas.setAttribute('aria-label', words.picture);
    handle.setAttribute('aria-label', words.handle);
    stepBack.setAttribute('aria-label', words.stepBack);
    stepForward.setAttribute('aria-label', words.stepForward);
    hint.textContent = words.hint;
    check.textContent = words.check;
    this.#describe();
  }

  #setLocked(locked) {
    this.#locked = locked;
    const { handle, stepBack, stepForward, check } = this.#parts;
    for (const control of [handle, stepBack, stepForward, check]) {
      control.setAttribute('aria-disabled', String(locked));
    }
  }

  /** A person moved the piece. */
  #move(x) {
    if (this.#locked || !this.#picture) return;
    this.#movedAt = performance.now();
    this.#place(x);
    this.dispatchEvent(new Event('move'));
  }

  #place(x) {
    const furthest = this.#picture?.furthest ?? 0;
    this.#x = Math.min(Math.max(Math.round(x), 0), furthest);
    const { track } = this.#parts;
    track.style.setProperty('--position', furthest ? String(this.#x / furthest) : '0');
    track.toggleAttribute('data-moved', this.#x > 0);
    this.#describe();
    this.#paintSoon();
  }

  #describe() {
    const { handle } = this.#parts;
    handle.setAttribute('aria-valuenow', String(this.#x));
    handle.setAttribute('aria-valuetext', this.#words.position(this.#x, Number(handle.getAttribute('aria-valuemax'))));
  }

  #paintSoon() {
    if (this.#paintPending) return;
    this.#paintPending = true;
    requestAnimationFrame(() => {
      this.#paintPending = false;
      this.#picture?.paint(this.#parts.canvas, this.#x);
    });
  }

  #answer() {
    if (this.#locked || !this.#picture) return;
    this.dispatchEvent(new CustomEvent('answer', { detail: { x: this.#x } }));
  }

  #listenToPointer() {
    const { track, handle } = this.#parts;

    handle.addEventListener('pointerdown', (event) => {
      if (this.#locked || this.#drag || event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      this.#drag = { pointer: event.pointerId, from: event.clientX, x: this.#x };
      track.toggleAttribute('data-dragging', true);
    });
    handle.addEventListener('pointermove', (event) => {
      if (event.pointerId !== this.#drag?.pointer) return;
      this.#move(this.#drag.x + this.#toPicture(event.clientX - this.#drag.from));
    });
    handle.addEventListener('pointerup', (event) => {
      if (event.pointerId !== this.#drag?.pointer) return;
      const moved = this.#x !== this.#drag.x;
      this.#endDrag();
      // A press that goes nowhere was somebody taking hold of the handle, not an answer.
      if (moved) this.#answer();
    });
    // The system took the pointer away (a gesture, a call): nobody let go, so nothing is answered.
    handle.addEventListener('pointercancel', (event) => {
      if (event.pointerId === this.#drag?.pointer) this.#takeBack();
    });

    // `click`, because on touch screens the page must still scroll when a finger starts on the track.
    track.addEventListener('click', (event) => {
      if (handle.contains(event.target)) return;
      const start = track.getBoundingClientRect().left + track.clientLeft;
      this.#move(this.#toPicture(event.clientX - start - handle.getBoundingClientRect().width / 2));
    });
  }

  #listenToKeys() {
    this.#parts.handle.addEventListener('keydown', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === 'Enter') {
        event.preventDefault();
        if (!event.repeat) this.#answer();
        return;
      }
      if (event.key === 'Escape' && this.#drag) {
        this.#takeBack();
        return;
      }
      const target = this.#targetOf(event.key, event.shiftKey ? STRIDE : 1);
      if (target === undefined) return;
      event.preventDefault();
      this.#move(target);
    });
  }

  #targetOf(key, step) {
    switch (key) {
      case 'ArrowLeft':
      case 'ArrowDown':
        return this.#x - step;
      case 'ArrowRight':
      case 'ArrowUp':
        return this.#x + step;
      case 'PageDown':
        return this.#x - STRIDE;
      case 'PageUp':
        return this.#x + STRIDE;
      case 'Home':
        return 0;
      case 'End':
        return Infinity;
      default:
        return undefined;
    }
  }

  #listenToButtons() {
    const { stepBack, stepForward, check } = this.#parts;
    onPressAndHold(stepBack, () => this.#move(this.#x - 1));
    onPressAndHold(stepForward, () => this.#move(this.#x + 1));
    check.addEventListener('click', () => this.#answer());
  }

  /** Converts a distance along the track from CSS pixels to pixels of the picture. */
  #toPicture(distance) {
    const { track, handle } = this.#parts;
    const room = track.clientWidth - handle.getBoundingClientRect().width;
    return room > 0 && this.#picture ? (distance / room) * this.#picture.furthest : 0;
  }

  #takeBack() {
    const { x } = this.#drag;
    this.#endDrag();
    this.#move(x);
  }

  #endDrag() {
    this.#drag = null;
    this.#parts.track.toggleAttribute('data-dragging', false);
  }
}

/** The elements of a slider, not yet in the document. */
function build() {
  const canvas = create('canvas', 'slider-canvas', { role: 'img', width: '310', height: '155' });
  const picture = create('div', 'slider-picture');
  picture.append(canvas);

  const hint = create('span', 'slider-hint', { 'aria-hidden': 'true' });
  const handle = create('div', 'slider-handle', {
    role: 'slider',
    tabindex: '0',
    'aria-orientation': 'horizontal',
    'aria-valuemin': '0',
    'aria-valuemax': '0',
    'aria-valuenow': '0',
  });
  handle.append(icon(ICONS.grip));
  const track = create('div', 'slider-track');
  track.append(create('div', 'slider-fill'), hint, handle);

  const stepBack = create('button', 'slider-step', { type: 'button' });
  stepBack.append(icon(ICONS.back));
  const stepForward = create('button', 'slider-step', { type: 'button' });
  stepForward.append(icon(ICONS.forward));
  const check = create('button', 'slider-check', { type: 'button' });
  const controls = create('div', 'slider-controls');
  controls.append(stepBack, stepForward, check);

  return { picture, canvas, track, hint, handle, controls, stepBack, stepForward, check };
}

function create(name, className, attributes = {}) {
  const element = document.createElement(name);
  element.className = className;
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  return element;
}

function icon(path) {
  const drawing = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  drawing.setAttribute('viewBox', '0 0 24 24');
  drawing.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', path);
  drawing.append(line);
  return drawing;
}
