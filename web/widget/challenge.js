// A challenge's way from the server and back: draw it, let somebody solve it, hand in the answer, and say in words whatever
// goes wrong. Which kind it is, the server says; the file of that kind is fetched when it is needed.
//
// The focus stays where it is whatever happens. The one exception is the "try again" button, which hands it to the piece
// when it goes away with the focus on it.

import { Failure, answerChallenge, drawChallenge, host } from './calls.js';
import { create, icon, write } from './elements.js';
import { stageLook } from './stage-look.js';

/** One line for each kind of challenge. */
const KINDS = {
  slider: () => import('./kinds/slider.js'),
};

// A challenge is not taken from under the hands of somebody who moved it this recently.
const ACTING_MS = 3_000;

// A challenge is replaced this long before it lapses, or after nine tenths of a short life.
const AHEAD_MS = 5_000;

// Refusals that end a challenge: the next one is drawn at once, under this sentence.
const ENDS_IT = ['wrong', 'expired', 'used', 'unknown'];

// What else can be said; anything else leaves it to `unexpected`.
const SAID = ['offline', 'unreachable', 'busy', 'limited', 'siteKey', 'session', 'policy', 'script'];

// What trying again cannot mend.
const FINAL = ['session'];

// The server's wait is sat out for as long as this; beyond it nobody stays.
const LONGEST_WAIT_MS = 600_000;

const AGAIN = 'M20 12a8 8 0 1 1-2.4-5.7M20 3.5v4h-4';

/**
 * Events: `state`; `renew`, when somebody wants another after a solved one; `drawn` {milliseconds, bytes}; `solved` {answer,
 * granted, milliseconds, lapsesAt}, `granted` being all that the server gave; `failed` {reason, answer}; `error` {reason,
 * during, message}, during `draw` or `answer`.
 */
export class Challenge extends EventTarget {
  state = 'idle';
  #options;
  #words;
  #parts = build();
  #control = null;
  #drawn = null;
  #said = ['', {}];
  #turn = 0;
  #timer;
  #retry = null;
  #resting = false;

  /**
   * @param {object} parts
   * @param {() => { door: object, siteKey: string, action: string, contact: string }} parts.options
   * @param {import('./language.js').Words} parts.words
   * @param {(sheet: CSSStyleSheet) => void} parts.adopt lets a kind bring its look
   */
  constructor({ options, words, adopt }) {
    super();
    this.#options = options;
    this.adopt = adopt;
    this.element = this.#parts.root;
    this.tools = this.#parts.tools;
    const { renew, retry } = this.#parts;
    renew.addEventListener('click', () => {
      if (this.state === 'ready' || this.state === 'failed') this.load('', 'loading');
      // What is solved is not this file's to take back.
      else if (this.state === 'solved') this.#emit('renew');
    });
    retry.addEventListener('click', () => {
      if (this.state === 'failed') this.#retry();
    });
    adopt(stageLook);
    this.setWords(words);
  }

