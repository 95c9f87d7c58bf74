// How the slider looks. Sizes are in em of the widget's text, colours are the widget's.

import { sheet } from '../../elements.js';

export const look = sheet(`
.slider {
  --handle: max(2.75em, 15.161%); /* 47 of 310: the handle stands under the piece; never below 44 px */
  display: grid;
  grid-template-columns: minmax(0, 1fr);
  gap: 0.625em;
  container-type: inline-size;
}

.picture {
  position: relative;
  overflow: hidden;
  aspect-ratio: var(--width, 310) / var(--height, 155);
  border-radius: calc(var(--radius) * 0.75);
  background: var(--well);
}

.canvas {
  display: block;
  width: 100%;
  height: 100%;
  opacity: 0;
  transition: opacity 0.25s ease-out;
}

.picture[data-shown] .canvas {
  opacity: 1;
}

[data-axes='xy'] .picture {
  cursor: crosshair;
  touch-action: manipulation;
}

[data-axes='xy'] :is(.track, .grip svg),
[data-axes='x'] :is(.up, .down, .upright) {
  display: none;
}

.track {
  position: relative;
  height: 3em;
  border: 1px solid var(--edge);
  border-radius: calc(var(--radius) * 0.75);
  background: var(--well);
  cursor: pointer;
}

.fill {
  --share: calc(var(--x, 0) / (var(--width, 310) - var(--piecewidth, 47)));
  position: absolute;
  inset-block: 0;
  left: 0;
  width: calc(var(--share) * (100% - var(--handle)) + var(--handle) / 2);
  border-radius: calc(var(--radius) * 0.75) 0 0 calc(var(--radius) * 0.75);
  background: var(--accent-soft);
}

.slide-hint {
  position: absolute;
  inset: 0;
  display: grid;
  place-items: center;
  padding-left: var(--handle);
  color: var(--muted);
  font-size: 0.9375em;
  pointer-events: none;
  transition: opacity 0.2s;
}

[data-moved] .slide-hint {
  opacity: 0;
}

.grip {
  position: absolute;
  cursor: grab;
  touch-action: none; /* only here: a finger anywhere else scrolls the page */
}

[data-dragging] .grip {
  cursor: grabbing;
}

[data-locked] :is(.grip, .picture, .track) {
  cursor: default;
}

.track .grip {
  --share: calc(var(--x, 0) / (var(--width, 310) - var(--piecewidth, 47)));
  inset-block: -1px;
  left: calc(var(--share) * (100% - var(--handle)));
  width: var(--handle);
  display: grid;
  place-items: center;
  border: 1px solid var(--accent);
  border-radius: calc(var(--radius) * 0.75);
  background: var(--accent);
  color: var(--on-accent);
  transition: background-color 0.2s;
}

/* Over the piece that the canvas shows. */
.picture .grip {
  left: calc(var(--x, 0) / var(--width, 310) * 100%);
  top: calc(var(--y, 0) / var(--height, 155) * 100%);
  width: calc(var(--piecewidth, 47) / var(--width, 310) * 100%);
  height: calc(var(--pieceheight, 47) / var(--height, 155) * 100%);
  border-radius: 0.375em;
}

/* Never below 44 px, however small the picture. */
.picture .grip::before {
  content: '';
  position: absolute;
  inset: min(0px, (100% - 2.75em) / 2);
}

.axis {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  margin: 0;
  opacity: 0;
  pointer-events: none;
}

.grip:has(:focus-visible) {
  outline: 3px solid var(--accent);
  outline-offset: 3px;
}

/* Two colours, because one of them shows on any picture. */
.picture .grip:has(:focus-visible) {
  outline: 2px solid #fff;
  outline-offset: 1px;
  box-shadow: 0 0 0 5px #10201a;
}

.grip svg,
.step svg {
  width: 1.5em;
  height: 1.5em;
}

.controls {
  display: flex;
  gap: 0.5em;
}

.step,
.check {
  min-height: 2.875em;
  border: 1px solid var(--edge);
  border-radius: calc(var(--radius) * 0.75);
  background: var(--surface);
  color: var(--text);
  font: inherit;
  cursor: pointer;
  touch-action: manipulation;
  transition: opacity 0.15s 0s, background-color 0.15s;
}

.step {
  display: grid;
  flex: 0 0 2.875em;
  place-items: center;
  padding: 0;
}

.check {
  flex: 1 1 4.5em;
  padding: 0 0.5em;
  border-color: var(--accent);
  color: var(--accent);
  font-weight: 600;
}

/* What is left to do once the piece stands somewhere: nothing else sends it. */
[data-axes='xy'][data-moved]:not([data-locked]) .check {
  background: var(--accent);
  color: var(--on-accent);
}

@media (hover: hover) {
  .step:hover {
    background: var(--hover);
  }

  .check:hover {
    background: var(--hover);
  }

  [data-axes='xy'][data-moved]:not([data-locked]) .check:hover {
    filter: brightness(1.1);
  }
}

@container (max-width: 21.5em) {
  .controls {
    gap: 0.25em;
  }

  .step {
    flex-basis: 2.75em;
  }
}

/* What takes no input looks so, but only after a moment: most waits are too short to be seen. */
[data-locked]:not([data-solved]) .track .grip {
  border-color: var(--edge);
  background: var(--edge);
  transition-delay: 0.3s;
}

[data-locked] :is(.step, .check) {
  opacity: 0.5;
  cursor: default;
  transition-delay: 0.3s;
}

@media (forced-colors: active) {
  .picture,
  .track {
    border: 1px solid CanvasText;
  }

  .track .grip {
    border: 2px solid ButtonText;
    background: ButtonFace;
    color: ButtonText;
  }

  .picture .grip {
    border: 2px solid Highlight;
  }

  .fill {
    background: Highlight;
  }
}

@media (prefers-reduced-motion: reduce) {
  .slider * {
    transition: none !important; /* whatever the selectors above weigh */
  }
}
`);
