// Tencent's newer CAPTCHA in a site of its own: `TencentCaptcha` in all its forms, opened by a script and bound to a form, with
// a ticket that the vendor's SDK has checked, and what a page gets when there is none to be had.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import en from '../../web/widget/locales/en.js';
import zh from '../../web/widget/locales/zh.js';
import { check } from './axe.mjs';
import { startServer } from './server.mjs';
import { shop, startTencentSite } from './tencent-site.mjs';
import { until } from './until.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

const CHALLENGES = '**/tencent/challenges';
const ANSWERS = '**/tencent/challenges/answer';
const WIDGET = '**/widget/countersign.js';

// The browser itself reports a refusal in the console; the page cannot prevent it.
const REFUSED = /console: Failed to load resource: the server responded with a status of 4/;

let server;
let site;
let browser;

const script = (name = 'TCaptcha.js') => `${server.origin}/${name}`;
const appId = () => server.captchaApp.id;
const bound = (more = '') => `<button id="TencentCaptcha" data-appid="${appId()}" data-cbfn="heed" data-biz-state="a state" ${more}>Verify</button>`;

const pages = {
  '/': async () => ({ body: shop('<button id="other">Another</button>', [script()]) }),
  '/newer': async () => ({ body: shop(bound('type="button"'), [script('TJCaptcha.js')]) }),
  // In the head, before there is anything to bind; in a form, whose button would send it.
  '/form': async () => ({
    body: shop(`<form action="/sent"><label>Name <input name="name" required></label>
      <input type="hidden" name="ticket"><input type="hidden" name="randstr">${bound()}</form>
      <script>
        function heed(result) {
          heard.push(result);
          if (result.ret !== 0) return;
          const form = document.querySelector('form');
          form.elements.ticket.value = result.ticket;
          form.elements.randstr.value = result.randstr;
          form.requestSubmit();
        }
      </script>`, [script()]),
  }),
  '/sent': async () => ({ body: shop('<p>Sent</p>', []) }),
  '/twice': async () => ({ body: shop(bound('type="button"'), [script(), script('TCaptcha.js?again')]) }),
  '/strict': async () => {
    const { origin } = server;
    const body = `<!doctype html><html lang="en"><head><title>Shop</title></head><body>${bound('type="button"')}
      <script src="${script()}"></script><script src="/shop.js"></script></body></html>`;
    const policy = `default-src 'none'; script-src 'self' ${origin}; connect-src ${origin}; require-trusted-types-for 'script'`;
    return { body, policy };
  },
  '/shop.js': async () => ({ type: 'text/javascript', body: 'window.heard = []; function heed(result) { heard.push(result); }' }),
};

before(async () => {
  server = await startServer();
  site = await startTencentSite(server, pages);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
});

const open = (path, options) => visit({ browser, server, address: site.origin + path, ...options });

/** Makes one as `captcha`, and shows it. */
const show = (visitor, options = {}, id = appId()) =>
  visitor.page.evaluate(
    ([number, given]) => {
      globalThis.captcha = new TencentCaptcha(number, heed, given);
      captcha.show();
    },
    [String(id), options],
  );

/** What the page's callback has got, once it was called so often. */
async function heard(visitor, count = 1) {
  await visitor.page.waitForFunction((wanted) => heard.length >= wanted, count);
  return visitor.page.evaluate(() => heard);
}

const described = (visitor, result) => visitor.page.evaluate((given) => ask('/describe', given), result);

/** The ticket that the page got, as the site's server has it checked. */
async function assertPasses(visitor, count = 1) {
  const result = (await heard(visitor, count)).at(-1);
  assert.equal(result.ret, 0);
  assert.match(result.randstr, /^@./);
  assert.equal((await described(visitor, result)).CaptchaCode, 1);
}

// How each form is brought to show its challenge, by a hand and by keys.
const FORMS = {
  popup: { path: '/', open: (page) => show(page), openByKeys: (page) => show(page) },
  'bound form': {
    path: '/form',
    open: async (page) => page.tap(page.page.locator('#TencentCaptcha')),
    openByKeys: async (page) => {
      await page.tabTo(page.page.locator('#TencentCaptcha'));
      await page.page.keyboard.press('Enter');
    },
  },
};