  /** Takes part in the document until `signal`. */
  attend(signal) {
    document.addEventListener('visibilitychange', () => this.#watch(), { signal });
    const online = () => {
      if (this.state === 'failed' && this.#said[0] === 'offline') this.#retry();
    };
    window.addEventListener('online', online, { signal });
    signal.addEventListener('abort', () => clearTimeout(this.#timer));
    this.#watch();
  }

  /** Fetches the kind that is most likely to come, before anybody asks for a challenge. */
  static prepare() {
    KINDS.slider().catch(() => {});
  }

  /** Draws a fresh challenge, saying `meanwhile` until it is there and `sentence` from then on. */
  async load(sentence = '', meanwhile = sentence) {
    const turn = (this.#turn += 1);
    clearTimeout(this.#timer);
    this.#resting = false;
    this.#enter('loading', meanwhile);
    Challenge.prepare();
    const asked = performance.now();
    try {
      const drawn = await drawChallenge({ ...this.#options(), locale: this.#words.language });
      const milliseconds = performance.now() - asked;
      const control = await this.#controlFor(drawn.type);
      await control.show(drawn.view);
      if (turn !== this.#turn) return;
      // Counted from the question, not from the answer, so that the widget never believes in a challenge longer than the
      // server does; and on the monotonic clock, because people's clocks are wrong.
      const life = drawn.expires_in_ms;
      this.#drawn = { token: drawn.token, renewAt: asked + life - Math.min(AHEAD_MS, life / 10) };
      this.#emit('drawn', { milliseconds, bytes: byteLength(drawn.view) });
    } catch (failure) {
      if (turn === this.#turn) this.#fail(failure, () => this.load('', 'loading'));
      return;
    }
    this.setWords(this.#words);
    this.#enter('ready', sentence);
    this.#watch();
  }

  /** Nobody sees it: it is not renewed until it is woken. */
  rest() {
    this.#resting = true;
    clearTimeout(this.#timer);
  }

  /** Somebody sees it (again): what is still good is shown, else a fresh one. */
  wake() {
    this.#resting = false;
    if (this.state === 'ready' && performance.now() < this.#drawn.renewAt) this.#watch();
    else if (this.state !== 'loading' && this.state !== 'checking') this.load('', 'loading');
  }

  /** Forgets everything; what is under way comes to nothing. */
  stop() {
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.#control?.lock();
    this.#enter('idle', '');
  }

  /** Gives the focus to what solves it, or to whatever helps. */
  focus() {
    const { retry, renew } = this.#parts;
    if (!retry.hidden) retry.focus();
    else if (this.#control) this.#control.focus();
    else renew.focus();
  }

  /** @param {import('./language.js').Words} words */
  setWords(words) {
    this.#words = words;
    const { title, renew, retry, keys, touch } = this.#parts;
    const { instruction = 'moveInstruction', hints = {} } = this.#control ?? {};
    write(title, words.say(instruction));
    write(keys, words.say(hints.keys));
    write(touch, words.say(hints.touch));
    write(retry, words.say('tryAgain'));
    renew.setAttribute('aria-label', words.say('newPicture'));
    renew.title = words.say('newPicture');
    this.#control?.setWords(words);
    this.say(...this.#said);
  }

  /** Says the sentence of `key` now, and in every language that is chosen later. */
  say(key, values = {}) {
    this.#said = [key, values];
    write(this.#parts.status, this.#words.say(key, values));
  }

  async #controlFor(type) {
    if (this.#control?.kind === type) return this.#control;
    if (!Object.hasOwn(KINDS, type)) throw new Failure('unexpected');
    const { Control, look } = await KINDS[type]().catch(() => {
      throw new Failure('script');
    });
    // Somebody else may have made it in the meantime.
    if (this.#control?.kind === type) return this.#control;
    const control = new Control(this.#words);
    control.kind = type;
    control.addEventListener('answer', () => this.#answer());
    control.addEventListener('move', () => {
      // The sentence about the last picture has been read once somebody works on this one.
      if (this.state === 'ready') this.say('');
    });
    this.adopt(look);
    this.#parts.place.replaceChildren(control.element);
    this.#control = control;
    return control;
  }

  /** Hands in where the piece stands. */
  async #answer() {
    const control = this.#control;
    if (!control.moved) {
      this.say('moveFirst');
      return;
    }
    const turn = (this.#turn += 1);
    const { answer } = control;
    this.#enter('checking', 'checking');
    const asked = performance.now();
    let granted;
    try {
      const { token } = this.#drawn;
      const { door } = this.#options();
      granted = await answerChallenge(door, token, answer, writtenFor(token, control), this.#words.language);
    } catch (failure) {
      if (turn !== this.#turn) return;
      if (ENDS_IT.includes(failure.reason)) {
        this.#emit('failed', { reason: failure.reason, answer });
        this.load(failure.reason);
      } else {
        this.#fail(failure, () => this.#answer(), 'answer');
      }
      return;
    }
    if (turn !== this.#turn) return;
    control.setSolved(true);
    this.#enter('solved', 'verified');
    const milliseconds = performance.now() - asked;
    this.#emit('solved', { answer, granted, milliseconds, lapsesAt: asked + granted.expires_in_ms });
  }

  /** Replaces a challenge that nobody answers in time, unless somebody is at it or nobody is looking. */
  #watch() {
    clearTimeout(this.#timer);
    if (this.state !== 'ready' || this.#resting || document.hidden) return;
    const left = this.#drawn.renewAt - performance.now();
    if (left > 0) {
      // Timers may come a fraction early; the clock is asked again then.
      this.#timer = setTimeout(() => this.#watch(), Math.ceil(left));
    } else if (this.#control.dragging || this.#control.quietFor < ACTING_MS) {
      this.#timer = setTimeout(() => this.#watch(), ACTING_MS);
    } else {
      // Whoever moved the piece and went away is told why it is back at the start; nobody else need know.
      this.load(this.#control.moved ? 'expired' : '');
    }
  }

  #enter(state, sentence, values) {
    this.state = state;
    const { root, retry, count } = this.#parts;
    root.dataset.state = state;
    write(count, '');
    root.setAttribute('aria-busy', String(state === 'loading' || state === 'checking'));
    if (state === 'ready') this.#control.unlock();
    else this.#control?.lock();
    this.say(sentence, values);
    if (state !== 'failed' && !retry.hidden) {
      const focused = retry.getRootNode().activeElement === retry;
      retry.hidden = true;
      if (focused) this.focus();
    }
    this.dispatchEvent(new Event('state'));
  }

  #fail(failure, retry, during = 'draw') {
    const reason = SAID.includes(failure.reason) ? failure.reason : 'unexpected';
    this.#retry = retry;
    const wait = reason === 'limited' && failure.wait <= LONGEST_WAIT_MS ? failure.wait : 0;
    const values = { host, status: failure.status ?? String(failure), seconds: Math.ceil(wait / 1_000) };
    this.#enter('failed', wait ? 'waiting' : reason, values);
    if (wait) this.#sitOut(performance.now() + wait);
    else this.#parts.retry.hidden = FINAL.includes(reason);
    this.#emit('error', { reason, during, message: this.#parts.status.textContent });
  }

  /**
   * Goes on by itself when the server's wait is over. The seconds are counted down for the eye only: said aloud once is
   * enough.
   */
  #sitOut(end) {
    clearTimeout(this.#timer);
    const left = end - performance.now();
    if (left <= 0) {
      this.#retry();
      return;
    }
    write(this.#parts.count, String(Math.ceil(left / 1_000)));
    this.#timer = setTimeout(() => this.#sitOut(end), left % 1_000 || 1_000);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** The trail of `control` as text. A browser in which that fails answers without. */
function writtenFor(token, control) {
  try {
    return control.trail?.write(token);
  } catch {
    return undefined;
  }
}

/** Bytes of a view's pictures once decoded from base64. */
function byteLength(view) {
  const pictures = Object.values(view).filter((part) => part?.data);
  return pictures.reduce((sum, { data }) => sum + Math.floor((data.replace(/=+$/, '').length * 3) / 4), 0);
}

function build() {
  const title = create('h2', 'title', { id: 'title' });
  const renew = create('button', 'tool', { type: 'button' }, [icon(AGAIN)]);
  const tools = create('div', 'tools', {}, [renew]);
  const place = create('div', 'place', {}, [create('div', 'blank')]);
  const status = create('p', 'status-text', { role: 'status' });
  const keys = create('p', 'hint keys', { id: 'keys' });
  const touch = create('p', 'hint touch');
  const retry = create('button', 'retry', { type: 'button', hidden: '' });
  const count = create('p', 'count', { 'aria-hidden': 'true' });
  const foot = create('div', 'status', {}, [status, count, keys, touch, retry]);
  const root = create('div', 'challenge', { 'data-state': 'idle' }, [create('div', 'head', {}, [title, tools]), place, foot]);
  return { root, title, tools, renew, place, status, count, keys, touch, retry };
}
