// Two languages, equal and complete.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import en from '../../web/locales/en.js';
import zh from '../../web/locales/zh.js';
import widgetEn from '../../web/widget/locales/en.js';
import widgetZh from '../../web/widget/locales/zh.js';
import { startServer } from './server.mjs';
import { launchBrowser, visit } from './visit.mjs';

const WEB = new URL('../../web/', import.meta.url);
// Names and units that are written in Latin letters in Chinese as well.
const SAME_IN_CHINESE = new Set(['Countersign', 'OneAccess', 'Shift', 'KB', 'x', 'y', 'HTML', 'CSS', 'connect', 'src', 'examples']);

describe('the words', () => {
  for (const [whose, english, chinese] of [['pages', en, zh], ['widget', widgetEn, widgetZh]]) {
    test(`of the ${whose}: both languages have the same keys in the same order, and the same placeholders`, () => {
      assert.deepEqual(Object.keys(chinese), Object.keys(english));
      const placeholders = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
      for (const key of Object.keys(english)) {
        assert.deepEqual(placeholders(chinese[key]), placeholders(english[key]), key);
        if (key !== 'statusNothing') assert.ok(english[key].trim() && chinese[key].trim(), key);
      }
    });
  }

  test('every word that a page names exists, and every word that exists is named', async () => {
    const source = await sources('');
    for (const [, key] of source.matchAll(/data-(?:text|label|title)="(\w+)"/g)) assert.ok(key in en, key);
    for (const key of Object.keys(en)) assert.match(source, new RegExp(`['"]${key}['"]`), `${key} is not used`);
    const widget = await sources('widget/');
    for (const key of Object.keys(widgetEn)) assert.match(widget, new RegExp(`'${key}'|\\b${key}: \\{`), `${key} is not used`);
  });
});

/** Everything in a folder of web/ but its words. */
async function sources(folder) {
  const names = await readdir(new URL(folder, WEB), { recursive: true });
  const files = names.filter((name) => /\.(html|js)$/.test(name) && !name.includes('locales') && !name.startsWith('widget'));
  return (await Promise.all(files.map((name) => readFile(new URL(folder + name, WEB), 'utf8')))).join('\n');
}

describe('the pages', () => {
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

  test('switch everything at once and keep the challenge', async () => {
    const page = await visit({ browser, server });
    await page.reached('ready');
    await page.slider.focus();
    const { y } = await page.place();
    await page.moveByKeys({ x: 42, y });
    await page.page.getByRole('button', { name: '中文' }).click();
    await page.widget.getByText(widgetZh.moveInstruction).waitFor();
    assert.equal(await page.page.title(), zh.title);
    assert.equal(await page.page.locator('html').getAttribute('lang'), 'zh-CN');
    assert.equal(await page.page.getByRole('heading', { level: 1 }).textContent(), zh.heading);
    assert.match(await page.slider.getAttribute('aria-valuetext'), /距左侧 42 像素/);
    assert.deepEqual(await englishIn(page), []);
    assert.equal((await page.place()).x, 42);
    assert.equal(page.challenges.length, 1, 'the challenge stays');

    await page.page.reload();
    await page.reached('ready', 2);
    assert.equal(await page.page.title(), zh.title, 'the choice outlives a reload');
    await page.page.getByRole('link', { name: zh.codeMore }).click();
    await page.page.waitForURL('**/demo#lang=zh');
    assert.equal(await page.page.title(), zh.demoTitle, 'and a way to another page');

    await page.page.getByRole('button', { name: 'EN' }).click();
    assert.equal(await page.page.title(), en.demoTitle);
    page.meet('#embedded');
    await page.widget.getByText(widgetEn.moveInstruction).waitFor();
    assert.equal(await page.page.getByText(/\p{Script=Han}/u).count(), 1, 'only the switch itself is Chinese');
    page.assertQuiet();
    await page.close();
  });

  test('leave no English word in any state', async () => {
    const page = await visit({ browser, server, address: '#lang=zh' });
    await page.reached('ready');
    assert.deepEqual(await englishIn(page), []);

    await page.answerByKeys(await page.wrongPlace());
    await page.reached('ready', 2);
    assert.equal(await page.status.textContent(), widgetZh.wrong);
    assert.deepEqual(await englishIn(page), []);

    await page.page.route('**/v1/challenges', (route) => route.abort('connectionrefused'), { times: 1 });
    await page.press(widgetZh.newPicture);
    await page.reached('failed');
    assert.deepEqual(await englishIn(page), []);
    await page.press(widgetZh.tryAgain);
    await page.reached('ready', 3);

    await page.solve();
    await page.page.getByRole('button', { name: zh.redeemAgain }).click();
    await page.page.locator('#proof-second').waitFor();
    assert.deepEqual(await englishIn(page), []);

    // What was said in one language is said again in the other.
    await page.page.getByRole('button', { name: 'EN' }).click();
    await page.widget.getByText(widgetEn.verified).waitFor();
    assert.equal(await page.page.locator('#proof-verdict').textContent(), en.redeemedTwice);
    await page.close();

    for (const address of ['/demo#lang=zh', '/demo/signup#lang=zh']) {
      const other = await visit({ browser, server, address, widget: 'countersign-challenge >> nth=0' });
      await other.row.click();
      await other.reached('ready', address.startsWith('/demo#') ? 2 : 1);
      assert.deepEqual(await englishIn(other), [], address);
      await other.close();
    }
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
    test(`speak ${expected} to a ${locale} reader at /${address}, widget and all`, async () => {
      const page = await visit({ browser, server, address, context: { locale } });
      await page.reached('ready');
      assert.equal(await page.page.locator('html').getAttribute('lang'), expected);
      assert.equal(await page.widget.locator('.frame').getAttribute('lang'), expected);
      await page.close();
    });
  }
});

/** Latin words that a reader sees or hears, apart from names, code and data. */
async function englishIn(page) {
  const texts = await page.page.evaluate(() => {
    const found = [document.title];
    const visit = (root) => {
      const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
      while (walker.nextNode()) {
        const node = walker.currentNode;
        if (node.nodeType === Node.TEXT_NODE) {
          if (!node.parentElement.closest('[translate=no], noscript, [hidden]')) found.push(node.data);
          continue;
        }
        for (const name of ['aria-label', 'aria-valuetext', 'aria-roledescription', 'title', 'alt', 'placeholder']) {
          found.push(node.getAttribute(name) ?? '');
        }
        if (node.shadowRoot) visit(node.shadowRoot);
      }
    };
    visit(document.body);
    return found;
  });
  const known = texts.flatMap((text) => text.match(/\p{Script=Latin}+/gu) ?? []);
  return known.filter((word) => !SAME_IN_CHINESE.has(word));
}
