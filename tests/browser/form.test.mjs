// The widget as a form control, its dialog, and what scripts can do with it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import en from '../../web/widget/locales/en.js';
import zh from '../../web/widget/locales/zh.js';
import { startServer } from './server.mjs';
import { document as page, startSite } from './site.mjs';
import { until } from './until.mjs';
import { launchBrowser, visit } from './visit.mjs';

let server;
let site;
let browser;

before(async () => {
  server = await startServer();
  const element = (more = '') => `<countersign-challenge site-key="${server.siteKey}"${more}></countersign-challenge>`;
  const form = (more) => `<form><input name="email" value="a@b.example">${element(more)}<button name="way" value="up">Send</button></form>`;
  const script = `<script type="module">
    import * as countersign from '${server.origin}/widget/countersign.js';
    globalThis.countersign = countersign;
    globalThis.heard = [];
    for (const name of ['solved', 'expired', 'failed', 'error', 'opened', 'closed']) {
      document.addEventListener('countersign-' + name, (event) => heard.push(name));
    }
    globalThis.sent = [];
    document.querySelector('form')?.addEventListener('submit', (event) => {
      event.preventDefault();
      sent.push(Object.fromEntries(new FormData(event.target, event.submitter)));
    });
  </script>`;
  const pages = {
    '/form': () => page(form() + script),
    '/named': () => page(form(' name="captcha" optional') + script),
    '/popup': () => page(form(' layout="popup"') + script),
    '/zh': () => page(form(' lang="zh-Hant"') + script, { lang: 'en' }),
    '/empty': () => page(`<div id="here"></div>${script}`),
  };
  site = await startSite((path) => (pages[path] ? { body: pages[path]() } : undefined));
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
});

const open = (path) => visit({ browser, server, address: site.origin + path });
const send = (visitor) => visitor.page.getByRole('button', { name: 'Send' }).click();
const sent = (visitor) => visitor.page.evaluate(() => sent);
const heard = (visitor) => visitor.page.evaluate(() => heard);

test('a form without a ticket is not sent, says why, and gives the focus to what is missing', async () => {
  const visitor = await open('/form');
  await visitor.row.waitFor();
  await send(visitor);
  assert.deepEqual(await sent(visitor), []);
  assert.equal(await visitor.widget.evaluate((node) => node.validationMessage), en.required);
  assert.ok(await visitor.hasFocus(visitor.row));
  await visitor.row.click();
  await visitor.reached('ready');
  await visitor.solve();
  await visitor.dialog.waitFor({ state: 'hidden' });
  await send(visitor);
  const [{ email, way, 'countersign-ticket': ticket }] = await sent(visitor);
  assert.deepEqual({ email, way }, { email: 'a@b.example', way: 'up' });
  assert.equal(ticket, await visitor.response());

  await visitor.page.evaluate(() => document.querySelector('form').reset());
  assert.equal(await visitor.response(), null);
  assert.equal(await visitor.row.getAttribute('aria-checked'), 'false');
  assert.deepEqual(await heard(visitor), ['opened', 'solved', 'closed']);
  visitor.assertQuiet();
  await visitor.close();
});

test('the field takes another name, and may be left out where the element says so', async () => {
  const visitor = await open('/named');
  await visitor.row.waitFor();
  await send(visitor);
  assert.deepEqual(await sent(visitor), [{ email: 'a@b.example', way: 'up' }]);
  await visitor.row.click();
  await visitor.reached('ready');
  await visitor.solve();
  await visitor.dialog.waitFor({ state: 'hidden' });
  await send(visitor);
  assert.equal((await sent(visitor))[1].captcha, await visitor.response());
  await visitor.close();
});

test('a popup opens when the form is sent, and sends it on by the same button', async () => {
  const visitor = await open('/popup');
  await visitor.page.waitForFunction(() => customElements.get('countersign-challenge'));
  assert.equal(await visitor.widget.evaluate((node) => node.offsetHeight), 0, 'nothing is seen');
  await send(visitor);
  await visitor.reached('ready');
  await visitor.page.keyboard.press('Escape');
  await visitor.dialog.waitFor({ state: 'hidden' });
  assert.deepEqual(await sent(visitor), []);
  assert.ok(await visitor.page.getByRole('button', { name: 'Send' }).evaluate((node) => node === document.activeElement));
  await send(visitor);
  await visitor.reached('ready');
  await visitor.solve();
  await until(async () => (await sent(visitor)).length === 1, 'the form is sent');
  const [{ way, 'countersign-ticket': ticket }] = await sent(visitor);
  assert.equal(way, 'up');
  assert.equal(ticket, await visitor.response());
  await visitor.close();
});

