// What the widget does when the server, the network, time or a clock is against it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import en from '../../web/widget/locales/en.js';
import { startServer } from './server.mjs';
import { until } from './until.mjs';
import { launchBrowser, visit } from './visit.mjs';

const CHALLENGES = '**/v1/challenges';
const ANSWERS = '**/v1/challenges/answer';

let server;
let hasty;
let fleeting;
let browser;

before(async () => {
  server = await startServer();
  hasty = await startServer({ config: '[challenges]\nlifetime_seconds = 1\n' });
  fleeting = await startServer({ config: '[tickets]\nlifetime_seconds = 2\n' });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await hasty?.stop();
  await fleeting?.stop();
});

test('a picture that nobody answers is replaced in silence before it lapses', async () => {
  const page = await visit({ browser, server: hasty });
  const said = [];
  await page.page.exposeFunction('noteStatus', (text) => said.push(text));
  await page.reached('ready');
  await page.status.evaluate((status) => {
    new MutationObserver(() => noteStatus(status.textContent)).observe(status, { childList: true });
  });
  await page.reached('ready', 4);
  assert.deepEqual(said, []);
  const tokens = new Set(page.challenges.map((challenge) => challenge.token));
  assert.equal(tokens.size, page.challenges.length);
  page.assertQuiet();
  await page.close();
});

test('a picture is not taken from under a hand that holds the piece', async () => {
  const page = await visit({ browser, server: hasty });
  await page.reached('ready');
  // Right after a refresh, when there is all the time there can be.
  await page.reached('ready', page.challenges.length + 1);
  const { x, y, width, height } = await page.piece.boundingBox();
  await page.page.mouse.move(x + width / 2, y + height / 2);
  await page.page.mouse.down();
  await page.page.mouse.move(x + 150, y + height / 2);
  const held = page.challenges.at(-1);
  await until(() => Date.now() > Date.parse(held.expires_at) + 500, 'the held challenge has lapsed');
  assert.equal(page.challenges.at(-1), held);
  await page.page.mouse.up();
  await page.press(en.check);
  await page.widget.getByText(en.expired).waitFor();
  await page.close();
});

test('behind a closed dialog nothing is drawn, and what has lapsed there is not shown again', async () => {
  const page = await visit({ browser, server: hasty, address: '/demo/signup' });
  await page.row.click();
  await page.reached('ready');
  await page.page.keyboard.press('Escape');
  await page.dialog.waitFor({ state: 'hidden' });
  const drawn = page.challenges.length;
  const last = page.challenges.at(-1);
  await until(() => Date.now() > Date.parse(last.expires_at) + 1_500, 'the last challenge has lapsed');
  assert.equal(page.challenges.length, drawn);
  await page.row.click();
  await page.reached('ready', drawn + 1);
  await page.close();
});

test('an answer that comes too late gets a sentence and a fresh picture', async () => {
  const page = await visit({
    browser,
    server: hasty,
    // The widget is made to believe in its challenge for longer than the server does.
    before: (tab) =>
      tab.route(CHALLENGES, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), expires_in_ms: 600_000 } });
      }),
  });
  await page.reached('ready');
  await page.slider.focus();
  await page.moveByKeys(await page.answer());
  await until(() => Date.now() > Date.parse(page.challenges[0].expires_at) + 100, 'the challenge has lapsed');
  await page.page.keyboard.press('Enter');
  await page.reached('ready', 2);
  assert.equal(await page.status.textContent(), en.expired);
  assert.equal((await page.place()).x, 0);
  assert.ok(await page.pieceFocused());
  await page.close();
});

