// The first page: the widget, and what becomes of its ticket.

import { showExample } from './example.js';
import { start } from './language.js';
import { forgetTicket, redeem, redeemAgain, showDrawn, showJudged, showRefused } from './panel.js';

const widget = document.querySelector('countersign-challenge');

widget.addEventListener('countersign-drawn', ({ detail }) => {
  forgetTicket();
  showDrawn(detail.bytes, detail.milliseconds);
});
widget.addEventListener('countersign-failed', ({ detail }) => {
  if (detail.reason === 'wrong') showRefused(detail.answer);
});
widget.addEventListener('countersign-solved', ({ detail }) => {
  showJudged(detail.answer);
  redeem(detail.ticket);
});
widget.addEventListener('countersign-expired', forgetTicket);
document.querySelector('#redeem-again').addEventListener('click', redeemAgain);

start();
showExample(widget.getAttribute('site-key'));
