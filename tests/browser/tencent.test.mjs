// Tencent's CAPTCHA 2.0 in a site of its own: a script that is asked for by the vendor's SDK, `capInit` in its three types,
// solved in every manner, and a ticket that the SDK has checked.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import en from '../../web/widget/locales/en.js';
import zh from '../../web/widget/locales/zh.js';
import { check } from './axe.mjs';
import { startServer } from './server.mjs';
import { shop, startTencentSite } from './tencent-site.mjs';
import { until } from './until.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

const UNSOLVED = { ret: 1, ticket: '', randstr: '' };
const ENGLISH = 1033;
// The vendor's own least sizes.
const SIZES = { point: 'width: 300px; height: 40px', embed: 'width: 300px; height: 270px', popup: 'width: 300px; height: 310px' };

// The browser itself reports a refusal in the console; the page cannot prevent it.
const REFUSED = /console: Failed to load resource: the server responded with a status of 4|failed: .*\/template\/.* net::ERR_ABORTED/;

let server;
let site;
let elsewhere;
let browser;

const place = (type = 'popup', id = 'place') => `<div id="${id}" style="${SIZES[type]}"></div>`;
const init = (options, id = 'place') => `capInit(document.getElementById('${id}'), { lang: ${ENGLISH}, callback: heed, ${options} });`;

/** A page whose only script calls `capInit`, with one of its own for each visit. */
const simple = (type, options = '', asked = {}) => async (asking) => {
  const body = `${place(type)}<p>Below</p><script>${init(`type: '${type}', ${options}`)}</script>`;
  return { body: shop(body, [await asking.script(asked)]) };
};

const pages = {
  '/point': simple('point'),
  '/embed': simple('embed'),
  '/popup': simple('popup'),
  '/phone': simple('popup', 'type: undefined, showHeader: false', { clientType: 1 }),
  '/in-flow': simple('popup', "pos: 'relative', keepOpen: true"),
  '/kept': simple('popup', 'keepOpen: true'),
  '/embed-kept': simple('embed', 'keepOpen: true'),
  '/narrow': simple('popup', 'fwidth: 320, top: 30, left: 40'),
  '/orange': simple('point', "themeColor: 'ff572d'"),
  '/noted': simple('popup', "start: () => heard.push('start'), end: () => heard.push('end')"),
  '/dark': async (asking) => ({
    body: shop(`${place('embed')}<script>${init("type: 'embed', themeColor: '#036'")}</script>`, [await asking.script()], {
      head: '<style>html { color-scheme: dark; background: #111; color: #eee }</style>',
    }),
  }),
  '/chinese': async (asking, query) => ({
    body: shop(`${place('point')}<script>capInit(document.getElementById('place'), { lang: ${query.get('lang')} })</script>`, [
      await asking.script(),
    ]),
  }),
  '/bare': async (asking) => ({ body: shop(place('point') + place('point', 'other'), [await asking.script()]) }),
  '/form': async (asking) => ({
    body: shop(`<form id="form" action="/bare"><label>Name <input name="name"></label>${place('point')}<button>Send</button></form>
      <script>${init("type: 'point'")}</script>`, [await asking.script()]),
  }),
  '/twice': async (asking) => {
    const address = await asking.script();
    return { body: shop(`${place('embed')}<script>${init("type: 'embed'")}</script>`, [address, address]) };
  },
  '/two': async (asking) => ({ body: shop(place('point') + place('point', 'other'), [await asking.script(), await asking.script()]) }),
  '/module': async (asking) => ({
    body: shop(place('embed'), [await asking.script()], {
      head: '<script>window.define = Object.assign((factory) => { window.module = factory(); }, { amd: {} });</script>',
    }),
  }),
  '/strict': async (asking) => {
    const { origin } = server;
    const scripts = [await asking.script(), '/shop.js'];
    const body = `<!doctype html><html lang="en"><head><title>Shop</title></head><body><div id="place"></div>
      ${scripts.map((address) => `<script src="${address.replaceAll('&', '&amp;')}"></script>`).join('')}</body></html>`;
    const policy = `default-src 'none'; script-src 'self' ${origin}; connect-src 'self' ${origin}; style-src 'none'`;
    return { body, policy };
  },
  '/shop.js': async () => ({
    type: 'text/javascript',
    body: `window.heard = []; ${init("type: 'popup', themeColor: '5b2bd9'").replace('heed', '(result) => heard.push(result)')}`,
  }),
  '/copied': async () => ({ body: shop(`${place('embed')}<script>${init("type: 'embed'")}</script>`, ['/copy.js']) }),
  '/copy.js': async () => ({ type: 'text/javascript', body: copy }),
};
let copy = '';