for (const device of Object.keys(DEVICES)) {
  for (const [form, { path, open: openIt, openByKeys }] of Object.entries(FORMS)) {
    describe(`${form} on a ${device}`, () => {
      // The bound form goes on to another page by itself; its fields are in the address there.
      const assertDone = async (page) => {
        if (form === 'popup') return assertPasses(page);
        await page.page.waitForURL('**/sent?*');
        const { searchParams } = new URL(page.page.url());
        const { CaptchaCode } = await site.describe(Object.fromEntries(searchParams));
        return assert.equal(CaptchaCode, 1);
      };
      const enter = async () => {
        const page = await open(path, { device });
        if (form !== 'popup') await page.page.locator('input[name="name"]').fill('Somebody');
        return page;
      };

      test('a drag and a tap on Check solve it, and the SDK has it checked', async () => {
        const page = await enter();
        await openIt(page);
        await page.reached('ready');
        await page.capture(`tencent-captcha-${form.replace(' ', '-')}-${device}`);
        await page.drag(await page.answer());
        await page.press(en.check);
        await assertDone(page);
        page.assertQuiet();
        await page.close();
      });

      test('keys alone solve it', async () => {
        const page = await enter();
        await openByKeys(page);
        await page.reached('ready');
        await until(() => page.pieceFocused(), 'the piece has the focus');
        await page.moveByKeys(await page.answer());
        await page.page.keyboard.press('Enter');
        await assertDone(page);
        page.assertQuiet();
        await page.close();
      });
    });
  }

  for (const [look, context] of Object.entries({ light: {}, dark: { colorScheme: 'dark' }, forced: { forcedColors: 'active' } })) {
    test(`axe finds nothing in any state: ${device}, ${look}`, async () => {
      const page = await open('/', { device, context: { ...context, reducedMotion: 'reduce' } });
      await show(page, { enableDarkMode: true });
      await page.reached('ready');
      await check(page, 'ready');
      await page.capture(`tencent-captcha-${device}-${look}`);
      await page.answerByKeys(await page.wrongPlace());
      await page.reached('ready', 2);
      await check(page, 'refused');
      await page.answerByKeys(await page.answer());
      await page.reached('solved', 2);
      await check(page, 'solved');
      await assertPasses(page);
      await check(page, 'closed');
      await page.close();
    });
  }
}

test('the newer address gives the same, and binds', async () => {
  const page = await open('/newer');
  await page.page.locator('#TencentCaptcha').click();
  await page.reached('ready');
  await page.answerByKeys(await page.answer());
  await assertPasses(page);
  assert.ok(await page.page.locator('#TencentCaptcha').evaluate((button) => button === document.activeElement), 'the focus returns');
  await page.close();
});

test('a callback gets all that the vendor documents', async () => {
  const page = await open('/');
  await show(page, { bizState: { order: 7 } });
  await page.reached('ready');
  assert.deepEqual(await page.page.evaluate(() => captcha.getTicket()), { CaptchaAppId: String(appId()), ticket: '' });
  await page.answerByKeys(await page.answer());
  const [result] = await heard(page);
  const { ticket, randstr, sid, verifyDuration, actionDuration, ...rest } = result;
  assert.deepEqual(rest, { ret: 0, CaptchaAppId: String(appId()), appid: String(appId()), bizState: { order: 7 } });
  assert.match(sid, /^[0-9a-f]{32}$/);
  assert.ok(Number.isInteger(verifyDuration) && Number.isInteger(actionDuration) && 0 <= verifyDuration && verifyDuration <= actionDuration);
  assert.deepEqual(await page.page.evaluate(() => captcha.getTicket()), { CaptchaAppId: String(appId()), ticket });
  const wrong = await described(page, { ticket, randstr: '@other' });
  assert.equal(wrong.CaptchaCode, 7, 'a ticket counts with the string that came with it');
  assert.equal((await described(page, result)).CaptchaCode, 1);
  assert.equal((await described(page, result)).CaptchaCode, 9, 'and once');
  await page.close();
});

