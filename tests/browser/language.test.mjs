// Two languages, equal and complete.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import en from '../../web/locales/en.js';
import zh from '../../web/locales/zh.js';
import { startServer } from './server.mjs';
import { launchBrowser, visit } from './visit.mjs';

const WEB = new URL('../../web/', import.meta.url);
// Names and units that are written in Latin letters in Chinese as well.
const SAME_IN_CHINESE = new Set(['Countersign', 'OneAccess', 'Shift', 'KB', 'x']);

describe('the words', () => {
  test('both languages have the same keys in the same order, and the same placeholders', () => {
    assert.deepEqual(Object.keys(zh), Object.keys(en));
    const placeholders = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
    for (const key of Object.keys(en)) {
      assert.deepEqual(placeholders(zh[key]), placeholders(en[key]), key);
      if (key !== 'statusNothing') assert.ok(en[key].trim() && zh[key].trim(), key);
    }
  });

  test('every word that the page names exists, and every word that exists is named', async () => {
    const files = (await readdir(WEB)).filter((name) => /\.(html|js)$/.test(name));
    const sources = await Promise.all(files.map((name) => readFile(new URL(name, WEB), 'utf8')));
    const source = sources.join('\n');
    for (const [, key] of source.matchAll(/data-(?:text|label)="(\w+)"/g)) assert.ok(key in en, key);
    for (const key of Object.keys(en)) assert.match(source, new RegExp(`['"]${key}['"]`), `${key} is not used`);
  });
});

describe('the page', () => {
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

  test('switches everything at once and keeps the challenge', async () => {
    const page = await visit({ browser, server });
    await page.reached('ready');
    await page.handle.focus();
    await page.moveByKeys(42);
    await page.page.getByRole('button', { name: '中文' }).click();
    assert.equal(await page.page.title(), zh.title);
    assert.equal(await page.page.locator('html').getAttribute('lang'), 'zh-CN');
    assert.equal(await page.page.getByRole('heading', { level: 1 }).textContent(), zh.heading);
    assert.match(await page.handle.getAttribute('aria-valuetext'), /距左侧 42 像素/);
    assert.deepEqual(await englishIn(page), []);
    assert.equal(await page.position(), 42);
    assert.equal(page.challenges.length, 1, 'the challenge stays');

    await page.page.reload();
    await page.reached('ready', 2);
    assert.equal(await page.page.title(), zh.title, 'the choice outlives a reload');
    await page.handle.focus();
    await page.moveByKeys(42);

    await page.page.getByRole('button', { name: 'EN' }).click();
    assert.equal(await page.page.title(), en.title);
    assert.equal(await page.page.locator('html').getAttribute('lang'), 'en');
    assert.equal(await page.page.getByRole('heading', { level: 1 }).textContent(), en.heading);
    assert.match(await page.handle.getAttribute('aria-valuetext'), /^42 of 263 pixels/);
    assert.equal(await page.page.getByText(/\p{Script=Han}/u).count(), 1, 'only the switch itself is Chinese');
    page.assertQuiet();
    await page.close();
  });

  test('leaves no English word in any state', async () => {
    const page = await visit({ browser, server, address: '#lang=zh' });
    await page.reached('ready');
    assert.deepEqual(await englishIn(page), []);

    const wrong = (await page.answer()) > 130 ? 30 : 230;
    await page.drag(wrong);
    await page.reached('ready', 2);
    assert.equal(await page.status.textContent(), zh.statusWrong);
    assert.deepEqual(await englishIn(page), []);

    await page.window.setOffline(true);
    await page.page.getByRole('button', { name: zh.newPicture }).click();
    await page.reached('failed');
    assert.deepEqual(await englishIn(page), []);
    await page.window.setOffline(false);
    await page.page.getByRole('button', { name: zh.tryAgain }).click();
    await page.reached('ready', 3);

    await page.solve();
    await page.page.getByRole('button', { name: zh.redeemAgain }).click();
    await page.page.locator('#proof-second').waitFor();
    assert.deepEqual(await englishIn(page), []);

    // What was said in one language is said again in the other.
    await page.page.getByRole('button', { name: 'EN' }).click();
    assert.equal(await page.status.textContent(), en.statusAccepted);
    assert.equal(await page.page.locator('#proof-verdict').textContent(), en.redeemedTwice);
    await page.close();
  });

  for (const [locale, address, expected] of [
    ['zh-CN', '', 'zh-CN'],
    ['zh-TW', '', 'zh-CN'],
    ['en-GB', '', 'en'],
    ['fr-FR', '', 'en'],
    ['en-GB', '#lang=zh', 'zh-CN'],
    ['zh-CN', '#lang=en', 'en'],
    ['zh-CN', '#lang=constructor', 'zh-CN'],
    ['en-GB', '?lang=zh', 'zh-CN'],
  ]) {
    test(`a ${locale} reader at /${address} reads ${expected}`, async () => {
      const page = await visit({ browser, server, address, context: { locale } });
      await page.reached('ready');
      assert.equal(await page.page.locator('html').getAttribute('lang'), expected);
      await page.close();
    });
  }
});

/** Latin words that a reader sees or hears, apart from names, code and data. */
async function englishIn(page) {
  const texts = await page.page.evaluate(() => {
    const found = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { parentElement, data } = walker.currentNode;
      if (!parentElement.closest('[translate=no], noscript, [hidden]')) found.push(data);
    }
    for (const element of document.querySelectorAll('[aria-label], [aria-valuetext], [title], [alt], [placeholder]')) {
      for (const name of ['aria-label', 'aria-valuetext', 'title', 'alt', 'placeholder']) {
        found.push(element.getAttribute(name) ?? '');
      }
    }
    return found;
  });
  const known = texts.flatMap((text) => text.match(/\p{Script=Latin}+/gu) ?? []);
  return known.filter((word) => !SAME_IN_CHINESE.has(word));
}
