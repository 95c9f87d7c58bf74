// How a challenge looks, whatever its kind, and the dialog in which it may stand. Comes with them, on demand.

import { sheet } from './elements.js';

export const stageLook = sheet(`
/* The dialog */

.dialog {
  border: 1px solid var(--line);
  border-radius: var(--radius);
  background: var(--surface);
  color: var(--text);
  width: min(var(--countersign-dialog-width, 24em), 100vw - 1em);
  max-width: none;
  max-height: calc(100dvh - 1em);
  margin: var(--countersign-dialog-margin, auto);
  padding: 0.875em;
  overflow: auto;
  overscroll-behavior: contain;
  box-shadow: 0 1px 2px rgb(0 0 0 / 8%), 0 18px 48px -12px rgb(0 0 0 / 35%);
}

.dialog:focus {
  outline: none;
}

.dialog::backdrop {
  background: rgb(10 20 15 / 45%);
}

.dialog[data-beside] {
  margin: 0;
  inset: var(--top) auto auto var(--left);
}

.dialog[data-beside]::backdrop {
  background: none;
}

/* The challenge */

.head {
  display: flex;
  align-items: center;
  justify-content: space-between;
  gap: 0.5em;
  min-height: 2.75em;
  margin: -0.375em 0 0.375em;
}

.title {
  visibility: var(--countersign-title, visible);
  font-weight: 600;
  line-height: 1.3;
  text-wrap: balance;
}

.tools {
  display: flex;
  flex: none;
  margin-inline-end: -0.5em; /* the signs, not their boxes, line up with what is below */
}

.tool {
  display: grid;
  place-items: center;
  width: 2.75em;
  height: 2.75em;
  padding: 0;
  border: 0;
  border-radius: calc(var(--radius) * 0.75);
  background: none;
  color: var(--muted);
  font: inherit;
  cursor: pointer;
}

.tool svg {
  width: 1.375em;
  height: 1.375em;
}

@media (hover: hover) {
  .tool:hover {
    background: var(--hover);
    color: var(--text);
  }
}

/* As large as a slider with everything below it, so that nothing jumps when it comes. */
.blank {
  aspect-ratio: 2;
  margin-bottom: 3.5em;
  border-radius: calc(var(--radius) * 0.75);
  background: var(--well);
}

/* One place for both: the hint stands there until there is something to say. */
.status {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.5em 0.75em;
  min-height: 2.75em;
  margin-top: 0.625em;
}

.status-text {
  flex: 1 1 12em;
  font-weight: 550;
}

.status-text:empty {
  flex: 0 0 0;
  margin-inline-end: -0.75em;
}

.status-text:not(:empty) ~ /* Only ever beside a sentence: how many seconds are left of a wait. */
.count {
  flex: none;
  font-variant-numeric: tabular-nums;
}

.count:empty {
  display: none;
}

.hint {
  display: none;
}

[data-state='solved'] > .status .status-text {
  color: var(--accent);
}

[data-state='failed'] > .status .status-text {
  color: var(--refused);
}

.hint {
  color: var(--muted);
  font-size: 0.8125em;
}

@media (hover: none) and (pointer: coarse) {
  .keys {
    display: none; /* no keys to speak of */
  }
}

@media not ((hover: none) and (pointer: coarse)) {
  .touch {
    display: none;
  }
}

.retry {
  min-height: 2.75em;
  padding: 0.25em 1em;
  border: 1px solid var(--edge);
  border-radius: calc(var(--radius) * 0.75);
  background: var(--surface);
  color: var(--text);
  font: inherit;
  cursor: pointer;
}

:host([compact]) [data-layout='embedded'] .head {
  margin: 0;
}

:host([compact]) [data-layout='embedded'] .hint {
  display: none;
}

/* A failure has more to say, and a button: it stays below. */
:host([compact]) [data-layout='embedded'] .challenge:not([data-state='failed']) > .status {
  position: absolute;
  top: 0.5em;
  inset-inline: 0.5em 3.25em;
  margin: 0;
  pointer-events: none;
}

:host([compact]) [data-layout='embedded'] .challenge:not([data-state='failed']) .status-text:not(:empty) {
  min-height: 3.125em; /* the head's 2.75, in its own smaller em */
  align-content: center;
  font-size: 0.875em;
  background: var(--surface);
  line-height: 1.3;
}

@media (forced-colors: active) {
  .dialog,
  .tool {
    border: 1px solid CanvasText;
  }
}
`);
