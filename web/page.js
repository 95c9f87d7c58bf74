// The page's flow: draw a challenge, hand in the answer, have the ticket redeemed, and say in words whatever goes wrong.
//
// The focus stays where it is whatever happens. The one exception is the "try again" button, which hands it to the slider
// when it goes away with the focus on it.

import { Failure, answerChallenge, drawChallenge } from './calls.js';
import { showExample } from './example.js';
import { apply, choose, language, onLanguage, say, words } from './language.js';
import { forgetTicket, redeem, redeemAgain, showDrawn, showJudged, showRefused } from './panel.js';
import { byteLength } from './picture.js';
import { Slider } from './slider.js';

// A challenge is not taken from under the hands of somebody who moved it this recently.
const ACTING_MS = 3_000;

// Refusals that end a challenge: the next one is drawn at once, under this sentence.
const FRESH_START = {
  wrong: 'statusWrong',
  expired: 'statusExpired',
  used: 'statusUsed',
  unknown: 'statusUnknown',
};

// Everything else leaves it to the reader to try again.
const FAILED = {
  offline: 'failedOffline',
  unreachable: 'failedUnreachable',
  busy: 'failedBusy',
  limited: 'failedLimited',
  siteKey: 'failedSiteKey',
};

const siteKey = document.querySelector('meta[name="countersign-site-key"]').content;
const card = document.querySelector('#challenge');
const status = document.querySelector('#status');
const tryAgain = document.querySelector('#try-again');
const slider = new Slider(document.querySelector('#slider'), sliderWords());

let state = 'loading';
let challenge = null;
let expiryTimer;
let retry = null;

slider.handle.setAttribute('aria-describedby', 'challenge-instruction keyboard-hint');
slider.addEventListener('answer', (event) => answer(event.detail.x));
slider.addEventListener('move', () => {
  // The sentence about the last picture has been read once somebody works on this one.
  if (state === 'ready') say(status, 'statusNothing');
});
document.querySelector('#new-picture').addEventListener('click', () => {
  if (state !== 'loading' && state !== 'checking') load('statusNothing', 'statusLoading');
});
tryAgain.addEventListener('click', () => {
  if (state === 'failed') retry();
});
document.querySelector('#redeem-again').addEventListener('click', () => {
  if (state === 'accepted') spendAgain();
});
document.addEventListener('visibilitychange', watchExpiry);

for (const button of document.querySelectorAll('[data-language]')) {
  button.addEventListener('click', () => choose(button.dataset.language));
}
onLanguage(() => {
  slider.setWords(sliderWords());
  for (const button of document.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.dataset.language === language()));
  }
});

apply();
showExample(siteKey);
load('statusNothing', 'statusLoading');

/** Draws a fresh challenge, saying `meanwhile` until it is there and `sentence` from then on. */
async function load(sentence, meanwhile = sentence) {
  enter('loading', meanwhile);
  clearTimeout(expiryTimer);
  const asked = performance.now();
  try {
    const drawn = await drawChallenge(siteKey, language());
    const milliseconds = performance.now() - asked;
    await slider.show(drawn.view);
    // Counted from the question, not from the answer, so that the page never believes in a challenge longer than the
    // server does; and on the monotonic clock, because people's clocks are wrong.
    challenge = { token: drawn.token, lapsesAt: asked + drawn.expires_in_ms };
    showDrawn(byteLength(drawn.view.background) + byteLength(drawn.view.piece), milliseconds);
  } catch (failure) {
    fail(failure, () => load('statusNothing', 'statusLoading'));
    return;
  }
  forgetTicket();
  enter('ready', sentence);
  watchExpiry();
}

/** Hands in `x`, and the ticket that it earns. */
async function answer(x) {
  if (x === 0) {
    say(status, 'statusMoveFirst');
    return;
  }
  enter('checking', 'statusChecking');
  let ticket;
  try {
    ({ ticket } = await answerChallenge(challenge.token, x));
  } catch (failure) {
    if (failure.reason === 'wrong') showRefused(x);
    const sentence = FRESH_START[failure.reason];
    if (sentence) load(sentence);
    else fail(failure, () => answer(x));
    return;
  }
  slider.setOutcome('accepted');
  showJudged(x);
  spend(ticket);
}

/** Has the ticket of a solved challenge redeemed. */
async function spend(ticket) {
  enter('checking', 'statusChecking');
  try {
    await redeem(ticket);
    enter('accepted', 'statusAccepted');
  } catch (failure) {
    fail(failure, () => spend(ticket));
  }
}

/** Tries the same ticket once more. The panel says what came of it; the sentence under the slider stays. */
async function spendAgain() {
  try {
    await redeemAgain();
    if (state === 'failed') enter('accepted', 'statusAccepted');
  } catch (failure) {
    // Nobody waits for it any more once another picture was asked for.
    if (state === 'accepted' || state === 'failed') fail(failure, spendAgain);
  }
}

/** Refreshes a challenge that nobody answered in time, unless somebody is at it or nobody is looking. */
function watchExpiry() {
  clearTimeout(expiryTimer);
  if (state !== 'ready' || document.hidden) return;
  const left = challenge.lapsesAt - performance.now();
  if (left > 0) {
    // Timers may come a fraction early; the clock is asked again then.
    expiryTimer = setTimeout(watchExpiry, Math.ceil(left));
  } else if (slider.dragging || slider.quietFor < ACTING_MS) {
    expiryTimer = setTimeout(watchExpiry, ACTING_MS);
  } else {
    // Whoever moved the piece and went away is told why it is back at the start; nobody else need know.
    load(slider.quietFor === Infinity ? 'statusNothing' : 'statusExpired');
  }
}

function enter(next, sentence) {
  state = next;
  card.dataset.state = next;
  card.setAttribute('aria-busy', String(next === 'loading' || next === 'checking'));
  if (next === 'ready') slider.unlock();
  else slider.lock();
  if (next === 'ready' || next === 'accepted') hideTryAgain();
  say(status, sentence);
}

function fail(failure, again) {
  retry = failure.reason === 'siteKey' ? () => location.reload() : again;
  enter('failed', FAILED[failure.reason] ?? 'failedUnexpected');
  say(status, status.dataset.text, { status: failure.status || failure.name });
  tryAgain.hidden = false;
  // Not one of the calls: a mistake of ours, or a picture that cannot be decoded. Whoever looks into it needs the trace.
  if (!(failure instanceof Failure)) console.error(failure);
}

function hideTryAgain() {
  const focused = document.activeElement === tryAgain;
  tryAgain.hidden = true;
  if (focused) slider.handle.focus({ preventScroll: true });
}

function sliderWords() {
  return {
    picture: words('sliderPicture'),
    handle: words('sliderHandle'),
    position: (x, max) => words('sliderPosition', { x, max }),
    hint: words('sliderHint'),
    stepBack: words('sliderStepBack'),
    stepForward: words('sliderStepForward'),
    check: words('sliderCheck'),
  };
}