test('the dialog keeps Tab inside, and closes by Escape, by its cross and by a click beside it', async () => {
  const visitor = await open('/form');
  await visitor.row.waitFor();
  const closings = [
    () => visitor.page.keyboard.press('Escape'),
    () => visitor.press(en.close),
    () => visitor.page.mouse.click(1200, 700),
  ];
  for (const [index, close] of closings.entries()) {
    await visitor.row.click();
    await visitor.reached('ready');
    assert.equal(await visitor.dialog.getAttribute('aria-modal'), 'true');
    await until(() => visitor.pieceFocused(), 'the piece has the focus');
    for (const key of ['Tab', 'Shift+Tab']) {
      const seen = new Set();
      for (let presses = 0; presses < 9; presses += 1) {
        await visitor.page.keyboard.press(key);
        const name = await visitor.page.evaluate(() => {
          const active = document.activeElement.shadowRoot?.activeElement;
          return active?.closest('dialog') ? active.className : 'outside';
        });
        seen.add(name);
      }
      // New picture, close, the piece, four steps and Check.
      assert.ok(!seen.has('outside') && seen.size === 7, [...seen].join(', '));
    }
    await close();
    await visitor.dialog.waitFor({ state: 'hidden' });
    assert.ok(await visitor.hasFocus(visitor.row), `after closing ${index + 1}`);
    assert.equal(visitor.challenges.length, 1, 'what was drawn is kept');
  }
  await visitor.close();
});

test('its own language wins over the page’s, in the form’s complaint too', async () => {
  const visitor = await open('/zh');
  await visitor.row.waitFor();
  assert.equal((await visitor.row.textContent()).trim(), zh.label);
  assert.equal(await visitor.widget.evaluate((node) => node.validationMessage), zh.required);
  await visitor.widget.evaluate((node) => node.removeAttribute('lang'));
  await visitor.widget.getByText(en.label).waitFor();
  await visitor.page.evaluate(() => (document.documentElement.lang = 'zh-CN'));
  await visitor.widget.getByText(zh.label).waitFor();
  await visitor.close();
});

test('scripts render, execute, read and reset', async () => {
  const visitor = await open('/empty');
  await visitor.page.waitForFunction(() => globalThis.countersign);
  await visitor.page.evaluate((siteKey) => {
    globalThis.solved = [];
    countersign.render('#here', { siteKey, action: 'login', layout: 'popup', theme: 'dark', onSolved: (detail) => solved.push(detail) });
    globalThis.given = countersign.execute();
  }, server.siteKey);
  await visitor.reached('ready');
  await visitor.page.keyboard.press('Escape');
  assert.equal(await visitor.page.evaluate(() => given), null);
  await visitor.page.evaluate(() => {
    globalThis.given = countersign.execute();
  });
  await until(() => visitor.dialog.evaluate((dialog) => dialog.open), 'the dialog is open');
  await visitor.reached('ready');
  await visitor.solve();
  const ticket = await visitor.page.evaluate(() => given);
  assert.ok(ticket);
  assert.equal(await visitor.page.evaluate(() => countersign.response()), ticket);
  const [detail] = await visitor.page.evaluate(() => solved);
  assert.equal(detail.ticket, ticket);
  assert.ok(detail.expiresIn > 60_000);
  await visitor.page.evaluate(() => countersign.reset());
  assert.equal(await visitor.page.evaluate(() => countersign.response()), null);
  assert.equal(await visitor.page.evaluate(() => {
    try {
      countersign.render('#here', { sitekey: 'x' });
    } catch (error) {
      return error.message;
    }
  }), 'countersign: there is no option sitekey');
  visitor.assertQuiet();
  await visitor.close();
});

test('a layout may change while it stands there, and a disabled fieldset rests', async () => {
  const visitor = await open('/form');
  await visitor.row.waitFor();
  await visitor.widget.evaluate((node) => node.setAttribute('layout', 'embedded'));
  await visitor.reached('ready');
  await visitor.widget.evaluate((node) => node.setAttribute('layout', 'checkbox'));
  await visitor.row.waitFor();
  await visitor.page.evaluate(() => {
    const fieldset = document.createElement('fieldset');
    fieldset.disabled = true;
    document.querySelector('form').append(fieldset);
    fieldset.append(document.querySelector('countersign-challenge'));
  });
  await visitor.row.click({ force: true });
  assert.equal(await visitor.dialog.count() && (await visitor.dialog.evaluate((dialog) => dialog.open)), false);
  await visitor.page.evaluate(() => (document.querySelector('fieldset').disabled = false));
  await visitor.row.click();
  await visitor.reached('ready', 2);
  await visitor.solve();
  visitor.assertQuiet();
  await visitor.close();
});
