// The widget in other people's pages: other origins, strict and hostile policies, pages that load it twice or take it away.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import en from '../../web/widget/locales/en.js';
import { startServer } from './server.mjs';
import { document as page, startSite } from './site.mjs';
import { until } from './until.mjs';
import { launchBrowser, visit } from './visit.mjs';

let server;
let site;
let browser;
let hash;
let hashes;

// The least that docs/widget.md asks for, and less than that.
const policies = {
  strict: (origin) =>
    `default-src 'none'; script-src ${origin}; style-src ${origin}; connect-src ${origin}; img-src 'none'; ` +
    "require-trusted-types-for 'script'; base-uri 'none'; form-action 'self'",
  styleless: (origin) => `default-src 'none'; script-src ${origin}; connect-src ${origin}; style-src 'none'; img-src 'none'`,
  voiceless: (origin) => `default-src 'none'; script-src ${origin}; style-src ${origin}`,
  tight: (origin) => `default-src 'none'; script-src ${origin}/widget/countersign.js; connect-src ${origin}`,
};

const script = (integrity = '') => `<script type="module" src="${server.origin}/widget/countersign.js"${integrity}></script>`;
const element = (more = '') => `<countersign-challenge site-key="${server.siteKey}" action="signup"${more}></countersign-challenge>`;

/** The import map that `countersign widget --pin-all` prints, but for `others`. */
const pins = (others) => {
  const integrity = Object.entries({ ...hashes, ...others }).map(([path, each]) => [`${server.origin}/widget/${path}`, each]);
  return `<script type="importmap">${JSON.stringify({ integrity: Object.fromEntries(integrity) })}</script>`;
};

before(async () => {
  server = await startServer();
  hashes = await (await fetch(`${server.origin}/widget/integrity.json`)).json();
  hash = hashes['countersign.js'];
  const pinned = ` integrity="${hash}" crossorigin`;
  const pages = {
    '/strict': () => ({ policy: policies.strict(server.origin), body: page(script(pinned) + element()) }),
    '/styleless': () => ({ policy: policies.styleless(server.origin), body: page(script() + element(' layout="embedded"')) }),
    '/voiceless': () => ({ policy: policies.voiceless(server.origin), body: page(script() + element(' layout="embedded"')) }),
    '/tight': () => ({ policy: policies.tight(server.origin), body: page(script() + element()) }),
    '/all-pinned': () => ({ body: page(pins({}) + script(pinned) + element(' layout="embedded"')) }),
    '/one-altered': () => ({
      body: page(pins({ 'kinds/slider.js': hash }) + script(pinned) + element(' layout="embedded"')),
    }),
    '/altered': () => ({ body: page(script(` integrity="sha384-${'A'.repeat(64)}" crossorigin`) + element()) }),
    '/twice': () => ({
      body: page(`${script()}${script(pinned)}<script type="module" src="${server.origin}/widget/countersign.js?again"></script>${element()}`),
    }),
    '/plain': () => ({ body: page(script() + element(' layout="embedded"')) }),
    '/hostile-look': () => ({
      body: page(`<div class="shop">${script()}${element()}</div>`, {
        head: `<style>html { font-size: 6px } * { all: unset; box-sizing: content-box !important; }
          .shop, .shop * { color: pink; font: italic 40px fantasy; text-transform: uppercase; letter-spacing: 1em; direction: rtl;
          pointer-events: auto; line-height: 3 } button, input { display: none !important }</style>`,
      }),
    }),
  };
  site = await startSite((path) => pages[path]?.());
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
});

const open = (path, options) => visit({ browser, server, address: site.origin + path, ...options });

