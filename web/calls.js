// What the page asks of the server, and why it may be told no. A failure carries a reason in the page's own terms, so that
// nothing else has to know status codes or problem types.

const PROBLEM_PREFIX = 'urn:countersign:problem:';
const PROBLEM_REASONS = {
  'wrong-answer': 'wrong',
  'challenge-expired': 'expired',
  'challenge-used': 'used',
  'challenge-unknown': 'unknown',
  'unknown-site-key': 'siteKey',
  'deadline-exceeded': 'busy',
};
const STATUS_REASONS = { 429: 'limited', 503: 'busy' };

// Long enough for a slow line, short enough that nobody wonders whether the page is dead.
const PATIENCE_MS = 15_000;

/** A call that did not give what was asked for. */
export class Failure extends Error {
  constructor(reason, status = 0) {
    super(reason);
    this.reason = reason;
    this.status = status;
  }
}

/** Asks for a slider challenge. */
export function drawChallenge(siteKey, locale) {
  return post('/v1/challenges', { site_key: siteKey, type: 'slider', action: 'demo', locale });
}

/** Hands in an answer, in pixels of the picture. Gives the ticket. */
export function answerChallenge(token, x) {
  return post('/v1/challenges/answer', { token, answer: { x } });
}

/** Has the page's own server redeem a ticket, as a site's back end would with its secret key. */
export function redeemTicket(ticket) {
  return post('/dev/redeem', { ticket });
}

async function post(path, body) {
  const { response, content } = await exchange(path, body);
  if (response.ok && content) return content;
  throw new Failure(reasonOf(response.status, content), response.status);
}

async function exchange(path, body) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      credentials: 'omit',
      cache: 'no-store',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return { response, content: parsed(await response.text()) };
  } catch {
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

function reasonOf(status, content) {
  const type = content?.type;
  const problem = typeof type === 'string' && type.startsWith(PROBLEM_PREFIX) ? type.slice(PROBLEM_PREFIX.length) : '';
  return PROBLEM_REASONS[problem] ?? STATUS_REASONS[status] ?? 'unexpected';
}
