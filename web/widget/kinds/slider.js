// The slider: a picture, a piece, and every way to move it. It knows nothing of servers: whoever uses it gives it a view and
// words, and listens for `move` and `answer`. A view has one axis (`x`: the piece slides along its row, by a handle on a
// track below) or two (`xy`: the piece itself is moved anywhere on the picture).
//
// Nobody has to drag (WCAG 2.5.7): the step buttons, a tap where the piece shall be and the keyboard all reach every place.
//
// For keys and assistive technology each axis is a native `input type=range` that lies unseen over what is dragged. Native,
// because screen readers on phones move those by swiping and no others; one for each axis, because a slider has one value,
// and a role of our own would be announced by nobody. The arrow keys move in their direction whichever of the two has the
// focus, and take the focus to the one that they change, so that its new value is read out. Only one is a stop for Tab.
//
// Letting go on the track answers, as people expect of a slider. Letting go of a piece that moves both ways does not: few
// hit both at once, a finger covers what it points at, and a wrong answer costs the picture. So Check or Enter does.

import { Trail } from '../trail.js';
import { onDrag } from './slider/drag.js';
import { onPressAndHold } from './slider/hold.js';
import { look } from './slider/look.js';
import { ICONS, STEPS, build } from './slider/parts.js';
import { SliderPicture } from './slider/picture.js';

const STRIDE = 10;

export { look };

/** What people handle. The module's one name that the widget asks every kind for. */
export class Control extends EventTarget {
  #parts = build();
  #words;
  #picture = null;
  #place = { x: 0, y: 0 };
  #furthest = { x: 0, y: 0 };
  #twoAxes = false;
  #locked = true;
  #drag;
  #movedAt = -Infinity;
  #paintPending = false;
  #trail = new Trail();

  /** @param {import('../language.js').Words} words */
  constructor(words) {
    super();
    this.element = this.#parts.root;
    this.setWords(words);
    this.#listenToPointer();
    this.#listenToKeys();
    this.#listenToButtons();
    new ResizeObserver(() => this.#paintSoon()).observe(this.#parts.canvas);
    this.lock();
  }

  /** What the piece's place is as an answer, in pixels of the picture. */
  get answer() {
    const { x, y } = this.#place;
    return this.#twoAxes ? { x, y } : { x };
  }

  /** How the piece was brought there. */
  get trail() {
    return this.#trail;
  }

  /** Whether a person moved the piece of this picture. */
  get moved() {
    return this.#movedAt !== -Infinity;
  }

  /** Whether a pointer holds the piece. */
  get dragging() {
    return this.#drag.active;
  }

  /** Milliseconds since a person last moved the piece; infinite when nobody has moved this one. */
  get quietFor() {
    return performance.now() - this.#movedAt;
  }

  /** Keys of the words for what is to be done, and for how. */
  get instruction() {
    return this.#twoAxes ? 'moveInstruction' : 'slideInstruction';
  }

  get hints() {
    return this.#twoAxes ? { keys: 'moveKeys', touch: 'moveTouch' } : { keys: 'slideKeys', touch: '' };
  }

  /** Gives the piece the focus. */
  focus() {
    this.#focusAxis('x');
  }

  /** Shows another challenge. The old picture stays until the new one can be painted, so nothing flickers. */
  async show(view) {
    const picture = await SliderPicture.decode(view);
    this.#picture?.close();
    this.#picture = picture;
    this.#movedAt = -Infinity;
    this.#layOut(view.axes === 'xy');
    this.setSolved(false);
    // Where it belongs is told to nobody, so a piece of two axes starts half-way down the left edge.
    this.#put({ x: 0, y: this.#furthest.y / 2 });
    this.#parts.picture.dataset.shown = '';
    this.#trail.start();
  }

  /** Shows the tick, or the grip again. */
  setSolved(solved) {
    this.#parts.root.toggleAttribute('data-solved', solved);
    this.#parts.grip.querySelector('path').setAttribute('d', solved ? ICONS.done : ICONS.grip);
  }

  /** Stops taking input. Nothing is `disabled`, since that would throw the focus away. */
  lock() {
    this.#setLocked(true);
  }

  /** Takes input again. */
  unlock() {
    this.#setLocked(false);
  }

  /** @param {import('../language.js').Words} words */
  setWords(words) {
    this.#words = words;
    const { canvas, hint, steps, check } = this.#parts;
    canvas.setAttribute('aria-label', words.say('picture'));
    for (const [name, button] of Object.entries(steps)) button.setAttribute('aria-label', words.say(name));
    hint.textContent = words.say('slideHint');
    check.textContent = words.say('check');
    this.#describe();
  }

  #layOut(twoAxes) {
    const { root, picture, track, grip, inputs } = this.#parts;
    const { width, height, pieceWidth, pieceHeight } = this.#picture;
    this.#twoAxes = twoAxes;
    this.#furthest = { x: width - pieceWidth, y: twoAxes ? height - pieceHeight : 0 };
    root.dataset.axes = twoAxes ? 'xy' : 'x';
    for (const [name, value] of Object.entries({ width, height, pieceWidth, pieceHeight })) {
      root.style.setProperty(`--${name.toLowerCase()}`, String(value));
    }
    const holder = twoAxes ? picture : track;
    // Moving it would drop the focus that it may have.
    if (grip.parentNode !== holder) holder.append(grip);
    for (const axis of ['x', 'y']) inputs[axis].max = String(this.#furthest[axis]);
  }

  #setLocked(locked) {
    this.#locked = locked;
    const { root, inputs, steps, check } = this.#parts;
    root.toggleAttribute('data-locked', locked);
    for (const control of [...Object.values(inputs), ...Object.values(steps), check]) {
      control.setAttribute('aria-disabled', String(locked));
    }
  }

