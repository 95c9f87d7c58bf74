// The widget by the names that Tencent's CAPTCHA has, in both its generations. What a site's own server would ask for with
// its access key, this page asks of the server under `--dev`.

import { tencentScript } from './calls.js';
import { enableCopying } from './example.js';
import { language, onLanguage, say, start } from './language.js';

const LANGUAGES = { en: 1033, zh: 2052 };
const CALLS_KEPT = 6;

const place = document.querySelector('#place');
const heard = document.querySelector('#heard');
const show = document.querySelector('#show');
const types = document.querySelectorAll('[data-type]');

let type = 'point';
let loaded = null;

for (const button of types) {
  button.addEventListener('click', () => {
    type = button.dataset.type;
    put();
  });
}
document.querySelector('#refresh').addEventListener('click', () => window.capRefresh?.());
show.addEventListener('click', () => {
  const options = { userLanguage: language(), enableDarkMode: true, bizState: 'demo' };
  new window.TencentCaptcha(String(loaded.app_id), note, options).show();
});

start();
enableCopying();
load();

/** Once: the address counts for one load, and the script for all three types. */
async function load() {
  try {
    loaded = await tencentScript();
    await script(loaded.url);
  } catch {
    say(document.querySelector('#trouble'), 'tencentFailed');
    return;
  }
  show.disabled = false;
  // What would pop up anew by itself is left as it is.
  onLanguage(() => (type === 'popup' ? showCode() : put()));
}

function script(address) {
  return new Promise((resolve, reject) => {
    const element = document.createElement('script');
    element.src = address;
    element.addEventListener('load', resolve);
    element.addEventListener('error', reject);
    document.head.append(element);
  });
}

/** The widget of the chosen type and language, in place of what there is. */
function put() {
  for (const button of types) button.setAttribute('aria-pressed', String(button.dataset.type === type));
  showCode();
  if (show.disabled) return;
  window.capDestroy();
  window.capInit(place, { type, lang: LANGUAGES[language()], callback: note });
}

function note(result) {
  document.querySelector('#heard-nothing').hidden = true;
  heard.hidden = false;
  const short = (key, value) => (key === 'ticket' && value ? `${value.slice(0, 12)}…` : value);
  const calls = [JSON.stringify(result, short), ...heard.textContent.split('\n')];
  heard.textContent = calls.slice(0, CALLS_KEPT).join('\n').trim();
}

function showCode() {
  const old = [
    '<!-- the url in the answer to CaptchaIframeQuery -->',
    `<script src="${location.origin}/template/TCapIframeApi.js?…"></script>`,
    '<div id="place"></div>',
    '<script>',
    "  capInit(document.getElementById('place'), {",
    `    type: '${type}',`,
    `    lang: ${LANGUAGES[language()]},`,
    '    callback: function (result) {',
    '      if (result.ret === 0) send(result.ticket); // to CaptchaCheck',
    '    },',
    '  });',
    '</script>',
  ];
  const fresh = [
    `<script src="${location.origin}/TCaptcha.js"></script>`,
    `<button id="TencentCaptcha" data-appid="${loaded?.app_id ?? 'YOUR_APP_ID'}" data-cbfn="done" type="button">…</button>`,
    '<script>',
    '  function done(result) {',
    '    if (result.ret === 0) send(result.ticket, result.randstr); // to DescribeCaptchaResult',
    '  }',
    '</script>',
  ];
  document.querySelector('#old-code').textContent = old.join('\n');
  document.querySelector('#new-code').textContent = fresh.join('\n');
}
