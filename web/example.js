// Code to paste, filled in so that it works as it stands.

import { widgetHash } from './calls.js';
import { say } from './language.js';

const COPIED_SHOWN_MS = 2_000;

/** Fills in the first page's code: the widget, and the two calls of Huawei OneAccess's door. */
export async function showExample(siteKey) {
  document.querySelector('#curl-fetch').textContent = fetchCall(location.origin, siteKey);
  document.querySelector('#curl-verify').textContent = verifyCall(location.origin, siteKey);
  enableCopying();
  document.querySelector('#html-widget').textContent = `${await scriptLine()}\n${elementLine(siteKey)}`;
}

/** The line that loads the widget. Without its hash, should that not be had, it works as well. */
export async function scriptLine() {
  const hash = await widgetHash().catch(() => null);
  const integrity = hash ? ` integrity="${hash}" crossorigin` : '';
  return `<script type="module" src="${location.origin}/widget/countersign.js"${integrity}></script>`;
}

/** The line that puts it somewhere. */
export function elementLine(siteKey, more = '') {
  return `<countersign-challenge site-key="${siteKey}" action="signup"${more}></countersign-challenge>`;
}

/** Makes the copy buttons of the page work. */
export function enableCopying() {
  const status = document.querySelector('#copy-status');
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', () => copy(document.getElementById(button.dataset.copy), button, status));
  }
}

function fetchCall(origin, siteKey) {
  return lines(`curl '${origin}/api/v2/sdk/captcha'`, headers(siteKey));
}

function verifyCall(origin, siteKey) {
  // point_json is JSON in a string, as this door has always wanted it.
  const answer = { point_json: JSON.stringify({ x: 120, y: 5 }), token: 'TOKEN', sender: '13800000000' };
  const body = JSON.stringify(answer, null, 4).replace('\n}', '\n  }');
  return lines(`curl '${origin}/api/v2/sdk/captcha/verify'`, [
    ...headers(siteKey),
    "-H 'Content-Type: application/json'",
    `-d '${body}'`,
  ]);
}

function headers(siteKey) {
  return [
    `-H 'X-client-id: ${siteKey}'`,
    "-H 'X-operating-sys-version: 1.0'",
    "-H 'X-device-fingerprint: example'",
    "-H 'X-agent: curl'",
  ];
}

function lines(first, rest) {
  return [first, ...rest].join(' \\\n  ');
}

async function copy(source, button, status) {
  const copied = await write(source.textContent);
  // Without the permission, or without https, people copy by hand: the text is selected for them.
  if (!copied) getSelection().selectAllChildren(source);
  say(status, copied ? 'copied' : 'copyFailed');
  say(button, copied ? 'copied' : 'copyFailed');
  setTimeout(() => {
    say(button, 'copy');
    say(status, 'statusNothing');
  }, COPIED_SHOWN_MS);
}

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
