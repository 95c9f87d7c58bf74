// How a piece was brought to its place: strokes (a drag, a run of keys, a run of taps) with their means, the pause before
// each, and where the piece was when. Nothing else about a person or their device, and it is sent with the answer only.
//
// Written in at most two kilobytes, and tagged with the challenge's token, so that one of another challenge does not count.
// What each byte means, and what the tag does not prove, stands where it is read: crates/domain/src/trail.rs.

import { sha256 } from './sha256.js';

const VERSION = 1;
const TAG = 8;
const LONGEST = 2048;
const MEANS = ['mouse', 'touch', 'pen', 'keys', 'taps'];

// Parts of a pixel that are told apart.
const UNITS = 4;

// A stroke that grows longer than this is thinned out while it is drawn.
const MOST = 2_000;

export class Trail {
  #strokes = [];
  #last = 0;

  /** Begins anew: a picture is shown. */
  start(time = performance.now()) {
    this.#strokes = [];
    this.#last = Math.round(time);
  }

  /** A stroke begins where the piece is. `hold` is where on the piece the pointer is. */
  begin(means, place, hold, time) {
    const pause = this.#passed(time);
    // A device that says it is something else counts as a mouse.
    const number = Math.max(MEANS.indexOf(means), 0);
    this.#strokes.push({ means: number, pause, from: units(place), hold: units(hold), samples: [] });
  }

  /** The last drag was taken back, with whatever came after it: it is as if it had not been, but for its time. */
  drop() {
    let gone;
    do {
      gone = this.#strokes.pop();
      if (gone) this.#last -= gone.samples.reduce((sum, { after }) => sum + after, gone.pause);
    } while (gone?.means >= MEANS.indexOf('keys'));
  }

  /** The piece is at `place` now; or would be, if it could leave its row. */
  add(place, time) {
    const stroke = this.#strokes.at(-1);
    if (!stroke) return;
    stroke.samples.push({ after: this.#passed(time), ...units(place) });
    if (stroke.samples.length > MOST) thin(stroke);
  }

  /** A key or a tap moved the piece. One after the other is one stroke. */
  step(means, from, to, time = performance.now()) {
    if (this.#strokes.at(-1)?.means !== MEANS.indexOf(means)) this.begin(means, from, { x: 0, y: 0 }, time);
    this.add(to, time);
  }

  /** The trail as text, for the challenge of `token`; undefined where nothing was moved. */
  write(token) {
    const parts = this.#strokes.map((stroke) => ({ stroke: { ...stroke }, bytes: encode(stroke) }));
    let size = parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
    while (size > LONGEST - TAG - 1) {
      let part = parts.reduce((one, other) => (other.bytes.length > one.bytes.length ? other : one));
      if (part.stroke.samples.length > 8) thin(part.stroke);
      else {
        // Of many short ones the first say least: it becomes part of the pause before the next.
        const [gone, next] = parts.splice(0, 2, parts[1]);
        size -= gone.bytes.length;
        next.stroke.pause += gone.stroke.samples.reduce((sum, { after }) => sum + after, gone.stroke.pause);
        part = next;
      }
      const bytes = encode(part.stroke);
      size += bytes.length - part.bytes.length;
      part.bytes = bytes;
    }
    if (parts.length === 0) return undefined;
    const bytes = parts.flatMap((part) => part.bytes);
    const text = new TextEncoder();
    const tagged = [...text.encode('countersign trail\0'), ...text.encode(token), 0, ...bytes];
    const tag = sha256(Uint8Array.from(tagged)).subarray(0, TAG);
    const binary = String.fromCharCode(VERSION, ...tag, ...bytes);
    return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  }

  /** Whole milliseconds since the last thing that happened. Events may be told late, and out of order. */
  #passed(time) {
    const now = Math.max(Math.round(time), this.#last);
    const passed = now - this.#last;
    this.#last = now;
    return passed;
  }
}

function units({ x, y }) {
  return { x: Math.round(x * UNITS), y: Math.round(y * UNITS) };
}

/** Leaves out every second sample but the last; the time goes to the next. */
function thin(stroke) {
  const kept = [];
  let waited = 0;
  stroke.samples.forEach((sample, index) => {
    waited += sample.after;
    if (index % 2 === 0 && index < stroke.samples.length - 1) return;
    kept.push({ ...sample, after: waited });
    waited = 0;
  });
  stroke.samples = kept;
}

function encode({ means, pause, from, hold, samples }) {
  const bytes = [means];
  number(bytes, pause);
  way(bytes, { x: 0, y: 0 }, from);
  way(bytes, { x: 0, y: 0 }, hold);
  number(bytes, samples.length);
  let at = from;
  for (const sample of samples) {
    number(bytes, sample.after);
    way(bytes, at, sample);
    at = sample;
  }
  return bytes;
}

function way(bytes, from, to) {
  for (const axis of ['x', 'y']) {
    const distance = to[axis] - from[axis];
    number(bytes, distance < 0 ? -2 * distance - 1 : 2 * distance);
  }
}

/** Seven bits at a time, the lowest first. */
function number(bytes, value) {
  let rest = Math.min(value, 2 ** 32 - 1);
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
}