before(async () => {
  server = await startServer();
  site = await startTencentSite(server, pages);
  elsewhere = await startTencentSite(server, pages);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await elsewhere?.stop();
  await server?.stop();
});

const open = (path, options = {}) => visit({ browser, server, address: (options.site ?? site).origin + path, ...options });

/** What the page's callback has got, once it was called so often. */
async function heard(visitor, count = 1) {
  await visitor.page.waitForFunction((wanted) => heard.length >= wanted, count);
  return visitor.page.evaluate(() => heard);
}

const ticket = (visitor) => visitor.page.evaluate(() => capGetTicket());
const checked = (visitor, result) => visitor.page.evaluate((given) => ask('/check', given), result);

/** The ticket that the page got, as the site's server has it checked. */
async function assertPasses(visitor) {
  const [result] = await heard(visitor);
  assert.deepEqual({ ...result, ticket: '', randstr: '' }, { ret: 0, ticket: '', randstr: '' });
  assert.ok(result.ticket && result.randstr);
  assert.deepEqual(await ticket(visitor), result);
  const { code, codeDesc } = await checked(visitor, result);
  assert.deepEqual({ code, codeDesc }, { code: 0, codeDesc: 'Success' });
}

// How each type is brought to show its challenge, by a hand and by keys.
const TYPES = {
  point: {
    open: (page) => page.tap(page.row),
    openByKeys: async (page) => {
      await page.tabTo(page.row);
      await page.page.keyboard.press('Space');
    },
  },
  embed: { open: () => {}, openByKeys: (page) => page.tabTo(page.slider) },
  popup: { open: () => {}, openByKeys: () => {} },
};

for (const device of Object.keys(DEVICES)) {
  for (const [type, { open: show, openByKeys }] of Object.entries(TYPES)) {
    describe(`${type} on a ${device}`, () => {
      test('a drag and a tap on Check solve it, and the SDK has it checked', async () => {
        const page = await open(`/${type}`, { device });
        await page.widget.waitFor({ state: 'attached' });
        await show(page);
        await page.reached('ready');
        await page.capture(`tencent-${type}-${device}`);
        await page.drag(await page.answer());
        await page.press(en.check);
        await assertPasses(page);
        await page.capture(`tencent-${type}-${device}-solved`);
        page.assertQuiet();
        await page.close();
      });

      test('keys alone solve it', async () => {
        const page = await open(`/${type}`, { device });
        await page.widget.waitFor({ state: 'attached' });
        if (type !== 'embed') await openByKeys(page);
        await page.reached('ready');
        if (type === 'embed') await openByKeys(page);
        await until(() => page.pieceFocused(), 'the piece has the focus');
        await page.moveByKeys(await page.answer());
        await page.page.keyboard.press('Enter');
        await assertPasses(page);
        page.assertQuiet();
        await page.close();
      });
    });
  }

  test(`each type keeps to the place that the vendor asks for: ${device}`, async () => {
    for (const type of ['point', 'embed']) {
      const page = await open(`/${type}`, { device });
      await until(async () => type === 'point' || (await page.state()) === 'ready', 'it is there');
      await page.row.or(page.picture).first().waitFor();
      const [inner, outer] = [await page.widget.boundingBox(), await page.page.locator('#place').boundingBox()];
      assert.ok(inner.width <= outer.width && inner.height <= outer.height, `${type}: ${inner.width}×${inner.height}`);
      assert.ok(await page.widget.evaluate((node) => node.shadowRoot.querySelector('.frame').scrollWidth <= node.clientWidth), type);
      await page.close();
    }
  });

  for (const [look, context] of Object.entries({ light: {}, dark: {}, forced: { forcedColors: 'active' } })) {
    test(`axe finds nothing in any state: ${device}, ${look}`, async () => {
      const path = look === 'dark' ? '/dark' : '/orange';
      const page = await open(path, { device, context: { ...context, reducedMotion: 'reduce' } });
      if (path === '/orange') {
        await page.row.waitFor();
        await check(page, 'closed');
        await page.tap(page.row);
      }
      await page.reached('ready');
      await check(page, 'ready');
      await page.answerByKeys(await page.wrongPlace());
      await page.reached('ready', 2);
      await check(page, 'refused');
      await page.capture(`tencent-${device}-${look}-refused`);
      await page.solve();
      await check(page, 'solved');
      await page.page.route('**/tencent/challenges', ended);
      await page.page.evaluate(() => capRefresh());
      if (path === '/orange') await page.tap(page.row);
      await page.status.getByText(en.session).waitFor();
      await check(page, 'ended');
      await page.capture(`tencent-${device}-${look}-ended`);
      await page.close();
    });
  }
}

