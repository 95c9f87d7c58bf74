// What these pages ask of their own server beyond the widget's calls.

/** Has the page's own server redeem a ticket, as a site's back end would with its secret key. Throws when it cannot. */
export async function redeemTicket(ticket) {
  const response = await fetch('/dev/redeem', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ticket }),
    credentials: 'omit',
    cache: 'no-store',
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

/** A call that the server refused, and in what words. */
export class Refused extends Error {
  constructor(problem) {
    super(problem?.title);
    this.problem = problem;
  }
}

/** Has the page's own server send a code, paid for with a ticket. Throws {@link Refused}, or whatever kept it from asking. */
export function sendCode(to, ticket, locale) {
  return ask('/dev/codes', locale, { to, ticket, locale });
}

/** Has it check what was typed in. */
export function checkCode(id, code, locale) {
  return ask('/dev/codes/check', locale, { id, code });
}

/** What the inbox of `--dev` got for this contact, newest first. */
export async function messagesTo(to) {
  const response = await fetch(`/dev/messages?to=${encodeURIComponent(to)}`, { credentials: 'omit', cache: 'no-store' });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

/** A picture of a slider with its answer, as `query` chooses: no challenge, so nothing is spent. */
export async function samplePicture(query, locale) {
  const chosen = new URLSearchParams([...query].filter(([, value]) => value !== ''));
  const response = await fetch(`/dev/legibility?${chosen}`, {
    headers: { 'accept-language': locale },
    credentials: 'omit',
    cache: 'no-store',
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return response.json();
}

async function ask(path, locale, body) {
  const response = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-language': locale },
    body: JSON.stringify(body),
    credentials: 'omit',
    cache: 'no-store',
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok || !answer) throw new Refused(answer);
  return answer;
}

/** Has it ask for what Tencent's clients ask for: an address to load the script from, once, and the number of the app. */
export function tencentScript() {
  return ask('/dev/tencent', 'en', {});
}

/** The hash of the widget's first file, for `integrity`. */
export async function widgetHash() {
  const response = await fetch('/widget/integrity.json');
  const hashes = await response.json();
  return hashes['countersign.js'];
}
