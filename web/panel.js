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

/** The server said that `x` is wrong. */
export function showRefused(x) {
  mark('judged', 'refused', 'judgedRefused', { x });
}

/** The server said that `x` is right. */
export function showJudged(x) {
  mark('judged', 'done', 'judgedDone', { x });
}

/** Hands `issued` to the page's server and shows what it says. Throws the call's failure. */
export async function redeem(issued) {
  ticket = issued;
  const answer = await redeemTicket(issued);
  // Somebody may have asked for another picture in the meantime.
  if (ticket !== issued) return;
  mark('redeemed', answer.valid ? 'done' : 'refused', answer.valid ? 'redeemedDone' : 'redeemedRefused');
  firstAnswer.textContent = JSON.stringify(answer, null, 2);
  secondAnswer.hidden = true;
  say(verdict, 'statusNothing');
  proof.hidden = false;
}

/** Spends the same ticket once more, to show that the server refuses. Throws the call's failure. */
export async function redeemAgain() {
  const spent = ticket;
  if (!spent) return;
  const answer = await redeemTicket(spent);
  if (ticket !== spent) return;
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

function number(language, value) {
  return new Intl.NumberFormat(language, { maximumSignificantDigits: value < 100 ? 2 : 3 }).format(value);
}
