// What can be checked by machine of WCAG 2.2 AA, in every state, light, dark and with forced colours. It is less than half
// of it: the rest is in the tests that use keys and taps alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import words from '../../web/locales/en.js';
import en from '../../web/widget/locales/en.js';
import { check } from './axe.mjs';
import { startServer } from './server.mjs';
import { until } from './until.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

const CHALLENGES = '**/v1/challenges';

let server;
let fleeting;
let browser;

before(async () => {
  server = await startServer();
  fleeting = await startServer({ config: '[tickets]\nlifetime_seconds = 2\n' });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await fleeting?.stop();
});

const LOOKS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  'forced colours': { forcedColors: 'active' },
};

for (const device of Object.keys(DEVICES)) {
  for (const [look, options] of Object.entries(LOOKS)) {
    const context = { ...options, reducedMotion: 'reduce' };
    const kept = look.replace(' ', '-');

    test(`axe finds nothing on the first page: ${device}, ${look}`, async () => {
      const holding = {};
      holding.promise = new Promise((resolve) => (holding.release = resolve));
      const page = await visit({ browser, server, device, context, before: failFirst(holding) });
      await page.widget.getByText(en.loading).waitFor();
      await check(page, 'loading');
      holding.release();
      await page.reached('failed', 0);
      await check(page, 'error');
      await page.capture(`first-${device}-${kept}-error`);
      await page.press(en.tryAgain);
      await page.reached('ready');
      await check(page, 'ready');
      await page.capture(`first-${device}-${kept}-ready`);
      await page.answerByKeys(await page.wrongPlace());
      await page.reached('ready', 2);
      await check(page, 'failed');
      await page.solve();
      await page.page.getByRole('button', { name: words.redeemAgain }).click();
      await page.page.locator('#proof-second').waitFor();
      await check(page, 'solved');
      await page.capture(`first-${device}-${kept}-solved`);
      await page.close();
    });

    test(`axe finds nothing in any state of the row and its dialog: ${device}, ${look}`, async () => {
      const page = await visit({ browser, server: fleeting, device, context, address: '/demo', widget: '#checkbox' });
      await page.page.waitForFunction(() => document.querySelector('#embedded').state === 'ready');
      await check(page, 'closed');
      await page.capture(`demo-${device}-${kept}`);
      await page.page.route(CHALLENGES, (route) => route.abort('connectionrefused'), { times: 1 });
      await page.tap(page.row);
      await page.reached('failed');
      await check(page, 'error');
      await page.press(en.tryAgain);
      await page.reached('ready', 2);
      await check(page, 'open');
      await page.capture(`row-${device}-${kept}-open`);
      await page.answerByKeys(await page.wrongPlace());
      await page.reached('ready', 3);
      await check(page, 'failed');
      await page.solve();
      await until(() => page.dialog.evaluate((dialog) => !dialog.open), 'the dialog is closed');
      await page.reached('expired', 3);
      await check(page, 'expired');
      await page.capture(`row-${device}-${kept}-expired`);
      await page.close();
    });

    test(`axe finds nothing in the sign-up form: ${device}, ${look}`, async () => {
      const page = await visit({ browser, server, device, context, address: '/demo/signup' });
      await page.tap(page.row);
      await page.reached('ready');
      await page.solve();
      await until(() => page.dialog.evaluate((dialog) => !dialog.open), 'the dialog is closed');
      await check(page, 'solved');
      await page.capture(`signup-${device}-${kept}-solved`);
      await page.close();
    });

    test(`axe finds nothing while a contact is confirmed: ${device}, ${look}`, async () => {
      const page = await visit({ browser, server, device, context, address: '/demo/confirm' });
      await check(page, 'asking');
      await page.page.locator('input[name="to"]').fill(`${device}-${kept}@example.com`);
      await page.page.getByRole('button', { name: words.confirmSend }).click();
      await page.reached('ready');
      await check(page, 'open');
      await page.answerByKeys(await page.answer());
      await page.page.locator('.letter').waitFor();
      const text = await page.page.locator('.letter-text').textContent();
      await page.page.locator('input[name="code"]').fill('0000000000');
      await page.page.getByRole('button', { name: words.confirmCheck, exact: true }).click();
      await page.page.getByText(words.confirmWrong.replace('{left}', 4)).waitFor();
      await check(page, 'wrong');
      await page.capture(`confirm-${device}-${kept}-wrong`);
      await page.page.locator('input[name="code"]').fill(text.match(/\d{6}/)[0]);
      await page.page.getByRole('button', { name: words.confirmCheck, exact: true }).click();
      await page.page.getByText(words.confirmDone, { exact: true }).waitFor();
      await check(page, 'done');
      await page.close();
    });
  }
}

