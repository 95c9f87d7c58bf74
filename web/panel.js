// "What just happened": three steps that light up as a challenge goes its way, and the server's own words as proof.

import { redeemTicket } from './calls.js';
import { say } from './language.js';

const steps = {
  drawn: document.querySelector('#step-drawn'),
  judged: document.querySelector('#step-judged'),
  redeemed: document.querySelector('#step-redeemed'),
};
const proof = document.querySelector('#proof');
const firstAnswer = document.querySelector('#proof-first');
const secondAnswer = document.querySelector('#proof-second');
const verdict = document.querySelector('#proof-verdict');

let ticket = null;
let redeemed = false;

/** A challenge was drawn: `bytes` of pictures, `milliseconds` after they were asked for. */
export function showDrawn(bytes, milliseconds) {
  mark('drawn', 'done', 'drawnDone', {
    size: (language) => number(language, bytes / 1000),
    time: (language) => number(language, milliseconds),
  });
}

/** Puts the steps after the first back to waiting. A refusal stays readable until the next answer. */
export function forgetTicket() {
  ticket = null;
  proof.hidden = true;
  if (steps.judged.dataset.outcome === 'done') mark('judged', 'waiting', 'judgedWaiting');
  mark('redeemed', 'waiting', 'redeemedWaiting');
}

/** The server said that `answer` is wrong. */
export function showRefused(answer) {
  mark('judged', 'refused', 'judgedRefused', { place: place(answer) });
}

/** The server said that `answer` is right. */
export function showJudged(answer) {
  mark('judged', 'done', 'judgedDone', { place: place(answer) });
}

/** Hands `issued` to the page's server and shows what it says. */
export async function redeem(issued) {
  ticket = issued;
  redeemed = false;
  let answer;
  try {
    answer = await redeemTicket(issued);
  } catch {
    if (ticket !== issued) return;
    mark('redeemed', 'refused', 'redeemedFailed');
    firstAnswer.textContent = '';
    firstAnswer.hidden = true;
    secondAnswer.hidden = true;
    proof.hidden = false;
    return;
  }
  // Somebody may have asked for another picture in the meantime.
  if (ticket !== issued) return;
  redeemed = true;
  firstAnswer.hidden = false;
  mark('redeemed', answer.valid ? 'done' : 'refused', answer.valid ? 'redeemedDone' : 'redeemedRefused');
  firstAnswer.textContent = JSON.stringify(answer, null, 2);
  secondAnswer.hidden = true;
  say(verdict, 'statusNothing');
  proof.hidden = false;
}

/** Spends the same ticket once more, to show that the server refuses; or at last, if it could not be asked before. */
export async function redeemAgain() {
  const spent = ticket;
  if (!spent) return;
  if (!redeemed) {
    redeem(spent);
    return;
  }
  const answer = await redeemTicket(spent).catch(() => null);
  if (ticket !== spent) return;
  if (!answer) {
    say(verdict, 'redeemedFailed');
    return;
  }
  say(verdict, answer.valid ? 'redeemedTwiceAccepted' : 'redeemedTwice');
  secondAnswer.textContent = JSON.stringify(answer, null, 2);
  secondAnswer.hidden = false;
}

const OUTCOME_WORDS = { done: 'stepDone', refused: 'stepRefused', waiting: 'stepWaiting' };

function mark(name, outcome, key, values) {
  const step = steps[name];
  step.dataset.outcome = outcome;
  say(step.querySelector('.unseen'), OUTCOME_WORDS[outcome]);
  say(step.querySelector('.step-text'), key, values);
}

/** An answer as people write coordinates. */
function place(answer) {
  return Object.entries(answer)
    .map(([axis, value]) => `${axis} = ${value}`)
    .join(', ');
}

function number(language, value) {
  return new Intl.NumberFormat(language, { maximumSignificantDigits: value < 100 ? 2 : 3 }).format(value);
}