  /** A person moved the piece; an axis that is not named stays. */
  #move(target) {
    if (!this.#locked && this.#picture) {
      this.#movedAt = performance.now();
      this.#put({ ...this.#place, ...target });
      this.dispatchEvent(new Event('move'));
    }
    // A locked input was moved by the browser all the same.
    this.#describe();
  }

  /** The same by keys or taps. */
  #step(means, target) {
    const from = { ...this.#place };
    this.#move(target);
    if (!this.#locked) this.#trail.step(means, from, this.#place);
  }

  /** Where a drag has brought the piece, unrounded: along its row, or anywhere. */
  #dragged(from, across, down) {
    const scale = this.#scale();
    return { x: from.x + across * scale, y: from.y + down * scale };
  }

  #stepBy({ x = 0, y = 0 }) {
    this.#step('taps', { x: this.#place.x + x, y: this.#place.y + y });
  }

  /** The place nearest to `target` where the piece may be. Across its row a piece of one axis is wherever the pointer is. */
  #within({ x, y }) {
    const along = (value, furthest) => Math.min(Math.max(value, 0), furthest);
    return { x: along(x, this.#furthest.x), y: this.#twoAxes ? along(y, this.#furthest.y) : y };
  }

  #put(target) {
    for (const axis of ['x', 'y']) {
      this.#place[axis] = Math.min(Math.max(Math.round(target[axis]), 0), this.#furthest[axis]);
    }
    const { root } = this.#parts;
    root.style.setProperty('--x', String(this.#place.x));
    root.style.setProperty('--y', String(this.#place.y));
    root.toggleAttribute('data-moved', this.moved);
    this.#describe();
    this.#paintSoon();
  }

  #describe() {
    const { inputs } = this.#parts;
    const { x, y } = this.#place;
    const text = this.#words.say(this.#twoAxes ? 'place' : 'position', { x, y, furthest: this.#furthest.x });
    inputs.x.value = String(x);
    // As with any upright slider, more is higher.
    inputs.y.value = String(this.#furthest.y - y);
    inputs.x.setAttribute('aria-label', this.#words.say(this.#twoAxes ? 'across' : 'slider'));
    inputs.y.setAttribute('aria-label', this.#words.say('upright'));
    for (const input of Object.values(inputs)) {
      input.setAttribute('aria-valuetext', text);
      if (this.#twoAxes) input.setAttribute('aria-roledescription', this.#words.say('twoAxes'));
      else input.removeAttribute('aria-roledescription');
    }
  }

  #paintSoon() {
    if (this.#paintPending) return;
    this.#paintPending = true;
    requestAnimationFrame(() => {
      this.#paintPending = false;
      this.#picture?.paint(this.#parts.canvas, this.#place);
    });
  }

  #answer() {
    if (this.#locked || !this.#picture) return;
    this.dispatchEvent(new Event('answer'));
  }

  #focusAxis(axis) {
    const { inputs } = this.#parts;
    inputs.x.tabIndex = axis === 'x' ? 0 : -1;
    inputs.y.tabIndex = axis === 'y' ? 0 : -1;
    inputs[axis].focus({ preventScroll: true });
  }

  #listenToPointer() {
    const { root, picture, track, grip } = this.#parts;
    this.#drag = onDrag(grip, {
      mayStart: () => !this.#locked,
      start: (event) => {
        root.toggleAttribute('data-dragging', true);
        this.#focusAxis('x');
        const from = { ...this.#place };
        const { left, top } = grip.getBoundingClientRect();
        const hold = this.#dragged({ x: 0, y: 0 }, event.clientX - left, event.clientY - top);
        this.#trail.begin(event.pointerType, from, hold, event.timeStamp);
        return from;
      },
      pass: (from, across, down, time) => this.#trail.add(this.#within(this.#dragged(from, across, down)), time),
      move: (from, across, down) => {
        const { x, y } = this.#dragged(from, across, down);
        this.#move(this.#twoAxes ? { x, y } : { x });
      },
      end: (from, event) => {
        this.#trail.add(this.#place, event.timeStamp);
        root.toggleAttribute('data-dragging', false);
        // A press that goes nowhere was somebody taking hold of it, not an answer.
        if (!this.#twoAxes && this.#place.x !== from.x) this.#answer();
      },
      takeBack: (from) => {
        root.toggleAttribute('data-dragging', false);
        this.#move(from);
        // The system did that, not a hand: it would look like a jump.
        this.#trail.drop();
      },
    });

    // `click`, because on touch screens the page must still scroll when a finger starts here.
    track.addEventListener('click', (event) => {
      if (grip.contains(event.target)) return;
      const { left } = track.getBoundingClientRect();
      this.#step('taps', { x: (event.clientX - left - track.clientLeft - grip.offsetWidth / 2) * this.#scale() });
    });
    picture.addEventListener('click', (event) => {
      if (!this.#twoAxes || grip.contains(event.target)) return;
      const { left, top } = picture.getBoundingClientRect();
      const scale = this.#scale();
      this.#step('taps', {
        x: (event.clientX - left) * scale - this.#picture.pieceWidth / 2,
        y: (event.clientY - top) * scale - this.#picture.pieceHeight / 2,
      });
      this.#focusAxis('x');
    });
  }

  /** Pixels of the picture for one CSS pixel of movement. */
  #scale() {
    const { picture, track, grip } = this.#parts;
    if (this.#twoAxes) return this.#picture.width / picture.getBoundingClientRect().width;
    const room = track.clientWidth - grip.offsetWidth;
    return room > 0 ? this.#furthest.x / room : 0;
  }

  #listenToKeys() {
    const { grip, inputs } = this.#parts;
    grip.addEventListener('keydown', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (event.key === 'Enter') {
        // Not the form around the widget, which an Enter in a field would send.
        event.preventDefault();
        if (!event.repeat) this.#answer();
        return;
      }
      if (event.key === 'Escape' && this.dragging) {
        // It takes the drag back, and does not close what the slider stands in.
        event.preventDefault();
        event.stopPropagation();
        this.#drag.cancel();
        return;
      }
      const target = this.#targetOf(event.key, event.shiftKey ? STRIDE : 1);
      if (!target) return;
      event.preventDefault();
      if (this.#twoAxes) this.#focusAxis('y' in target ? 'y' : 'x');
      this.#step('keys', target);
    });
    // What moves a native slider without our keys: a screen reader's own commands.
    inputs.x.addEventListener('input', () => this.#step('keys', { x: Number(inputs.x.value) }));
    inputs.y.addEventListener('input', () => this.#step('keys', { y: this.#furthest.y - Number(inputs.y.value) }));
  }

  #targetOf(key, step) {
    const { x, y } = this.#place;
    const upright = (distance) => (this.#twoAxes ? { y: y - distance } : { x: x + distance });
    switch (key) {
      case 'ArrowLeft':
        return { x: x - step };
      case 'ArrowRight':
        return { x: x + step };
      case 'ArrowUp':
        return upright(step);
      case 'ArrowDown':
        return upright(-step);
      case 'PageUp':
        return upright(STRIDE);
      case 'PageDown':
        return upright(-STRIDE);
      case 'Home':
        return { x: 0 };
      case 'End':
        return { x: this.#furthest.x };
      default:
        return undefined;
    }
  }

  #listenToButtons() {
    const { steps, check } = this.#parts;
    for (const [name, button] of Object.entries(steps)) onPressAndHold(button, () => this.#stepBy(STEPS[name]));
    check.addEventListener('click', () => this.#answer());
  }
}
