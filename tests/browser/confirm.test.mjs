// A contact is confirmed: a challenge pays for a code, the inbox shows it, and it is typed in.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import en from '../../web/locales/en.js';
import zh from '../../web/locales/zh.js';
import widgetWords from '../../web/widget/locales/en.js';
import { startServer } from './server.mjs';
import { until } from './until.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

let server;
let browser;

before(async () => {
  server = await startServer({ config: '[codes]\ndefault_calling_code = "86"\n' });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const open = (options = {}) => visit({ browser, server, address: '/demo/confirm', ...options });
const contact = (visitor) => visitor.page.locator('input[name="to"]');
const code = (visitor) => visitor.page.locator('input[name="code"]');
const button = (visitor, name) => visitor.page.getByRole('button', { name, exact: true });
const letters = (visitor) => visitor.page.locator('.letter');
const says = (visitor, text) => until(async () => (await visitor.page.locator('#verdict').textContent()) === text, text);

/** The digits of the newest message, as a person would read them. */
async function digits(visitor, count = 1) {
  await until(async () => (await letters(visitor).count()) >= count, `message ${count} is in the inbox`);
  const [found] = (await letters(visitor).first().locator('.letter-text').textContent()).match(/\d{6}/);
  return found;
}

/** Digits that are not those. */
const wrong = (right) => (right.endsWith('0') ? `${right.slice(0, -1)}1` : `${right.slice(0, -1)}0`);

/** Solves what has popped up, by mouse or finger. */
async function solveByHand(visitor, count = 1) {
  await visitor.reached('ready', count);
  await visitor.drag(await visitor.answer());
  await visitor.press(widgetWords.check);
  await visitor.dialog.waitFor({ state: 'hidden' });
}

/** Has a code sent to `to`, by mouse or finger. */
async function send(visitor, to, words = en) {
  await contact(visitor).fill(to);
  await visitor.tap(button(visitor, words.confirmSend));
  await solveByHand(visitor);
  await code(visitor).waitFor();
}

for (const device of Object.keys(DEVICES)) {
  describe(`on a ${device}`, () => {
    test('a contact is confirmed: challenge, code, a wrong try, the right one', async () => {
      const visitor = await open({ device });
      await send(visitor, `ada-${device}@example.com`);
      assert.ok(await visitor.hasFocus(code(visitor)));
      const right = await digits(visitor);
      await visitor.capture(`${device}-confirm-code`);
      await code(visitor).fill(wrong(right));
      await visitor.tap(button(visitor, en.confirmCheck));
      await says(visitor, en.confirmWrong.replace('{left}', 4));
      await code(visitor).fill('12');
      await visitor.tap(button(visitor, en.confirmCheck));
      await says(visitor, en.confirmNoCode);
      // People copy what stands around the digits, too.
      await code(visitor).fill(`${right.slice(0, 3)} ${right.slice(3)}`);
      await visitor.tap(button(visitor, en.confirmCheck));
      await visitor.page.getByText(en.confirmDoneText.replace('{to}', `ada-${device}@example.com`)).waitFor();
      assert.ok(await visitor.hasFocus(visitor.page.locator('#done-heading')));
      await visitor.capture(`${device}-confirm-done`);
      await visitor.tap(button(visitor, en.confirmAgain));
      assert.equal(await contact(visitor).inputValue(), '');
      assert.equal(await letters(visitor).count(), 0);
      // A call that is refused is in the console, and nothing else is.
      visitor.assertQuiet(/status of 400/);
      await visitor.close();
    });

    test('a code that took five wrong tries is dead, and a new one is sent', async () => {
      const visitor = await open({ device });
      await send(visitor, `grace-${device}@example.com`);
      const first = await digits(visitor);
      for (const left of [4, 3, 2, 1]) {
        await code(visitor).fill(wrong(first));
        await visitor.tap(button(visitor, en.confirmCheck));
        await says(visitor, en.confirmWrong.replace('{left}', left));
      }
      await code(visitor).fill(wrong(first));
      await visitor.tap(button(visitor, en.confirmCheck));
      await says(visitor, en.confirmDead);
      await visitor.tap(button(visitor, en.confirmResend));
      await solveByHand(visitor, 2);
      await says(visitor, en.confirmSentAgain);
      await code(visitor).fill(await digits(visitor, 2));
      await visitor.tap(button(visitor, en.confirmCheck));
      await visitor.page.getByText(en.confirmDone, { exact: true }).waitFor();
      visitor.assertQuiet();
      await visitor.close();
    });
  });
}

test('keys alone confirm a phone number, in Chinese, written without its calling code', async () => {
  const visitor = await open({ address: '/demo/confirm#lang=zh' });
  await visitor.tabTo(contact(visitor));
  await visitor.page.keyboard.type('139 1234 5678');
  await visitor.page.keyboard.press('Enter');
  await visitor.reached('ready');
  await until(() => visitor.pieceFocused(), 'the piece has the focus');
  await visitor.moveByKeys(await visitor.answer());
  await visitor.page.keyboard.press('Enter');
  await until(() => visitor.hasFocus(code(visitor)), 'the field for the code has the focus');
  const right = await digits(visitor);
  assert.match(await letters(visitor).first().textContent(), /^\+8613912345678.*验证码/s);
  await visitor.page.keyboard.type(wrong(right));
  await visitor.page.keyboard.press('Enter');
  await says(visitor, zh.confirmWrong.replace('{left}', 4));
  // What is wrong is selected: the next digits take its place.
  await visitor.page.keyboard.type(right);
  await visitor.page.keyboard.press('Enter');
  await until(() => visitor.hasFocus(visitor.page.locator('#done-heading')), 'it is confirmed');
  await visitor.tabTo(button(visitor, zh.confirmAgain));
  await visitor.page.keyboard.press('Enter');
  assert.ok(await visitor.hasFocus(contact(visitor)));
  visitor.assertQuiet();
  await visitor.close();
});

test('what is no contact is said before anything is drawn', async () => {
  const visitor = await open();
  await contact(visitor).fill('nobody');
  await button(visitor, en.confirmSend).click();
  assert.equal(await contact(visitor).evaluate((input) => input.validationMessage), en.confirmBadContact);
  assert.ok(await visitor.hasFocus(contact(visitor)));
  assert.equal(visitor.challenges.length, 0);
  await visitor.close();
});

test('the ticket counts for the contact that was typed in when it was asked for', async () => {
  const visitor = await open();
  const bodies = [];
  visitor.page.on('request', (request) => {
    if (request.method() === 'POST' && /challenges$|\/dev\/codes/.test(request.url())) bodies.push(request.postDataJSON());
  });
  await contact(visitor).fill('Hedy@example.com');
  await button(visitor, en.confirmSend).click();
  await visitor.reached('ready');
  await visitor.page.keyboard.press('Escape');
  await visitor.dialog.waitFor({ state: 'hidden' });
  await contact(visitor).fill('lise@example.com');
  await button(visitor, en.confirmSend).click();
  await solveByHand(visitor, 2);
  await code(visitor).waitFor();
  const asked = bodies.filter((body) => body.site_key).map(({ action, contact: to }) => `${action} ${to}`);
  assert.deepEqual(asked, ['confirm Hedy@example.com', 'confirm lise@example.com']);
  assert.equal(bodies.at(-1).to, 'lise@example.com');
  await visitor.close();
});

test('how long to wait for another code is counted down', async () => {
  const visitor = await open();
  await visitor.page.clock.install();
  await visitor.page.route('**/dev/codes', async (route) => {
    const answer = await route.fetch();
    const resendAfter = await visitor.page.evaluate(() => new Date(Date.now() + 60_000).toISOString());
    await route.fulfill({ response: answer, json: { ...(await answer.json()), resend_after: resendAfter } });
  });
  await send(visitor, 'emmy@example.com');
  const resend = visitor.page.locator('#resend');
  assert.ok(await resend.isDisabled());
  assert.match(await resend.textContent(), /^Send again in (60|59|58) s$/);
  await visitor.page.clock.fastForward(30_000);
  await until(async () => /^Send again in (30|29|28|27) s$/.test(await resend.textContent()), 'half of it is over');
  await visitor.page.clock.fastForward(31_000);
  await until(async () => (await resend.isEnabled()) && (await resend.textContent()) === en.confirmResend, 'all of it is');
  await visitor.close();
});

test('what the server says against a send is said in the page’s words', async () => {
  const visitor = await open();
  const problem = (short, more) => ({ type: `urn:countersign:problem:${short}`, title: 'A limit', status: 429, ...more });
  const answers = [
    [problem('over-limit', { retry_after_ms: 41_200 }), en.confirmLimited.replace('{seconds}', 42)],
    [problem('impossible-number'), en.confirmBadContact],
    [problem('contact-blocked', { title: 'Nothing is sent' }), en.confirmRefused.replace('{reason}', 'Nothing is sent')],
    [null, en.confirmFailed],
  ];
  await contact(visitor).fill('marie@example.com');
  for (const [index, [json, expected]] of answers.entries()) {
    await visitor.page.route(
      '**/dev/codes',
      (route) => (json ? route.fulfill({ status: json.status, json }) : route.abort('connectionrefused')),
      { times: 1 },
    );
    await button(visitor, en.confirmSend).click();
    await solveByHand(visitor, index + 1);
    await says(visitor, expected);
    assert.ok(await button(visitor, en.confirmSend).isVisible());
  }
  await visitor.close();
});
