// A modal dialog: the browser's own, so that it lies above whatever the page has stacked and everything behind it is inert.
// What the browser leaves to us is to stay near what opened it, to keep Tab inside, and to close on a tap beside it.

import { create, icon } from './elements.js';

const CROSS = 'M6 6l12 12M18 6L6 18';
const GAP = 8;
const FOCUSABLE = 'button:not([hidden]), input:not([tabindex="-1"])';

export class Dialog extends EventTarget {
  #opener = null;
  #anchor;
  #settle;

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.content
   * @param {HTMLElement} parts.tools where the button to close it has its place
   * @param {HTMLElement | null} parts.anchor what it opens beside, where there is room; without one it stands in the middle
   */
  constructor({ content, tools, anchor }) {
    super();
    this.#anchor = anchor;
    this.closer = create('button', 'tool', { type: 'button' }, [icon(CROSS)]);
    tools.append(this.closer);
    this.element = create('dialog', 'dialog', { 'aria-labelledby': 'title', 'aria-modal': 'true', tabindex: '-1' }, [content]);
    this.#settle = () => this.#place();
    this.closer.addEventListener('click', () => this.close());
    // Escape, and the back gesture of a phone.
    this.element.addEventListener('cancel', (event) => {
      event.preventDefault();
      this.close();
    });
    // Said late, in a task of its own: it may be open again by then.
    this.element.addEventListener('close', () => {
      if (!this.open) this.#closed();
    });
    this.element.addEventListener('keydown', (event) => this.#keepInside(event));
    this.#closeBeside();
  }

  get open() {
    return this.element.open;
  }

  /** Opens it; the focus returns to where it is now. */
  show() {
    if (this.open) return;
    this.#opener = focused();
    this.element.showModal();
    // Not to its first button: what is to be solved takes it from here once it is there.
    this.element.focus({ preventScroll: true });
    this.#place();
    window.addEventListener('resize', this.#settle);
    window.addEventListener('scroll', this.#settle, { capture: true, passive: true });
    this.dispatchEvent(new Event('opened'));
  }

  close() {
    if (this.open) this.element.close();
  }

  #closed() {
    window.removeEventListener('resize', this.#settle);
    window.removeEventListener('scroll', this.#settle, { capture: true });
    // Browsers return it themselves, but not to a place inside another shadow.
    if (this.#opener?.isConnected) this.#opener.focus({ preventScroll: true });
    this.#opener = null;
    this.dispatchEvent(new Event('closed'));
  }

  /** Below the anchor, else above it, else in the middle. */
  #place() {
    const { element } = this;
    element.removeAttribute('data-beside');
    if (!this.#anchor || innerWidth < 480) return;
    const anchor = this.#anchor.getBoundingClientRect();
    const { width, height } = element.getBoundingClientRect();
    const below = anchor.bottom + GAP;
    const above = anchor.top - GAP - height;
    const top = below + height + GAP <= innerHeight ? below : above;
    if (top < GAP || anchor.bottom < 0 || anchor.top > innerHeight) return;
    element.toggleAttribute('data-beside', true);
    element.style.setProperty('--left', `${Math.max(GAP, Math.min(anchor.left, innerWidth - width - GAP))}px`);
    element.style.setProperty('--top', `${top}px`);
  }

  #keepInside(event) {
    if (event.key !== 'Tab') return;
    const stops = [...this.element.querySelectorAll(FOCUSABLE)].filter((each) => each.checkVisibility?.() ?? true);
    const active = this.element.getRootNode().activeElement;
    const edge = event.shiftKey ? stops[0] : stops.at(-1);
    if (active !== edge && stops.includes(active)) return;
    event.preventDefault();
    (event.shiftKey ? stops.at(-1) : stops[0])?.focus();
  }

  // Both ends of a press have to be beside it: a drag that ends there was not meant so.
  #closeBeside() {
    let beside = false;
    this.element.addEventListener('pointerdown', (event) => {
      beside = event.target === this.element && !this.#holds(event);
    });
    this.element.addEventListener('click', (event) => {
      if (beside && event.target === this.element && !this.#holds(event)) this.close();
    });
  }

  #holds({ clientX, clientY }) {
    const { left, right, top, bottom } = this.element.getBoundingClientRect();
    return clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
  }
}

/** What has the focus, inside whatever shadows. */
function focused() {
  let active = document.activeElement;
  while (active?.shadowRoot?.activeElement) active = active.shadowRoot.activeElement;
  return active === document.body ? null : active;
}