test('a page of another origin needs two lines, under the strictest policy, with its hash pinned', async () => {
  const visitor = await open('/strict');
  await visitor.row.click();
  await visitor.reached('ready');
  const beside = await visitor.dialog.evaluate((dialog) => dialog.hasAttribute('data-beside'));
  assert.ok(beside, 'the style sheets hold');
  await visitor.solve();
  const redeemed = await fetch(`${server.origin}/v1/tickets/redeem`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`${server.accessKey.id}:${server.accessKey.secret}`)}` },
    body: JSON.stringify({ ticket: await visitor.response(), action: 'signup' }),
  });
  assert.equal((await redeemed.json()).valid, true);
  visitor.assertQuiet();
  await visitor.close();
});

test('without any right to styles it looks as it should', async () => {
  const visitor = await open('/styleless');
  await visitor.reached('ready');
  assert.equal(await visitor.widget.locator('.picture').evaluate((node) => getComputedStyle(node).position), 'relative');
  await visitor.solve();
  visitor.assertQuiet();
  await visitor.close();
});

test('a policy that keeps it from its server is named', async () => {
  const visitor = await open('/voiceless');
  await visitor.reached('failed', 0);
  assert.equal(await visitor.status.textContent(), en.policy.replace('{host}', new URL(server.origin).host));
  await visitor.close();
});

test('a policy that lets in its first file alone leaves a form that cannot be sent, not one that lies', async () => {
  const visitor = await open('/tight');
  await until(() => visitor.complaints.some((text) => text.includes('script-src')), 'the browser has refused');
  assert.equal(await visitor.widget.evaluate((node) => node.response ?? null), null);
  await visitor.close();
});

test('a first file that is not what was pinned does not run', async () => {
  const visitor = await open('/altered');
  await until(() => visitor.complaints.some((text) => text.includes('integrity')), 'the browser has refused');
  assert.equal(await visitor.page.evaluate(() => customElements.get('countersign-challenge') === undefined), true);
  await visitor.close();
});

test('with every file pinned it works, and no file runs that is not what was pinned', async () => {
  const visitor = await open('/all-pinned');
  await visitor.reached('ready');
  await visitor.solve();
  visitor.assertQuiet();
  await visitor.close();
  const altered = await open('/one-altered');
  await altered.reached('failed');
  assert.equal(await altered.status.textContent(), en.script);
  await altered.close();
});

test('loaded twice and thrice, it works once', async () => {
  const visitor = await open('/twice');
  await visitor.row.click();
  await visitor.reached('ready');
  await visitor.solve();
  assert.equal(visitor.challenges.length, 1);
  visitor.assertQuiet();
  await visitor.close();
});

test('a page’s own look does not reach into it', async () => {
  const visitor = await open('/hostile-look');
  await visitor.row.waitFor();
  const { height } = await visitor.row.boundingBox();
  assert.ok(height >= 44 && height <= 90, `${height} pixels high`);
  await visitor.row.click();
  await visitor.reached('ready');
  await visitor.capture('hostile-look');
  await visitor.solve();
  await visitor.close();
});

test('taken out in the middle and put back, it starts anew; solved, it keeps its ticket', async () => {
  const visitor = await open('/plain');
  await visitor.reached('ready');
  await visitor.page.evaluate(() => {
    globalThis.kept = document.querySelector('countersign-challenge');
    kept.remove();
  });
  assert.equal(await visitor.page.evaluate(() => kept.state), 'idle');
  await visitor.page.evaluate(() => document.querySelector('main').append(kept));
  await visitor.reached('ready', 2);
  await visitor.solve();
  const ticket = await visitor.response();
  await visitor.page.evaluate(() => document.body.append(kept));
  assert.equal(await visitor.response(), ticket);
  assert.equal(visitor.challenges.length, 2);
  visitor.assertQuiet();
  await visitor.close();
});

test('taken out while a picture is on its way, it throws nothing', async () => {
  const visitor = await open('/plain', {
    before: (tab) =>
      tab.route('**/v1/challenges', async (route) => {
        await tab.evaluate(() => {
          globalThis.kept = document.querySelector('countersign-challenge');
          kept.remove();
        });
        await route.continue();
      }, { times: 1 }),
  });
  await until(() => visitor.challenges.length === 1, 'the picture has come');
  assert.equal(await visitor.page.evaluate(() => kept.state), 'idle');
  await visitor.page.evaluate(() => document.body.append(kept));
  await visitor.reached('ready', 2);
  visitor.assertQuiet();
  await visitor.close();
});

test('blocked storage changes nothing', async () => {
  const visitor = await open('/plain', {
    before: (tab) =>
      tab.addInitScript(() => {
        const refuse = () => {
          throw new DOMException('storage is blocked', 'SecurityError');
        };
        for (const name of ['localStorage', 'sessionStorage', 'indexedDB', 'caches']) {
          Object.defineProperty(window, name, { get: refuse });
        }
        Object.defineProperty(document, 'cookie', { get: refuse, set: refuse });
      }),
  });
  await visitor.reached('ready');
  await visitor.solve();
  visitor.assertQuiet();
  await visitor.close();
});

test('the browser side sends CORS without credentials, and the server side none', async () => {
  for (const path of ['/v1/challenges', '/v1/challenges/answer']) {
    const asked = await fetch(server.origin + path, { method: 'OPTIONS' });
    assert.equal(asked.status, 204);
    assert.equal(asked.headers.get('access-control-allow-origin'), '*');
    assert.equal(asked.headers.get('access-control-allow-credentials'), null);
  }
  const redeem = await fetch(`${server.origin}/v1/tickets/redeem`, { method: 'POST', body: '{}' });
  assert.equal(redeem.headers.get('access-control-allow-origin'), null);
});