test('on a phone it opens by itself, whatever the type, as the vendor’s does', async () => {
  const page = await open('/phone', { device: 'phone' });
  await page.reached('ready');
  assert.ok(await page.dialog.isVisible());
  assert.ok(await page.widget.locator('.title').isHidden(), 'showHeader is false');
  assert.ok(await page.widget.getByRole('dialog', { name: en.moveInstruction }).isVisible(), 'its name stays');
  await page.close();
});

test('closed, it says so once; capRefresh opens it again', async () => {
  const page = await open('/noted');
  await page.reached('ready');
  await page.page.keyboard.press('Escape');
  assert.deepEqual(await heard(page, 3), ['start', 'end', UNSOLVED]);
  assert.deepEqual(await ticket(page), UNSOLVED);
  // Pages empty the place before they ask anew.
  await page.page.evaluate(() => {
    document.querySelector('#place').replaceChildren();
    capRefresh();
  });
  await page.reached('ready', 2);
  await page.solve();
  const calls = await heard(page, 6);
  assert.deepEqual(calls.slice(3, 5), ['start', 'end']);
  assert.equal(calls[5].ret, 0);
  assert.equal(calls.length, 6);
  page.assertQuiet();
  await page.close();
});

test('capRefresh takes the ticket back, even while it is still said that it was right', async () => {
  const page = await open('/popup');
  await page.reached('ready');
  await page.solve();
  await page.page.evaluate(() => capRefresh());
  assert.deepEqual(await ticket(page), UNSOLVED);
  await page.reached('ready', 2);
  assert.ok(await page.dialog.isVisible());
  assert.deepEqual(await page.page.evaluate(() => heard), []);
  await page.solve();
  await assertPasses(page);
  await page.close();
});

test('capRefresh on an open popup is no closing, however late it opens again', async () => {
  const page = await open('/popup');
  await page.reached('ready');
  await page.widget.evaluate((element) => {
    const { execute } = element;
    const closed = new Promise((resolve) => element.addEventListener('countersign-closed', resolve, { once: true }));
    element.execute = () => closed.then(() => execute.call(element));
    capRefresh();
  });
  await page.reached('ready', 2);
  assert.deepEqual(await page.page.evaluate(() => heard), []);
  await page.solve();
  await assertPasses(page);
  await page.close();
});

test('keepOpen keeps what is solved; without it, the next picture comes and the ticket stays', async () => {
  const popup = await open('/kept');
  await popup.reached('ready');
  await popup.solve();
  await assertPasses(popup);
  assert.ok(await popup.dialog.isVisible());
  await popup.close();

  const kept = await open('/embed-kept', { before: (tab) => tab.clock.install() });
  await kept.reached('ready');
  await kept.solve();
  await assertPasses(kept);
  await kept.page.clock.fastForward(10_000);
  assert.equal(await kept.state(), 'solved');
  assert.equal(kept.challenges.length, 1);
  await kept.close();

  const refreshed = await open('/embed');
  await refreshed.reached('ready');
  await refreshed.solve();
  await refreshed.reached('ready', 2);
  await assertPasses(refreshed);
  refreshed.assertQuiet();
  await refreshed.close();
});

