// A form as a site might have it. What its server would do with the ticket, this page asks of the server under `--dev`.

import { redeemTicket } from './calls.js';
import { say, start } from './language.js';

const form = document.querySelector('form');
const widget = document.querySelector('countersign-challenge');
const verdict = document.querySelector('.verdict');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const sent = new FormData(form);
  try {
    const answer = await redeemTicket(sent.get('countersign-ticket'));
    if (answer.valid) say(verdict, 'signupWelcome', { email: sent.get('email') });
    else say(verdict, 'signupRefused', { reason: answer.reason });
    // A ticket counts once, whatever came of it.
    widget.reset();
  } catch {
    say(verdict, 'signupFailed');
  }
});

start();
