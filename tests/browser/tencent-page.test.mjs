// The page of --dev that shows the widget by Tencent's names.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import en from '../../web/locales/en.js';
import zh from '../../web/locales/zh.js';
import widgetEn from '../../web/widget/locales/en.js';
import widgetZh from '../../web/widget/locales/zh.js';
import { check } from './axe.mjs';
import { startServer } from './server.mjs';
import { until } from './until.mjs';
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

const open = (options = {}) => visit({ browser, server, address: '/demo/tencent', widget: '#place countersign-challenge', ...options });
const heard = (page) => page.page.locator('#heard');

for (const device of Object.keys(DEVICES)) {
  for (const [look, context] of Object.entries({ light: { colorScheme: 'light' }, dark: { colorScheme: 'dark' } })) {
    test(`every type is live, and so is the newer widget: ${device}, ${look}`, async () => {
      const page = await open({ device, context: { ...context, reducedMotion: 'reduce' } });
      await page.row.waitFor();
      await check(page, 'point');
      await page.capture(`tencent-page-${device}-${look}`);

      await page.tap(page.page.getByRole('button', { name: en.tencentEmbed, exact: true }));
      await page.reached('ready');
      await page.solve();
      await heard(page).getByText('"ret":0').waitFor();
      await check(page, 'solved');

      await page.tap(page.page.getByRole('button', { name: en.tencentPopup, exact: true }));
      await page.dialog.waitFor();
      await check(page, 'popup');
      await page.page.keyboard.press('Escape');
      await heard(page).getByText('"ret":1').waitFor();

      await page.tap(page.page.getByRole('button', { name: en.tencentShow }));
      page.meet('body > countersign-challenge');
      await page.dialog.waitFor();
      await page.page.keyboard.press('Escape');
      await heard(page).getByText('"ret":2').waitFor();
      page.assertQuiet();
      await page.close();
    });
  }
}

test('a switch of language reaches both widgets, and opens nothing', async () => {
  const page = await open();
  await page.row.getByText(widgetEn.label).waitFor();
  await page.page.getByRole('button', { name: '中文' }).click();
  await page.row.getByText(widgetZh.label).waitFor();
  assert.equal(await page.page.title(), zh.tencentTitle);
  await page.page.getByRole('button', { name: zh.tencentPopup }).click();
  await page.dialog.getByText(widgetZh.moveInstruction).waitFor();
  await page.page.keyboard.press('Escape');
  await page.page.getByRole('button', { name: 'EN' }).click();
  assert.ok(await page.dialog.isHidden());
  await page.page.getByRole('button', { name: en.tencentRefresh }).click();
  await page.dialog.waitFor();
  await page.close();
});

test('nothing scrolls sideways at 320 pixels', async () => {
  const page = await open({ context: { viewport: { width: 320, height: 256 } } });
  await page.page.getByRole('button', { name: en.tencentEmbed, exact: true }).click();
  await until(async () => (await page.state().catch(() => '')) === 'ready', 'a picture is there');
  const [wide, room] = await page.page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= room, `${wide} in ${room} pixels`);
  await page.close();
});

test('without a script the page says so', async () => {
  const page = await open({ before: (tab) => tab.route('**/dev/tencent', (route) => route.abort('connectionrefused')) });
  await page.page.getByText(en.tencentFailed).waitFor();
  await check(page, 'failed');
  await page.close();
});