test('a popup in the page’s flow stands there', async () => {
  const page = await open('/in-flow');
  await page.reached('ready');
  assert.equal(await page.dialog.count(), 0);
  await page.solve();
  await assertPasses(page);
  await page.close();
});

test('a page may say where a popup stands, and how wide', async () => {
  const page = await open('/narrow');
  await page.reached('ready');
  const { x, y, width } = await page.dialog.boundingBox();
  assert.deepEqual({ x, y, width }, { x: 40, y: 30, width: 320 });
  await page.close();
});

test('what is asked before the widget has arrived is done when it has', async () => {
  const holding = {};
  holding.promise = new Promise((resolve) => (holding.release = resolve));
  const page = await open('/bare', {
    before: (tab) =>
      tab.route('**/widget/countersign.js', async (route) => {
        await holding.promise;
        await route.continue();
      }),
  });
  await page.page.evaluate(() => {
    capRefresh();
    capDestroy();
    capInit(document.querySelector('#other'), { callback: heed });
    capDestroy();
    capInit(document.querySelector('#place'), { lang: 1033, type: 'embed', callback: heed });
    capRefresh();
  });
  assert.deepEqual(await ticket(page), UNSOLVED);
  assert.equal(await page.widget.count(), 0);
  holding.release();
  await page.reached('ready');
  assert.equal(await page.widget.count(), 1);
  await page.solve();
  await assertPasses(page);
  page.assertQuiet();
  await page.close();
});

test('a widget that does not arrive is said in the place, and the callback hears of it', async () => {
  const page = await open('/embed', { before: (tab) => tab.route('**/widget/countersign.js', (route) => route.abort('connectionrefused')) });
  assert.deepEqual(await heard(page), [UNSOLVED]);
  assert.match(await page.page.getByRole('alert').textContent(), /Please reload the page/);
  assert.ok(page.complaints.some((complaint) => complaint.includes('capInit')));
  await page.page.evaluate(() => {
    capRefresh();
    capDestroy();
  });
  assert.equal(await page.page.getByRole('alert').count(), 0);
  await page.close();
});

for (const path of ['/embed', '/popup']) {
  for (const missing of ['**/widget/stage.js', '**/widget/locales/*.js']) {
    test(`the callback hears that a part did not arrive: ${path}, ${missing}`, async () => {
      const page = await open(path, { before: (tab) => tab.route(missing, (route) => route.abort('connectionrefused')) });
      assert.deepEqual(await heard(page), [UNSOLVED]);
      await page.close();
    });
  }
}

test('capInit takes its callback second or third, and old forms of options', async () => {
  const page = await open('/bare');
  const forms = [
    (node) => capInit(node, heed),
    (node) => capInit(node, heed, { type: 'embed' }),
    (node) => capInit(node, { type: 'embed' }, heed),
    (node) => capInit(node, { type: 'embed', callback: heed, uin: '1', uid: '2', capcd: '3', needFeedBack: true, theme: 'x' }),
  ];
  for (const [index, form] of forms.entries()) {
    await page.page.evaluate(`capDestroy(); (${form})(document.querySelector('#place'))`);
    if (index === 0) {
      await page.row.waitFor();
      await page.row.click();
    }
    await page.reached('ready', index + 1);
    await page.solve();
    assert.equal((await heard(page, index + 1)).length, index + 1);
  }
  page.assertQuiet();
  await page.close();
});

test('an element that is not there is named in the console, and nobody is called', async () => {
  const page = await open('/bare');
  await page.page.evaluate(() => capInit(document.querySelector('#nowhere'), { callback: heed }));
  await until(() => page.complaints.length > 0, 'the console has it');
  assert.match(page.complaints[0], /capInit: .*must be an element/);
  await page.page.evaluate(() => {
    capRefresh();
    capDestroy();
  });
  assert.deepEqual(await page.page.evaluate(() => [heard, capGetTicket()]), [[], UNSOLVED]);
  await page.close();
});

