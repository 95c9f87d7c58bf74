// The pages of --dev around the widget: what becomes of a ticket, the code to paste, the sign-up form, the policies.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import en from '../../web/locales/en.js';
import { startServer } from './server.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

let server;
let browser;

before(async () => {
  server = await startServer();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const device of Object.keys(DEVICES)) {
  describe(`on a ${device}`, () => {
    test('the ticket is redeemed once; the second time is refused before everybody’s eyes', async () => {
      const page = await visit({ browser, server, device });
      await page.reached('ready');
      await page.answerByKeys(await page.wrongPlace());
      await page.reached('ready', 2);
      assert.equal(await page.page.locator('#step-judged').getAttribute('data-outcome'), 'refused');
      await page.solve();
      const answer = page.page.locator('#proof-first');
      await answer.waitFor();
      const first = JSON.parse(await answer.textContent());
      assert.equal(first.valid, true);
      assert.equal(first.type, 'slider');
      assert.equal(first.action, 'demo');
      for (const step of ['drawn', 'judged', 'redeemed']) {
        assert.equal(await page.page.locator(`#step-${step}`).getAttribute('data-outcome'), 'done');
      }
      await page.tap(page.page.getByRole('button', { name: en.redeemAgain }));
      const second = page.page.locator('#proof-second');
      await second.waitFor();
      assert.equal(JSON.parse(await second.textContent()).valid, false);
      assert.equal(await page.page.locator('#proof-verdict').textContent(), en.redeemedTwice);
      await page.close();
    });

    test('the sign-up form takes a ticket, says welcome, and starts over', async () => {
      const page = await visit({ browser, server, device, address: '/demo/signup' });
      await page.page.getByLabel(en.signupEmail).fill('ada@example.com');
      await page.tap(page.row);
      await page.reached('ready');
      await page.solve();
      await page.dialog.waitFor({ state: 'hidden' });
      await page.capture(`${device}-signup-solved`);
      await page.tap(page.page.getByRole('button', { name: en.signupSend }));
      await page.page.getByText(en.signupWelcome.replace('{email}', 'ada@example.com')).waitFor();
      assert.equal(await page.row.getAttribute('aria-checked'), 'false');
      page.assertQuiet();
      await page.close();
    });
  });
}

test('an app’s server that cannot be asked is said, and asked again on request', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.page.route('**/dev/redeem', (route) => route.abort('connectionrefused'), { times: 1 });
  await page.solve();
  await page.page.getByText(en.redeemedFailed).waitFor();
  await page.page.getByRole('button', { name: en.redeemAgain }).click();
  await page.page.getByText(en.redeemedDone).waitFor();
  await page.close();
});

test('the theme switch takes the page and its widgets along', async () => {
  const page = await visit({ browser, server, address: '/demo', widget: '#checkbox' });
  const colours = () =>
    page.row.evaluate((row) => {
      const box = row.querySelector('.box');
      return [getComputedStyle(document.body.parentElement).backgroundColor, getComputedStyle(row).backgroundColor, getComputedStyle(box).borderColor];
    });
  await page.row.waitFor();
  const light = await colours();
  await page.page.getByRole('button', { name: en.themeDark }).click();
  const dark = await colours();
  for (const [index, colour] of dark.entries()) {
    // The outline of a control has to be seen on both.
    if (index < 2) assert.notEqual(colour, light[index]);
  }
  await page.page.getByRole('button', { name: en.themeBrand }).click();
  await page.row.click();
  await page.reached('ready', 2);
  await page.slider.focus();
  await page.page.keyboard.press('ArrowRight');
  const check = page.widget.locator('.check');
  await page.page.waitForFunction(
    () => getComputedStyle(document.querySelector('#checkbox').shadowRoot.querySelector('.check')).backgroundColor === 'rgb(91, 43, 217)',
  );
  assert.ok(await check.isVisible());
  await page.capture('desktop-brand');
  await page.close();
});

test('the policies let nothing in but this server’s own files', async () => {
  for (const address of ['/', '/demo', '/demo/confirm', '/demo/legibility', '/demo/signup', '/web/page.js', '/web/page.css', '/web/locales/zh.js']) {
    const response = await fetch(server.origin + address);
    assert.equal(response.status, 200, address);
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'/, address);
    assert.doesNotMatch(policy, /unsafe|data:|blob:|https?:|\*/, address);
    await response.arrayBuffer();
  }
});

test('the page keeps nothing: no cookies, no storage', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.solve();
  assert.deepEqual(await page.window.cookies(), []);
  assert.equal(await page.page.evaluate(() => localStorage.length + sessionStorage.length), 0);
  await page.close();
});

test('the code to paste carries this server’s address, site key and hash', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  for (const [id, address] of [['#curl-fetch', '/api/v2/sdk/captcha'], ['#curl-verify', '/api/v2/sdk/captcha/verify']]) {
    const call = await page.page.locator(id).textContent();
    assert.ok(call.includes(`'${server.origin}${address}'`), call);
    assert.ok(call.includes(`'X-client-id: ${server.siteKey}'`), call);
  }
  const hashes = await (await fetch(`${server.origin}/widget/integrity.json`)).json();
  const lines = await page.page.locator('#html-widget').textContent();
  assert.ok(lines.includes(`src="${server.origin}/widget/countersign.js" integrity="${hashes['countersign.js']}"`), lines);
  assert.ok(lines.includes(`site-key="${server.siteKey}"`), lines);
  await page.close();
});
