// How the widget looks, whatever the page around it does. Colours are the public `--countersign-*` variables, each with a
// default; sizes are in em of the reader's own text size, because a page's rem may be anything.
//
// The theme follows the page's `color-scheme`, not the system: a page that is light at night wants a light widget.

import { sheet } from './elements.js';

// The default of each variable: light, dark.
const COLOURS = {
  surface: ['#ffffff', '#181d1a'],
  well: ['#edf0ed', '#222825'],
  hover: ['#eef3f0', '#242b27'],
  text: ['#17201b', '#e9eeeb'],
  muted: ['#55625b', '#a4b0a9'],
  line: ['#d5dcd7', '#39423d'],
  edge: ['#7d8a83', '#76837c'], // borders of controls: 3:1 against every surface
  accent: ['#0b6b4d', '#62cfa0'],
  'accent-soft': ['#d5eadf', '#1f4636'],
  'on-accent': ['#ffffff', '#06231a'],
  refused: ['#a3341c', '#ff9f86'],
};

function colours(value) {
  const entries = Object.entries(COLOURS);
  return entries.map(([name, pair]) => `--${name}: var(--countersign-${name}, ${value(...pair)});`).join('\n  ');
}

export const look = sheet(`
:host {
  display: block;
}

/* Inside the host, where no rule of the page reaches. The colours are not on the host either: a page that says
   \`--countersign-accent: var(--accent)\` means its own. */
.frame,
.speechless {
  all: initial;
  box-sizing: border-box;
  display: block;
  color-scheme: inherit;
  visibility: inherit;
  direction: ltr;
  max-width: var(--countersign-width, 24em);
  font-family: var(--countersign-font, system-ui, -apple-system, 'Segoe UI', Roboto, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'Noto Sans SC', sans-serif);
  font-size: var(--countersign-size, medium);
  line-height: 1.5;
  -webkit-text-size-adjust: 100%;
  --radius: var(--countersign-radius, 0.875em);
  ${colours((light) => light)}
}

@supports (color: light-dark(red, red)) {
  .frame,
  .speechless {
    ${colours((light, dark) => `light-dark(${light}, ${dark})`)}
  }
}

:host([theme='light']) {
  color-scheme: light;
}

:host([theme='dark']) {
  color-scheme: dark;
}

:host([compact]) .frame {
  position: relative;
}

:host([hidden]) {
  display: none;
}

:host([layout='popup']) {
  display: contents;
}

* {
  box-sizing: border-box;
}

[hidden] {
  display: none !important;
}

h2,
p {
  margin: 0;
  font: inherit;
}

svg {
  display: block;
  fill: none;
  stroke: currentColor;
  stroke-width: 2;
  stroke-linecap: round;
  stroke-linejoin: round;
}

:focus-visible {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}

.frame {
  color: var(--text);
}

.frame[data-layout='embedded'],
.row,
.speechless {
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
}

.speechless {
  padding: 0.75em 1em;
  color: var(--refused);
}

.frame[data-layout='embedded'] {
  min-height: 18em; /* about what a challenge takes, before its file is there */
  padding: clamp(0.625em, 4%, 1em);
}

/* The row */

.row {
  display: flex;
  align-items: center;
  gap: 0.75em;
  width: 100%;
  min-height: 4em;
  padding: 0.5em 1em;
  color: inherit;
  font: inherit;
  text-align: start;
  cursor: pointer;
}

.box {
  display: grid;
  flex: none;
  place-items: center;
  width: 1.75em;
  height: 1.75em;
  border: 2px solid var(--edge);
  border-radius: 0.4em;
  background: var(--surface);
  transition: background-color 0.2s, border-color 0.2s;
}

/* For places that are small: a row of 40 pixels, or a challenge of 300 by 270. What there is to say takes the place of the
   label, or of the title. */
:host([compact]) .row {
  min-height: 2.5em;
  padding-block: 0.25em;
}

:host([compact]) .frame[data-layout='embedded'] {
  min-height: 16.125em;
  padding: 0.5em;
}

:host([compact]) .note:not(:empty) {
  position: absolute;
  inset: 1px 3.5em 1px 4.0625em; /* from where the label begins to the mark, in its own smaller em */
  display: flex;
  align-items: center;
  padding: 0;
  background: var(--surface);
  line-height: 1.25;
  pointer-events: none;
}

/* Not a transparent colour: forced colours would show the tick before it is earned. */
.frame:not([data-state='solved']) > .row .box svg {
  visibility: hidden;
}

.box svg {
  width: 1.375em;
  height: 1.375em;
  stroke-width: 3;
}

@media (hover: hover) {
  .row:hover .box {
    border-color: var(--accent);
  }
}

.label {
  flex: 1;
}

.mark {
  color: var(--muted);
}

.mark svg {
  width: 1.5em;
  height: 1.5em;
}

[data-state='solved'] > .row {
  cursor: default;
}

[data-state='solved'] > .row .box {
  border-color: var(--accent);
  background: var(--accent);
  color: var(--on-accent);
}

[data-disabled] > .row {
  opacity: 0.55;
  cursor: default;
}

.note {
  padding: 0.5em 0.25em 0;
  color: var(--muted);
  font-size: 0.875em;
}

.note:empty,
[data-layout='embedded'] > .note {
  display: none;
}

[data-state='solved'] > .note {
  color: var(--accent);
}

[data-state='expired'] > .note {
  color: var(--refused);
}

@media (forced-colors: active) {
  .row {
    border: 1px solid CanvasText;
  }

  [data-state='solved'] > .row .box {
    forced-color-adjust: none;
    background: Highlight;
    color: HighlightText;
  }
}

@media (prefers-reduced-motion: reduce) {
  * {
    transition: none !important;
  }
}
`);
