// What can be checked by machine of WCAG 2.2 AA, in every state, light and dark. It is less than half of it: the rest is in
// the tests that use keys and taps alone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import en from '../../web/locales/en.js';
import { startServer } from './server.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const CHALLENGES = '**/v1/challenges';

let server;
let browser;
let axe;

before(async () => {
  axe = await readFile(AXE, 'utf8');
  server = await startServer();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const device of Object.keys(DEVICES)) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing in any state: ${device}, ${colorScheme}`, async () => {
      const context = { colorScheme, reducedMotion: 'reduce' };
      let release;
      const held = new Promise((resolve) => (release = resolve));
      const page = await visit({
        browser,
        server,
        device,
        context,
        before: (tab) =>
          tab.route(
            CHALLENGES,
            async (route) => {
              await held;
              await route.abort('connectionrefused');
            },
            { times: 1 },
          ),
      });
      await page.page.getByText(en.statusLoading).waitFor();
      assert.deepEqual(await violations(page), [], 'loading');

      release();
      await page.page.locator('#challenge[data-state=failed]').waitFor();
      assert.deepEqual(await violations(page), [], 'failed');
      await page.capture(`${device}-${colorScheme}-failed`);

      await page.page.getByRole('button', { name: en.tryAgain }).click();
      await page.reached('ready');
      assert.deepEqual(await violations(page), [], 'ready');
      await page.capture(`${device}-${colorScheme}-ready`);

      await page.solve();
      await page.page.getByRole('button', { name: en.redeemAgain }).click();
      await page.page.locator('#proof-second').waitFor();
      assert.deepEqual(await violations(page), [], 'accepted');
      await page.capture(`${device}-${colorScheme}-accepted`);
      await page.close();
    });
  }
}

for (const lang of ['en', 'zh']) {
  // 1280 by 1024 at 400 % are 320 by 256 (WCAG 1.4.10).
  test(`nothing scrolls sideways at 320 pixels: ${lang}`, async () => {
    const context = { viewport: { width: 320, height: 256 } };
    const page = await visit({ browser, server, address: `#lang=${lang}`, context });
    await page.reached('ready');
    await assertNoSidewaysScroll(page);
    await page.solve();
    await page.page.locator('#redeem-again').click();
    await page.page.locator('#proof-second').waitFor();
    await assertNoSidewaysScroll(page);
    await page.capture(`narrow-${lang}-accepted`);
    await page.close();
  });
}

test('with forced colours every control keeps an outline, and the handle stands out from its track', async () => {
  const page = await visit({ browser, server, context: { forcedColors: 'active' } });
  await page.reached('ready');
  for (const control of [page.handle, ...(await page.page.getByRole('button').all())]) {
    if (await control.isHidden()) continue;
    const [own, parent] = await control.evaluate((element) =>
      [element, element.parentElement].map((each) => parseFloat(getComputedStyle(each).borderTopWidth)),
    );
    assert.ok(own > 0 || parent > 0, await control.textContent());
  }
  await page.capture('desktop-forced-colours');
  await page.close();
});

/** What axe has against the page, short enough to read. */
async function violations(page) {
  // Through the protocol, since the page's policy lets no other script in.
  await page.page.evaluate(axe);
  const result = await page.page.evaluate(() => globalThis.axe.run(document, { rules: { 'target-size': { enabled: true } } }));
  return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
}

async function assertNoSidewaysScroll(page) {
  const { wide, room } = await page.page.evaluate(() => ({
    wide: document.documentElement.scrollWidth,
    room: document.documentElement.clientWidth,
  }));
  assert.ok(wide <= room, `${wide} in ${room} pixels`);
}