test('closed, the callback gets 2 and no ticket, once; shown again, it asks anew', async () => {
  const page = await open('/');
  await show(page);
  await page.reached('ready');
  await page.page.evaluate(() => captcha.show());
  assert.equal(await page.widget.count(), 1, 'it is shown already');
  await page.press(en.close);
  const [{ ret, ticket }] = await heard(page);
  assert.deepEqual({ ret, ticket }, { ret: 2, ticket: null });
  assert.equal(await page.widget.count(), 0);
  await page.page.evaluate(() => captcha.show());
  await page.reached('ready', 2);
  await page.answerByKeys(await page.answer());
  await assertPasses(page, 2);
  page.assertQuiet();
  await page.close();
});

test('destroyed, it is gone, calls nobody and is bound to nothing', async () => {
  const page = await open('/');
  await page.page.evaluate((id) => {
    globalThis.captcha = new TencentCaptcha(document.querySelector('#other'), id, heed);
  }, String(appId()));
  await page.page.locator('#other').click();
  await page.reached('ready');
  await page.page.evaluate(() => captcha.destroy());
  assert.equal(await page.widget.count(), 0);
  await page.page.locator('#other').click();
  assert.equal(await page.widget.count(), 0);
  assert.deepEqual(await page.page.evaluate(() => heard), []);
  page.assertQuiet();
  await page.close();
});

test('the constructor takes every form, several stand side by side, and wrong use throws', async () => {
  const page = await open('/newer');
  const thrown = await page.page.evaluate((id) => {
    const button = document.querySelector('#TencentCaptcha');
    globalThis.several = [
      new TencentCaptcha(String(id), (result) => heard.push(['text', result.ret])),
      new TencentCaptcha(id, (result) => heard.push(['number', result.ret])),
      new TencentCaptcha(button, id, (result) => heard.push(['element', result.bizState]), { bizState: 'mine' }),
      new TencentCaptcha(button),
    ];
    several[3].destroy();
    const wrong = [[], ['x', heed], [id], [document.body, id], [document.createElement('p')]];
    return wrong.map((given) => {
      try {
        return String(new TencentCaptcha(...given));
      } catch (error) {
        return error.name;
      }
    });
  }, appId());
  assert.deepEqual(thrown, Array(5).fill('TypeError'));
  for (const [index, expected] of [['text', 2], ['number', 2], ['element', 'mine']].entries()) {
    await page.page.evaluate((each) => several[each].show(), index);
    await page.reached('ready', index + 1);
    await page.page.keyboard.press('Escape');
    assert.deepEqual((await heard(page, index + 1)).at(-1), expected);
  }
  page.assertQuiet();
  await page.close();
});

test('loaded twice, a click opens one', async () => {
  const page = await open('/twice');
  await page.page.locator('#TencentCaptcha').click();
  await page.reached('ready');
  assert.equal(await page.widget.count(), 1);
  assert.equal(page.challenges.length, 1);
  await page.answerByKeys(await page.answer());
  await assertPasses(page);
  assert.equal((await heard(page))[0].bizState, 'a state');
  page.assertQuiet();
  await page.close();
});

test('it is dark as the system is or as the page insists, and speaks the language that the page names', async () => {
  for (const [options, context, theme, title] of [
    [{}, { colorScheme: 'dark' }, null, en.moveInstruction],
    [{ enableDarkMode: true, userLanguage: 'zh-cn' }, { colorScheme: 'dark' }, 'dark', zh.moveInstruction],
    [{ enableDarkMode: true, userLanguage: 'zh-tw' }, { colorScheme: 'light' }, 'light', zh.moveInstruction],
    [{ enableDarkMode: 'force', userLanguage: 'ja' }, { colorScheme: 'light' }, 'dark', en.moveInstruction],
  ]) {
    const page = await open('/', { context: { ...context, locale: 'en-GB' } });
    await show(page, options);
    await page.reached('ready');
    assert.equal(await page.widget.getAttribute('theme'), theme);
    assert.equal(await page.widget.locator('.title').textContent(), title);
    await page.close();
  }
});

test('ready tells how large it is', async () => {
  const page = await open('/');
  await page.page.evaluate((id) => {
    new TencentCaptcha(id, heed, { ready: (told) => (globalThis.told = told) }).show();
  }, String(appId()));
  await page.reached('ready');
  await page.page.waitForFunction(() => globalThis.told);
  const { width, height } = await page.dialog.boundingBox();
  assert.deepEqual(await page.page.evaluate(() => told), { sdkView: { width: Math.round(width), height: Math.round(height) } });
  await page.close();
});