test('an answer to a spent challenge gets its own sentence', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  const wanted = await page.answer();
  await fetch(`${server.origin}/v1/challenges/answer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: page.challenges[0].token, answer: wanted }),
  });
  await page.answerByKeys(wanted);
  await page.reached('ready', 2);
  assert.equal(await page.status.textContent(), en.used);
  await page.close();
});

test('a ticket that lapses is taken back, with a sentence, and can be earned again', async () => {
  const page = await visit({ browser, server: fleeting, address: '/demo/signup' });
  await page.page.evaluate(() => {
    globalThis.heard = [];
    document.addEventListener('countersign-expired', () => heard.push('expired'));
  });
  await page.row.click();
  await page.reached('ready');
  await page.solve();
  await page.reached('expired');
  assert.equal(await page.response(), null);
  assert.equal(await page.row.getAttribute('aria-checked'), 'false');
  assert.equal(await page.note.textContent(), en.lapsed);
  assert.deepEqual(await page.page.evaluate(() => heard), ['expired']);
  assert.ok(!(await page.page.evaluate(() => document.querySelector('form').checkValidity())));
  await page.dialog.waitFor({ state: 'hidden' });
  await page.row.click();
  await page.reached('ready', 2);
  await page.solve();
  page.assertQuiet();
  await page.close();
});

test('where it is embedded, a lapsed ticket makes room for a fresh picture', async () => {
  const page = await visit({ browser, server: fleeting });
  await page.reached('ready');
  await page.solve();
  await page.reached('ready', 2);
  assert.equal(await page.status.textContent(), en.lapsed);
  assert.equal(await page.response(), null);
  await page.close();
});

test('without a network it says so, and goes on by itself when the network is back', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.window.setOffline(true);
  await page.press(en.newPicture);
  await page.reached('failed');
  assert.equal(await page.status.textContent(), en.offline);
  await page.window.setOffline(false);
  await page.reached('ready', 2);
  assert.equal(await page.status.textContent(), '');
  await page.solve();
  await page.close();
});

test('trying again by keys does not lose the focus with the button', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.page.route(CHALLENGES, (route) => route.abort('connectionrefused'), { times: 1 });
  await page.press(en.newPicture);
  await page.reached('failed');
  const again = page.widget.getByRole('button', { name: en.tryAgain });
  await again.focus();
  await page.page.keyboard.press('Enter');
  await page.reached('ready', 2);
  assert.ok(await again.isHidden());
  assert.ok(await page.pieceFocused());
  await page.close();
});

test('an answer that did not get through is handed in again, not asked for again', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.page.route(ANSWERS, (route) => route.abort('connectionrefused'), { times: 1 });
  await page.drag(await page.answer());
  await page.press(en.check);
  await page.reached('failed');
  assert.equal(await page.status.textContent(), en.unreachable);
  await page.press(en.tryAgain);
  await page.reached('solved');
  assert.equal(page.challenges.length, 1);
  await page.close();
});

test('a file that cannot be fetched is said, and fetched when asked again', async () => {
  const page = await visit({
    browser,
    server,
    address: '/demo',
    widget: '#checkbox',
    before: (tab) => tab.route('**/widget/locales/en.js', (route) => route.abort('connectionrefused')),
  });
  await page.widget.getByText('验证加载失败').waitFor();
  assert.ok(await page.widget.getByRole('alert').isVisible());
  await page.close();

  const parts = '**/widget/kinds/slider/parts.js';
  const second = await visit({ browser, server, before: (tab) => tab.route(parts, (route) => route.abort('connectionrefused')) });
  await second.reached('failed');
  assert.equal(await second.status.textContent(), en.script);
  await second.page.unroute(parts);
  await second.press(en.tryAgain);
  await second.reached('ready', 2);
  await second.close();
});

test('clocks that are hours off change nothing', async () => {
  for (const hours of [-7, 9]) {
    const page = await visit({
      browser,
      server: fleeting,
      before: (tab) => tab.clock.setFixedTime(Date.now() + hours * 3_600_000),
    });
    await page.reached('ready');
    assert.equal(page.challenges.length, 1);
    await page.solve();
    assert.ok(await page.response());
    await page.reached('ready', 2);
    await page.close();
  }
});

for (const [status, problem, sentence] of [
  [503, 'busy', en.busy],
  [429, 'too-many-requests', en.limited],
  [403, 'unknown-site-key', en.siteKey],
  [403, 'app-disabled', en.siteKey],
  [500, 'internal', en.unexpected.replace('{status}', '500')],
]) {
  test(`a refusal with ${status} ${problem} is put into words`, async () => {
    const refusal = {
      status,
      contentType: 'application/problem+json',
      json: { type: `urn:countersign:problem:${problem}`, title: problem, status, detail: problem },
    };
    const page = await visit({
      browser,
      server,
      before: (tab) => tab.route(CHALLENGES, (route) => route.fulfill(refusal), { times: 1 }),
    });
    await page.reached('failed', 0);
    assert.equal(await page.status.textContent(), sentence);
    await page.press(en.tryAgain);
    await page.reached('ready');
    assert.equal(await page.status.textContent(), '');
    await page.close();
  });
}

for (const said of ['body', 'header']) {
  test(`a wait that the server names in its ${said} is counted down, and it goes on by itself`, async () => {
    const refusal = {
      status: 429,
      contentType: 'application/problem+json',
      headers: said === 'header' ? { 'retry-after': '12' } : {},
      json: { type: 'urn:countersign:problem:too-many-requests', status: 429, ...(said === 'body' && { retry_after_ms: 11_400 }) },
    };
    const page = await visit({
      browser,
      server,
      before: async (tab) => {
        await tab.clock.install();
        await tab.route(CHALLENGES, (route) => route.fulfill(refusal), { times: 1 });
      },
    });
    await page.reached('failed', 0);
    assert.equal(await page.status.textContent(), en.waiting.replace('{seconds}', '12'));
    const count = page.widget.locator('.count');
    const retry = page.widget.getByRole('button', { name: en.tryAgain });
    assert.equal(await count.getAttribute('aria-hidden'), 'true', 'what is said aloud is said once');
    assert.equal(await retry.isVisible(), false);
    await page.page.clock.runFor(5_000);
    assert.match(await count.textContent(), /^[67]$/);
    await page.page.clock.runFor(8_000);
    await page.reached('ready');
    assert.equal(await count.textContent(), '');
    await page.close();
  });
}

test('an answer that has to wait is handed in when the wait is over', async () => {
  const refusal = {
    status: 429,
    contentType: 'application/problem+json',
    json: { type: 'urn:countersign:problem:too-many-requests', status: 429, retry_after_ms: 5_000 },
  };
  const page = await visit({
    browser,
    server,
    before: async (tab) => {
      await tab.clock.install();
      await tab.route('**/v1/challenges/answer', (route) => route.fulfill(refusal), { times: 1 });
    },
  });
  await page.reached('ready');
  await page.answerByKeys(await page.answer());
  await page.reached('failed');
  await page.page.clock.runFor(6_000);
  await page.reached('solved');
  await page.close();
});
