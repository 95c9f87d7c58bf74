// Every layout, live, and what a page hears of it.

import { elementLine, enableCopying, scriptLine } from './example.js';
import { say, start } from './language.js';

const EVENTS = ['opened', 'drawn', 'solved', 'failed', 'expired', 'error', 'closed'];
const LINES_KEPT = 12;

const BRAND = `countersign-challenge {
  --countersign-accent: #5b2bd9;
  --countersign-on-accent: #ffffff;
  --countersign-accent-soft: #e6defc;
  --countersign-radius: 1.5em;
}`;

const siteKey = document.querySelector('meta[name="countersign-site-key"]').content;
const log = document.querySelector('#log');
const popupForm = document.querySelector('#popup-form');
const popupStatus = document.querySelector('#popup-status');

for (const name of EVENTS) document.addEventListener(`countersign-${name}`, note);
for (const button of document.querySelectorAll('[data-reset]')) {
  button.addEventListener('click', () => {
    document.getElementById(button.dataset.reset).reset();
    say(popupStatus, 'statusNothing');
  });
}
for (const button of document.querySelectorAll('[data-theme]')) {
  button.addEventListener('click', () => dress(button.dataset.theme));
}
popupForm.addEventListener('submit', (event) => {
  event.preventDefault();
  say(popupStatus, new FormData(popupForm).has('countersign-ticket') ? 'popupSent' : 'statusNothing');
});

start();
dress('auto');
enableCopying();
showCode();

/** Every widget and the page in this theme. */
function dress(theme) {
  const scheme = { light: 'light', dark: 'dark' }[theme] ?? 'light dark';
  // The page follows, so that the widgets stand on what they are made for.
  document.documentElement.style.colorScheme = scheme;
  document.documentElement.dataset.theme = theme;
  document.body.classList.toggle('brand-theme', theme === 'brand');
  for (const button of document.querySelectorAll('[data-theme]:not(html)')) {
    button.setAttribute('aria-pressed', String(button.dataset.theme === theme));
  }
}

async function showCode() {
  const script = await scriptLine();
  const shown = {
    'checkbox-code': `${script}\n${elementLine(siteKey)}`,
    'embedded-code': `${script}\n${elementLine(siteKey, ' layout="embedded"')}`,
    'popup-code': `${script}\n<form method="post" action="/signup">\n  …\n  ${elementLine(siteKey, ' layout="popup"')}\n  <button>Sign up</button>\n</form>`,
    'server-code': `curl -u ACCESS_KEY_ID:SECRET ${location.origin}/v1/tickets/redeem \\\n  -d '{"ticket": "…", "action": "signup"}'`,
    'brand-code': BRAND,
  };
  for (const [id, code] of Object.entries(shown)) document.getElementById(id).textContent = code;
}

function note({ type, target, detail }) {
  document.querySelector('#log-empty').hidden = true;
  log.hidden = false;
  const short = (key, value) => (key === 'ticket' ? `${value.slice(0, 12)}…` : key === 'milliseconds' ? Math.round(value) : value);
  const known = JSON.stringify(detail, short);
  const lines = [`#${target.id} ${type}${known ? ` ${known}` : ''}`, ...log.textContent.split('\n')];
  log.textContent = lines.slice(0, LINES_KEPT).join('\n').trim();
}