test('in a form of the page it neither holds the form up nor adds to what is required', async () => {
  const page = await open('/form');
  await page.row.waitFor();
  assert.ok(await page.page.evaluate(() => document.querySelector('form').checkValidity()));
  await page.page.getByRole('button', { name: 'Send' }).click();
  await page.page.waitForURL('**/bare?name=');
  await page.close();
});

test('the same address a second time gives nothing, and the first copy goes on working', async () => {
  const page = await open('/twice');
  await page.reached('ready');
  await page.solve();
  await assertPasses(page);
  page.assertQuiet(REFUSED);
  await page.close();
});

test('of two copies in a page the later takes over, and there is one widget', async () => {
  const page = await open('/two');
  await page.page.evaluate(`${init("type: 'embed'")} ${init("type: 'embed'", 'other')}`);
  await page.reached('ready');
  assert.equal(await page.page.locator('#place countersign-challenge').count(), 0);
  assert.equal(await page.page.locator('#other countersign-challenge').count(), 1);
  await page.solve();
  await assertPasses(page);
  page.assertQuiet();
  await page.close();
});

test('a copy on another site draws nothing there, says so and calls back', async () => {
  copy = await (await fetch(await site.script())).text();
  const own = await open('/copied');
  await own.reached('ready');
  await own.close();
  const stolen = await open('/copied', { site: elsewhere });
  await stolen.status.getByText(en.session).waitFor();
  assert.deepEqual(await heard(stolen), [UNSOLVED]);
  assert.equal(stolen.challenges.length, 0);
  assert.ok(await stolen.widget.getByRole('button', { name: en.tryAgain }).isHidden(), 'nothing that trying again could mend');
  stolen.assertQuiet(REFUSED);
  await stolen.close();
});

test('a session that ends while the page is open is said in the page’s language, and the callback hears of it once', async () => {
  const page = await open('/chinese?lang=2052');
  await page.page.evaluate(() => capInit(document.querySelector('#place'), { type: 'popup', lang: 2052, callback: heed }));
  await page.reached('ready');
  await page.page.route('**/tencent/challenges', ended);
  await page.press(zh.newPicture);
  await page.status.getByText(zh.session).waitFor();
  assert.deepEqual(await heard(page), [UNSOLVED]);
  await page.page.keyboard.press('Escape');
  await page.dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await heard(page), [UNSOLVED]);
  await page.close();
});

for (const [number, label] of [[2052, zh.label], [1028, zh.label], [1033, en.label], [9999, zh.label]]) {
  test(`lang ${number} is spoken`, async () => {
    const page = await open(`/chinese?lang=${number}`);
    await page.row.getByText(label).waitFor();
    await page.close();
  });
}

test('it is a module for whoever has a loader of modules', async () => {
  const page = await open('/module');
  await page.page.evaluate(() => module.capInit(document.querySelector('#place'), { type: 'embed', lang: 1033, callback: heed }));
  await page.reached('ready');
  await page.solve();
  await assertPasses(page);
  assert.deepEqual(await page.page.evaluate(() => Object.keys(module)), ['capInit', 'capGetTicket', 'capRefresh', 'capDestroy']);
  await page.close();
});

test('CapObj makes one beside that of capInit, with a ticket of its own', async () => {
  const page = await open('/bare');
  await page.page.evaluate(() => (globalThis.made = CapObj(document.querySelector('#place'), { type: 'embed', lang: 1033 })));
  await page.reached('ready');
  await page.solve();
  const [own, other] = await page.page.evaluate(() => [made.getTicket(), capGetTicket()]);
  assert.equal(own.ret, 0);
  assert.deepEqual(other, UNSOLVED);
  await page.close();
});

test('a strict policy of the page is enough', async () => {
  const page = await open('/strict');
  await page.reached('ready');
  await page.solve();
  const [{ ret }] = await heard(page);
  assert.equal(ret, 0);
  page.assertQuiet();
  await page.close();
});

/** What the server says once a page was open for too long. */
function ended(route) {
  const problem = { type: 'urn:countersign:problem:session-expired', status: 403 };
  const headers = { 'access-control-allow-origin': '*' };
  return route.fulfill({ status: 403, headers, contentType: 'application/problem+json', json: problem });
}
