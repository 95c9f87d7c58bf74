// What the widget asks of the server, and why it may be told no. A failure carries a reason in the widget's own terms, so
// that nothing else has to know status codes or problem types.

const PROBLEM_PREFIX = 'urn:countersign:problem:';
const PROBLEM_REASONS = {
  'wrong-answer': 'wrong',
  'challenge-expired': 'expired',
  'challenge-used': 'used',
  'challenge-unknown': 'unknown',
  'unknown-site-key': 'siteKey',
  'app-disabled': 'siteKey',
  'unknown-captcha-app': 'siteKey',
  'session-unknown': 'session',
  'session-expired': 'session',
  'session-elsewhere': 'session',
  'session-exhausted': 'session',
  'deadline-exceeded': 'busy',
};
const STATUS_REASONS = { 429: 'limited', 503: 'busy' };

// The folder above this file's: the server, whatever a proxy puts in front of its paths.
const SERVER = new URL('../', import.meta.url);

// Long enough for a slow line, short enough that nobody wonders whether the widget is dead.
const PATIENCE_MS = 15_000;

let forbidden = false;
document.addEventListener('securitypolicyviolation', (event) => {
  if (event.effectiveDirective === 'connect-src' && event.blockedURI.startsWith(SERVER.origin)) forbidden = true;
});

/** The server's host, as a person would look for it in a policy. */
export const host = SERVER.host;

/** A call that did not give what was asked for. */
export class Failure extends Error {
  /** `wait` is how many milliseconds the server wants to be left alone, where it says. */
  constructor(reason, status = 0, wait = 0) {
    super(reason);
    this.reason = reason;
    this.status = status;
    this.wait = wait;
  }
}

const NATIVE_DOOR = 'v1/challenges';

/**
 * Asks for a challenge. With a `door`, `{ path, page }`, it is asked at that path of the server, which knows the page by
 * `page` in place of a site key; its answers are those of the native door, with whatever else it has to give.
 */
export function drawChallenge({ door, siteKey, action, contact, locale }) {
  if (door) return post(door.path, door.page);
  // JSON leaves out what is undefined.
  return post(NATIVE_DOOR, { site_key: siteKey, action: action || undefined, contact: contact || undefined, locale });
}

/**
 * Hands in an answer, in the challenge's own terms, and how it was come by, where the challenge was asked for. Gives the
 * ticket.
 */
export function answerChallenge(door, token, answer, trail, locale) {
  return post(`${door?.path ?? NATIVE_DOOR}/answer`, { token, answer, trail, locale });
}

async function post(path, body) {
  const { response, content } = await exchange(new URL(path, SERVER), body);
  if (response.ok && content) return content;
  throw new Failure(reasonOf(response.status, content), response.status, waitOf(response, content));
}

async function exchange(address, body) {
  try {
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { response, content: parsed(await response.text()) };
  } catch {
    // The violation is reported in a task of its own, which may come after this one.
    await new Promise((resolve) => setTimeout(resolve));
    if (forbidden) throw new Failure('policy');
    throw new Failure(navigator.onLine ? 'unreachable' : 'offline');
  }
}

/** The JSON object in `text`, or null: a proxy in between may answer in HTML. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** To the millisecond where it is our server that speaks, else as a proxy may say it. */
function waitOf(response, content) {
  const wait = content?.retry_after_ms ?? Number(response.headers.get('retry-after')) * 1_000;
  return Number.isFinite(wait) && wait > 0 ? wait : 0;
}

function reasonOf(status, content) {
  const type = content?.type;
  const problem = typeof type === 'string' && type.startsWith(PROBLEM_PREFIX) ? type.slice(PROBLEM_PREFIX.length) : '';
  return PROBLEM_REASONS[problem] ?? STATUS_REASONS[status] ?? 'unexpected';
}
