// The whole way of a challenge, in every manner in which a person can go it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import en from '../../web/locales/en.js';
import { startServer } from './server.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

// The browser itself reports a refused answer in the console; the page cannot prevent it.
const REFUSED = /console: Failed to load resource: the server responded with a status of 422/;

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
    const open = (options) => visit({ browser, server, device, ...options });

    test('a drag solves it, and letting go is the answer', async () => {
      const page = await open();
      await page.reached('ready');
      await page.drag(await page.answer());
      await page.reached('accepted');
      assert.equal(await page.status.textContent(), en.statusAccepted);
      page.assertQuiet();
      await page.close();
    });

    test('keys alone solve it, from the moment the page is there', async () => {
      const page = await open();
      await page.reached('ready');
      await page.tabToHandle();
      await page.moveByKeys(await page.answer());
      assert.match(await page.handle.getAttribute('aria-valuetext'), new RegExp(`^${await page.answer()} of 263 `));
      await page.page.keyboard.press('Enter');
      await page.reached('accepted');
      assert.ok(await page.handleFocused(), 'the focus stays on the handle');
      page.assertQuiet();
      await page.close();
    });

    test('single taps on the step buttons solve it', async () => {
      const page = await open();
      await page.reached('ready');
      const forward = page.page.getByRole('button', { name: en.sliderStepForward });
      const wanted = await page.answer();
      // One too far and back, so that both buttons have to work.
      for (let taps = 0; taps <= wanted; taps += 1) await page.tap(forward);
      assert.equal(await page.position(), wanted + 1);
      await page.tap(page.page.getByRole('button', { name: en.sliderStepBack }));
      assert.equal(await page.position(), wanted);
      assert.equal(await page.page.locator('#challenge').getAttribute('data-state'), 'ready', 'steps do not answer');
      await page.tap(page.page.getByRole('button', { name: en.sliderCheck }));
      await page.reached('accepted');
      page.assertQuiet();
      await page.close();
    });

    test('a wrong answer is said, and the next picture comes by itself with the focus where it was', async () => {
      const page = await open();
      await page.reached('ready');
      await page.handle.focus();
      const wrong = (await page.answer()) > 130 ? 30 : 230;
      await page.moveByKeys(wrong);
      await page.page.keyboard.press('Enter');
      await page.reached('ready', 2);
      assert.equal(await page.status.textContent(), en.statusWrong);
      assert.equal(await page.position(), 0);
      assert.ok(await page.handleFocused());
      assert.equal(await page.page.locator('#step-judged').getAttribute('data-outcome'), 'refused');
      await page.moveByKeys(await page.answer());
      await page.page.keyboard.press('Enter');
      await page.reached('accepted', 2);
      page.assertQuiet(REFUSED);
      await page.close();
    });

    test('the ticket is redeemed once; the second time is refused before everybody’s eyes', async () => {
      const page = await open();
      await page.reached('ready');
      await page.solve();
      const first = JSON.parse(await page.page.locator('#proof-first').textContent());
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
      page.assertQuiet();
      await page.close();
    });

    test('the picture is as sharp as the screen, and the controls are large enough for a thumb', async () => {
      const page = await open();
      await page.reached('ready');
      await page.page.waitForFunction(() => {
        const canvas = document.querySelector('canvas');
        return canvas.width === Math.round(canvas.clientWidth * devicePixelRatio);
      });
      for (const control of [page.handle, ...(await page.page.locator('#slider button').all())]) {
        const { width, height } = await control.boundingBox();
        assert.ok(width >= 44 && height >= 44, `${width}×${height}`);
      }
      await page.close();
    });
  });
}

test('a held step button repeats until it is let go, and a tap on the track puts the piece there', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.page.getByRole('button', { name: en.sliderStepForward }).hover();
  await page.page.mouse.down();
  await page.page.waitForFunction(() => Number(document.querySelector('[role=slider]').ariaValueNow) >= 5);
  await page.page.mouse.up();
  assert.ok((await page.position()) < 100);
  const track = page.page.locator('.slider-track');
  const { width, height } = await track.boundingBox();
  await track.click({ position: { x: width / 2, y: height / 2 } });
  const position = await page.position();
  assert.ok(Math.abs(position - 263 / 2) <= 1, `the piece stands at ${position}`);
  assert.equal(page.challenges.length, 1, 'nothing was answered');
  await page.close();
});

test('a drag that is taken back with Escape answers nothing', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.handle.focus();
  const { x, y, width, height } = await page.handle.boundingBox();
  await page.page.mouse.move(x + width / 2, y + height / 2);
  await page.page.mouse.down();
  await page.page.mouse.move(x + 150, y + height / 2);
  assert.ok((await page.position()) > 0);
  await page.page.keyboard.press('Escape');
  await page.page.mouse.up();
  assert.equal(await page.position(), 0);
  assert.equal(await page.page.locator('#challenge').getAttribute('data-state'), 'ready');
  await page.close();
});

test('nothing is asked of the server for a piece that was never moved', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.page.getByRole('button', { name: en.sliderCheck }).click();
  assert.equal(await page.status.textContent(), en.statusMoveFirst);
  assert.equal(page.challenges.length, 1);
  await page.close();
});

test('the policy lets nothing in but this server’s own files', async () => {
  for (const address of ['/', '/web/page.js', '/web/page.css', '/web/locales/zh.js']) {
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

test('the calls to paste carry this server’s address and site key', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  for (const [id, address] of [['#curl-fetch', '/api/v2/sdk/captcha'], ['#curl-verify', '/api/v2/sdk/captcha/verify']]) {
    const call = await page.page.locator(id).textContent();
    assert.ok(call.includes(`'${server.origin}${address}'`), call);
    assert.ok(call.includes(`'X-client-id: ${server.siteKey}'`), call);
  }
  await page.close();
});
