// A contact is confirmed: a challenge pays for a code, the code is sent there, and whoever reads it there types it in. What
// the app's own server would do with its access key, this page asks of the server under `--dev`.

import { Refused, checkCode, messagesTo, sendCode } from './calls.js';
import { language, onLanguage, say, start, words } from './language.js';

const LOOK_EVERY_MS = 1_000;
const LOOKS_LIKE_A_CONTACT = /^[^@\s]+@[^@\s]+\.[^@\s.]+$|^[+＋]?[\d０-９][\d０-９ -]{3,30}$/;

const ask = document.querySelector('#ask');
const askPart = document.querySelector('#ask-part');
const widget = document.querySelector('countersign-challenge');
const check = document.querySelector('#check');
const sentTo = document.querySelector('#sent-to');
const resend = document.querySelector('#resend');
const done = document.querySelector('#done');
const verdict = document.querySelector('#verdict');
const letters = document.querySelector('#letters');

// The code on its way: its id, to whom, and when it may be sent again. Null before and after.
let sent = null;
let looking;
let counting;

// What is neither an address nor a number would be refused only after the challenge.
ask.elements.to.addEventListener('input', judgeContact);
// A ticket counts for one contact: the challenge has to know it.
ask.elements.to.addEventListener('change', () => widget.setAttribute('contact', ask.elements.to.value.trim()));
ask.addEventListener('submit', (event) => {
  event.preventDefault();
  send(new FormData(ask));
});
check.addEventListener('submit', (event) => {
  event.preventDefault();
  confirmCode(check.elements.code.value);
});
resend.addEventListener('click', () => ask.requestSubmit());
document.querySelector('#other').addEventListener('click', startOver);
document.querySelector('#again').addEventListener('click', startOver);

start();
onLanguage(() => {
  judgeContact();
  for (const time of letters.querySelectorAll('time')) time.textContent = clock(time.dateTime);
});

function judgeContact() {
  const looksRight = LOOKS_LIKE_A_CONTACT.test(ask.elements.to.value.trim());
  ask.elements.to.setCustomValidity(looksRight || !ask.elements.to.value ? '' : words('confirmBadContact'));
}

async function send(form) {
  // A ticket counts once, whatever comes of it. And nothing takes the focus behind a dialog that is still open.
  widget.reset();
  say(verdict, 'statusNothing');
  const to = form.get('to').trim();
  try {
    const { id, to: normalised, resend_after: resendAfter } = await sendCode(to, form.get('countersign-ticket'), language());
    const again = sent !== null;
    sent = { id, to, normalised, resendAt: Date.parse(resendAfter) };
    say(sentTo, 'confirmSentTo', { to });
    if (again) say(verdict, 'confirmSentAgain');
    show(check);
    check.elements.code.value = '';
    check.elements.code.focus();
    countDown();
    look();
  } catch (failure) {
    tell(failure);
  }
}

async function confirmCode(typed) {
  const { id, to } = sent;
  let answer;
  try {
    answer = await checkCode(id, typed, language());
  } catch (failure) {
    tell(failure, 'confirmNoCode');
    return;
  }
  // Somebody may have gone back in the meantime.
  if (sent?.id !== id) return;
  if (answer.valid) {
    sent = null;
    say(document.querySelector('#done-text'), 'confirmDoneText', { to });
    say(verdict, 'statusNothing');
    show(done);
    document.querySelector('#done-heading').focus();
    return;
  }
  if (answer.attempts_left > 0) say(verdict, 'confirmWrong', { left: answer.attempts_left });
  else say(verdict, 'confirmDead');
  check.elements.code.select();
}

function startOver() {
  sent = null;
  clearTimeout(looking);
  clearTimeout(counting);
  ask.reset();
  widget.removeAttribute('contact');
  letters.replaceChildren();
  document.querySelector('#inbox-empty').hidden = false;
  say(verdict, 'statusNothing');
  show(askPart);
  ask.elements.to.focus();
}

/** Of the three parts, one is seen. */
function show(part) {
  for (const each of [askPart, check, done]) each.hidden = each !== part;
}

/** Says what went wrong; `unreadable` is what it means that the server could not read the call. */
function tell(failure, unreadable = 'confirmBadContact') {
  const { problem } = failure instanceof Refused ? failure : {};
  const kind = problem?.type?.split(':').at(-1);
  if (kind === 'over-limit') say(verdict, 'confirmLimited', { seconds: Math.ceil(problem.retry_after_ms / 1_000) });
  else if (kind === 'malformed-request') say(verdict, unreadable);
  else if (kind === 'impossible-number') say(verdict, 'confirmBadContact');
  else if (problem?.title) say(verdict, 'confirmRefused', { reason: problem.title });
  else say(verdict, 'confirmFailed');
}

/** The button for another code tells how long to wait, second by second. */
function countDown() {
  clearTimeout(counting);
  const left = Math.ceil((sent.resendAt - Date.now()) / 1_000);
  resend.disabled = left > 0;
  if (left > 0) {
    say(resend, 'confirmResendIn', { seconds: left });
    counting = setTimeout(countDown, 1_000);
  } else {
    say(resend, 'confirmResend');
  }
}

/** Looks into the inbox, and again for as long as a code is on its way. */
async function look() {
  clearTimeout(looking);
  const to = sent?.normalised;
  if (!to) return;
  // What cannot be asked now is asked again.
  const messages = await messagesTo(to).catch(() => []);
  if (sent?.normalised !== to) return;
  // Only what is new is added: a live region reads it out.
  for (const message of messages.slice(0, messages.length - letters.children.length).reverse()) {
    letters.prepend(letter(message));
  }
  document.querySelector('#inbox-empty').hidden = letters.children.length > 0;
  looking = setTimeout(look, LOOK_EVERY_MS);
}

function letter({ to, subject, text, sent_at: sentAt }) {
  const time = make('time', '', clock(sentAt));
  time.dateTime = sentAt;
  const head = make('p', 'letter-head', `${to} · `);
  head.append(time);
  const parts = [head, subject && make('p', 'letter-subject', subject), make('p', 'letter-text', text)];
  const item = make('li', 'letter', '');
  item.append(...parts.filter(Boolean));
  return item;
}

function make(name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  return element;
}

function clock(time) {
  return new Intl.DateTimeFormat(language(), { timeStyle: 'medium' }).format(new Date(time));
}
