// A site that uses Tencent's CAPTCHA, on an origin of its own: its pages, and its server side, which calls ours by the
// vendor's own SDKs.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { document as page } from './site.mjs';

const require = createRequire(import.meta.url);
const QcloudApi = require('qcloudapi-sdk');
const { CommonClient } = require('tencentcloud-sdk-nodejs-common');

const PERSON = '127.0.0.1';

/**
 * Serves `pages`, by their path: each is made anew for each visit, and may order a script. What a page posts to `/check` goes
 * to CaptchaCheck and to `/describe` to DescribeCaptchaResult; the page gets the answer.
 *
 * @param {object} server as `startServer` gives it
 * @param {Record<string, (site: object, query: URLSearchParams) => Promise<{ policy?: string, body: string }>>} pages
 */
export async function startTencentSite(server, pages) {
  const { host } = new URL(server.origin);
  const { id: SecretId, secret: SecretKey } = server.accessKey;

  const old = new QcloudApi({ SecretId, SecretKey, host, protocol: 'http', Region: 'gz' });
  const callOld = promisify(old.request.bind(old));
  const fresh = new CommonClient('captcha.tencentcloudapi.com', '2019-07-22', {
    credential: { secretId: SecretId, secretKey: SecretKey },
    region: '',
    profile: { httpProfile: { endpoint: host, protocol: 'http://' } },
  });

  const common = { captchaType: 9, disturbLevel: 1, userIp: PERSON, accountType: 0 };
  const site = {
    /** The answer to CaptchaIframeQuery. */
    query: (more = {}) => callOld({ Action: 'CaptchaIframeQuery', ...common, isHttps: 0, clientType: 2, ...more }),

    /** The address of a script, for one load. */
    async script(more) {
      const { code, message, url } = await site.query(more);
      if (code !== 0) throw new Error(`CaptchaIframeQuery: ${code} ${message}`);
      return url;
    },

    /** The answer to CaptchaCheck. */
    check: ({ ticket }) => callOld({ Action: 'CaptchaCheck', ...common, ticket }),

    /** The answer to DescribeCaptchaResult. */
    describe: ({ ticket, randstr }) =>
      fresh.request('DescribeCaptchaResult', {
        CaptchaType: 9,
        Ticket: ticket,
        Randstr: randstr,
        UserIp: PERSON,
        CaptchaAppId: server.captchaApp.id,
        AppSecretKey: server.captchaApp.secret,
      }),
  };

  const listener = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://site');
    const answer = { '/check': site.check, '/describe': site.describe }[pathname];
    if (answer) {
      const answered = await answer(await json(request)).catch((error) => ({ error: String(error) }));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answered));
      return;
    }
    const made = await pages[pathname]?.(site, searchParams);
    if (!made) {
      response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    const headers = { 'content-type': made.type ?? 'text/html; charset=utf-8' };
    if (made.policy) headers['content-security-policy'] = made.policy;
    response.writeHead(200, headers).end(made.body);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  site.origin = `http://127.0.0.1:${listener.address().port}`;
  site.stop = async () => {
    listener.closeAllConnections();
    listener.close();
    await once(listener, 'close');
  };
  return site;
}

// What a page of such a site does: it notes what its callback gets, and has its own server check a ticket.
const SCRIPT = `
  window.heard = [];
  function heed(result) { heard.push(result); }
  async function ask(path, what) {
    const response = await fetch(path, { method: 'POST', body: JSON.stringify(what) });
    return response.json();
  }`;

/** A page with `body` that loads `scripts` first. */
export function shop(body, scripts, { head = '', lang = 'en' } = {}) {
  const loaded = scripts.map((address) => `<script src="${address.replaceAll('&', '&amp;')}"></script>`);
  return page(body, { head: `${head}<script>${SCRIPT}</script>${loaded.join('')}`, lang });
}

async function json(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return JSON.parse(text);
}
