// What the page does when the server, the network or time is against it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import en from '../../web/locales/en.js';
import { startServer } from './server.mjs';
import { until } from './until.mjs';
import { launchBrowser, visit } from './visit.mjs';

const CHALLENGES = '**/v1/challenges';
const ANSWERS = '**/v1/challenges/answer';

let server;
let hasty;
let browser;

before(async () => {
  server = await startServer();
  hasty = await startServer({ config: '[challenges]\nlifetime_seconds = 1\n' });
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  await hasty?.stop();
});

test('a picture that nobody answers is replaced in silence when it lapses', async () => {
  const page = await visit({ browser, server: hasty });
  const said = [];
  await page.page.exposeFunction('noteStatus', (text) => said.push(text));
  await page.reached('ready');
  await page.page.evaluate(() => {
    const status = document.querySelector('#status');
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
  const count = page.challenges.length + 1;
  await page.reached('ready', count);
  const { x, y, width, height } = await page.handle.boundingBox();
  await page.page.mouse.move(x + width / 2, y + height / 2);
  await page.page.mouse.down();
  await page.page.mouse.move(x + 150, y + height / 2);
  const held = page.challenges.at(-1);
  await until(() => Date.now() > Date.parse(held.expires_at) + 500, 'the held challenge has lapsed');
  assert.equal(page.challenges.at(-1), held);
  await page.page.mouse.up();
  await page.page.getByText(en.statusExpired).waitFor();
  await page.close();
});

test('an answer that comes too late gets a sentence and a fresh picture', async () => {
  const page = await visit({
    browser,
    server: hasty,
    // The page is made to believe in its challenge for longer than the server does.
    before: (tab) =>
      tab.route(CHALLENGES, async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...(await response.json()), expires_in_ms: 600_000 } });
      }),
  });
  await page.reached('ready');
  await page.handle.focus();
  await page.moveByKeys(await page.answer());
  await until(() => Date.now() > Date.parse(page.challenges[0].expires_at) + 100, 'the challenge has lapsed');
  await page.page.keyboard.press('Enter');
  await page.reached('ready', 2);
  assert.equal(await page.status.textContent(), en.statusExpired);
  assert.equal(await page.position(), 0);
  assert.ok(await page.handleFocused());
  await page.close();
});

test('an answer to a spent challenge gets its own sentence', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  const wanted = await page.answer();
  await fetch(`${server.origin}/v1/challenges/answer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: page.challenges[0].token, answer: { x: wanted } }),
  });
  await page.handle.focus();
  await page.moveByKeys(wanted);
  await page.page.keyboard.press('Enter');
  await page.reached('ready', 2);
  assert.equal(await page.status.textContent(), en.statusUsed);
  await page.close();
});

test('without a network the page says so and tries again when asked', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.window.setOffline(true);
  await page.page.getByRole('button', { name: en.newPicture }).click();
  await page.reached('failed');
  assert.equal(await page.status.textContent(), en.failedOffline);
  await page.window.setOffline(false);
  const again = page.page.getByRole('button', { name: en.tryAgain });
  await again.focus();
  await page.page.keyboard.press('Enter');
  await page.reached('ready', 2);
  assert.ok(await again.isHidden());
  assert.ok(await page.handleFocused(), 'the focus is not lost with the button');
  await page.close();
});

test('an answer that did not get through is handed in again, not asked for again', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.page.route(ANSWERS, (route) => route.abort('connectionrefused'), { times: 1 });
  await page.drag(await page.answer());
  await page.reached('failed');
  assert.equal(await page.status.textContent(), en.failedUnreachable);
  await page.page.getByRole('button', { name: en.tryAgain }).click();
  await page.reached('accepted');
  assert.equal(page.challenges.length, 1);
  await page.close();
});

for (const [status, problem, sentence] of [
  [503, 'busy', en.failedBusy],
  [429, 'too-many-requests', en.failedLimited],
  [403, 'unknown-site-key', en.failedSiteKey],
  [500, 'internal', en.failedUnexpected.replace('{status}', '500')],
]) {
  test(`a refusal with ${status} is put into words`, async () => {
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
    await page.page.locator('#challenge[data-state=failed]').waitFor();
    assert.equal(await page.status.textContent(), sentence);
    await page.page.getByRole('button', { name: en.tryAgain }).click();
    await page.reached('ready');
    assert.equal(await page.status.textContent(), '');
    await page.close();
  });
}
