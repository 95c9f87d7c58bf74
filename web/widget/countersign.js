// Countersign's widget: one line to load it, one line where it shall stand.
//
//   <script type="module" src="https://verify.example.com/widget/countersign.js"></script>
//   <countersign-challenge site-key="…" action="signup"></countersign-challenge>
//
// docs/widget.md tells the rest. Loading it twice is harmless: the first to come defines the element.

import { CountersignChallenge as Element } from './element.js';

const NAME = 'countersign-challenge';

if (!customElements.get(NAME)) customElements.define(NAME, Element);

/** The element's class. */
export const CountersignChallenge = customElements.get(NAME);

// A name in `render`'s options, and the attribute that it stands for.
const ATTRIBUTES = {
  siteKey: 'site-key',
  action: 'action',
  contact: 'contact',
  layout: 'layout',
  language: 'lang',
  theme: 'theme',
  name: 'name',
  optional: 'optional',
  compact: 'compact',
  keepOpen: 'keep-open',
};

const HANDLERS = {
  onSolved: 'countersign-solved',
  onExpired: 'countersign-expired',
  onFailed: 'countersign-failed',
  onError: 'countersign-error',
  onDrawn: 'countersign-drawn',
  onOpened: 'countersign-opened',
  onClosed: 'countersign-closed',
};

/**
 * Puts a widget into `container`, an element or a selector, and returns it. Options are the attributes in camel case, and
 * `onSolved`, `onExpired`, `onFailed`, `onError`, `onDrawn`, `onOpened`, `onClosed`, called with the event's detail. `door`
 * is the element's.
 */
export function render(container, options = {}) {
  const parent = typeof container === 'string' ? document.querySelector(container) : container;
  if (!parent) throw new Error(`countersign: there is no ${container}`);
  const element = document.createElement(NAME);
  for (const [option, value] of Object.entries(options)) {
    if (option in HANDLERS) {
      if (value) element.addEventListener(HANDLERS[option], (event) => value(event.detail));
    } else if (option === 'door') {
      element.door = value;
    } else if (option in ATTRIBUTES) {
      if (value === true) element.toggleAttribute(ATTRIBUTES[option], true);
      else if (value || value === '') element.setAttribute(ATTRIBUTES[option], value);
    } else {
      throw new Error(`countersign: there is no option ${option}`);
    }
  }
  parent.append(element);
  return element;
}

/** Forgets the ticket of `widget`, an element or a selector; of the page's first widget if none is named. */
export function reset(widget) {
  find(widget).reset();
}

/** Opens `widget` and gives its ticket, or null when somebody closes it. */
export function execute(widget) {
  return find(widget).execute();
}

/** The ticket of `widget`, or null. */
export function response(widget) {
  return find(widget).response;
}

function find(widget = NAME) {
  const element = typeof widget === 'string' ? document.querySelector(widget) : widget;
  if (!element) throw new Error(`countersign: there is no ${widget}`);
  return element;
}