test('a strict policy of the page is enough', async () => {
  const page = await open('/strict');
  await page.page.locator('#TencentCaptcha').click();
  await page.reached('ready');
  await page.answerByKeys(await page.answer());
  assert.equal((await heard(page))[0].ret, 0);
  page.assertQuiet();
  await page.close();
});

test('an app that there is none of is a refusal, which the person reads, and no disaster', async () => {
  const page = await open('/');
  await show(page, {}, 123);
  await page.status.getByText(en.siteKey).waitFor();
  await page.page.keyboard.press('Escape');
  assert.equal((await heard(page))[0].ret, 2);
  page.assertQuiet(REFUSED);
  await page.close();
});

describe('a disaster ticket comes', () => {
  const refuse = (route) => route.abort('connectionrefused');

  /** That much of a result, and what the server says to its ticket. */
  async function assertDisaster(page, code) {
    const [{ ret, ticket, randstr, errorCode, errorMessage }] = await heard(page);
    assert.deepEqual({ ret, errorCode }, { ret: 0, errorCode: code });
    assert.match(ticket, new RegExp(`^terror_${code}_${appId()}_\\d{10}$`));
    assert.match(randstr, /^@/);
    assert.ok(errorMessage);
    await until(async () => (await page.widget.count()) === 0, 'it is gone');
    assert.equal((await site.describe({ ticket, randstr })).CaptchaCode, 21);
  }

  test('when the widget cannot be loaded, and the next time it is asked for again', async () => {
    const page = await open('/', { before: (tab) => tab.route(WIDGET, refuse) });
    await show(page);
    await assertDisaster(page, 1004);
    await page.page.unroute(WIDGET);
    await page.page.evaluate(() => captcha.show());
    await page.reached('ready');
    await page.close();
  });

  test('when the widget is too long on its way', async () => {
    const holding = {};
    holding.promise = new Promise((resolve) => (holding.release = resolve));
    const held = async (route) => {
      await holding.promise;
      await route.continue();
    };
    const page = await open('/', {
      before: async (tab) => {
        await tab.clock.install();
        await tab.route(WIDGET, held);
      },
    });
    await show(page);
    await page.page.clock.fastForward(15_000);
    await assertDisaster(page, 1003);
    holding.release();
    await page.close();
  });

  test('when a part of it cannot be loaded', async () => {
    const page = await open('/', { before: (tab) => tab.route('**/widget/kinds/slider.js', refuse) });
    await show(page);
    await assertDisaster(page, 1010);
    await page.close();
  });

  for (const [what, answer] of [
    ['is not there', refuse],
    ['is overloaded', (route) => route.fulfill({ status: 503, headers: { 'access-control-allow-origin': '*' } })],
    ['answers nonsense', (route) => route.fulfill({ status: 502, headers: { 'access-control-allow-origin': '*' }, body: '<html>' })],
  ]) {
    test(`when the server ${what}`, async () => {
      const page = await open('/', { before: (tab) => tab.route(CHALLENGES, answer) });
      await show(page);
      await assertDisaster(page, 1006);
      await page.close();
    });
  }

  test('after three pictures in a row that did not come, and not before', async () => {
    const page = await open('/');
    await show(page);
    await page.reached('ready');
    await page.page.route(CHALLENGES, refuse, { times: 2 });
    await page.press(en.newPicture);
    for (let tries = 0; tries < 2; tries += 1) {
      await page.reached('failed');
      await page.press(en.tryAgain);
    }
    await page.reached('ready', 2);
    await page.page.route(CHALLENGES, refuse);
    await page.press(en.newPicture);
    for (let tries = 0; tries < 2; tries += 1) {
      await page.reached('failed');
      await page.press(en.tryAgain);
    }
    await assertDisaster(page, 1012);
    await page.close();
  });

  test('after three answers in a row that did not get through', async () => {
    const page = await open('/');
    await show(page);
    await page.reached('ready');
    await page.page.route(ANSWERS, refuse);
    await page.answerByKeys(await page.answer());
    for (let tries = 0; tries < 2; tries += 1) {
      await page.reached('failed');
      await page.press(en.tryAgain);
    }
    await assertDisaster(page, 1013);
    await page.close();
  });
});