for (const lang of ['en', 'zh']) {
  test(`nothing scrolls sideways at 320 pixels: /demo/confirm ${lang}`, async () => {
    const context = { viewport: { width: 320, height: 256 } };
    const page = await visit({ browser, server, address: `/demo/confirm#lang=${lang}`, context });
    await assertNoSidewaysScroll(page);
    await page.page.locator('input[name="to"]').fill(`somebody-with-a-long-name@${lang}.departement.example.com`);
    await page.page.locator('#ask .button').click();
    await page.reached('ready');
    await assertNoSidewaysScroll(page);
    await page.answerByKeys(await page.answer());
    await page.page.locator('.letter').waitFor();
    await assertNoSidewaysScroll(page);
    const right = (selector) => page.page.locator(selector).evaluate((node) => node.getBoundingClientRect().right);
    for (const part of ['input[name="code"]', '#check .strong', '#other']) assert.ok((await right(part)) <= (await right('.confirm')), part);
    await page.capture(`narrow-${lang}-confirm`);
    await page.close();
  });

  for (const address of ['/', '/demo', '/demo/signup']) {
    // 1280 by 1024 at 400 % are 320 by 256 (WCAG 1.4.10).
    test(`nothing scrolls sideways at 320 pixels: ${address} ${lang}`, async () => {
      const context = { viewport: { width: 320, height: 256 } };
      const widget = address === '/demo' ? '#checkbox' : undefined;
      const page = await visit({ browser, server, address: `${address}#lang=${lang}`, widget, context });
      const drawn = address === '/demo/signup' ? 0 : 1;
      if (address !== '/') {
        await page.page.waitForFunction(() => {
          const embedded = document.querySelector('#embedded');
          return !embedded || embedded.state === 'ready';
        });
        await page.row.click();
      }
      await page.reached('ready', drawn + (address === '/' ? 0 : 1));
      await assertNoSidewaysScroll(page);
      const { left, right } = await page.widget.locator('.challenge').evaluate((node) => node.getBoundingClientRect());
      assert.ok(left >= 0 && right <= 320, `${left} to ${right}`);
      for (const button of await page.widget.locator('.controls button').all()) {
        if (await button.isHidden()) continue;
        const { width, height } = await button.boundingBox();
        assert.ok(width >= 44 && height >= 44, `${width}×${height}`);
      }
      await page.capture(`narrow-${lang}${address.replaceAll('/', '-')}`);
      await page.solve();
      await assertNoSidewaysScroll(page);
      await page.close();
    });
  }
}

test('with forced colours a box is ticked only once it is solved', async () => {
  const page = await visit({ browser, server, address: '/demo/signup', context: { forcedColors: 'active' } });
  const tick = page.row.locator('.box svg');
  await page.row.waitFor();
  assert.ok(await tick.isHidden());
  await page.row.click();
  await page.reached('ready');
  await page.solve();
  assert.ok(await tick.isVisible());
  await page.close();
});

test('with forced colours every control keeps an outline', async () => {
  const page = await visit({ browser, server, context: { forcedColors: 'active' } });
  await page.reached('ready');
  for (const control of [page.piece, ...(await page.page.getByRole('button').all())]) {
    if (await control.isHidden()) continue;
    const [own, parent] = await control.evaluate((element) =>
      [element, element.parentElement].map((each) => parseFloat(getComputedStyle(each).borderTopWidth)),
    );
    assert.ok(own > 0 || parent > 0, await control.textContent());
  }
  await page.close();
});

/** Keeps the first challenge waiting until it is released, and then fails it. */
function failFirst(holding) {
  return (tab) =>
    tab.route(
      CHALLENGES,
      async (route) => {
        await holding.promise;
        await route.abort('connectionrefused');
      },
      { times: 1 },
    );
}

async function assertNoSidewaysScroll(page) {
  const { wide, room } = await page.page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= room, `${wide} in ${room} pixels`);
}
