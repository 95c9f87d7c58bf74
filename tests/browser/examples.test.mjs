// The examples: each serves a form with the two lines of HTML, and redeems what it is sent.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from './server.mjs';
import { until } from './until.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

const EXAMPLES = {
  'signup-node': ['node', 'server.mjs'],
  'signup-python': ['python3', 'server.py'],
};

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

for (const [name, [program, file]] of Object.entries(EXAMPLES)) {
  describe(name, () => {
    let example;

    before(async () => {
      example = await start(name, program, file);
    });
    after(() => example?.stop());

    for (const [device, lang, send, welcome] of [
      ['desktop', 'en', 'Create account', 'Welcome, ada@example.com.'],
      ['phone', 'zh-CN', '创建账号', '欢迎，ada@example.com。'],
    ]) {
      test(`welcomes whoever verified: ${device}, ${lang}`, async () => {
        const page = await visit({ browser, server, device, address: `${example.origin}/?lang=${lang}` });
        await page.page.locator('input[type=email]').fill('ada@example.com');
        await page.tap(page.row);
        await page.reached('ready');
        await page.solve();
        await page.dialog.waitFor({ state: 'hidden' });
        await page.tap(page.page.getByRole('button', { name: send }));
        await page.page.getByText(welcome).waitFor();
        page.assertQuiet();
        await page.close();
      });
    }

    test('does not welcome a ticket twice, nor none at all', async () => {
      for (const [language, sentence] of [['en', 'did not count'], ['zh', '验证未通过']]) {
        const sent = await fetch(`${example.origin}/?lang=${language}`, {
          method: 'POST',
          body: new URLSearchParams({ email: '<b>@example.com', 'countersign-ticket': 'made-up' }),
        });
        assert.equal(sent.status, 403);
        assert.ok((await sent.text()).includes(sentence));
      }
      const ticket = await server.ticket('signup');
      const send = () =>
        fetch(example.origin, {
          method: 'POST',
          body: new URLSearchParams({ email: '<b>@example.com', 'countersign-ticket': ticket }),
        });
      const first = await send();
      assert.equal(first.status, 200);
      assert.ok(!(await first.text()).includes('<b>@'), 'what people type is no markup');
      assert.equal((await send()).status, 403);
    });
  });
}

/** Starts an example on a free port. */
async function start(name, program, file) {
  const folder = fileURLToPath(new URL(`../../examples/${name}/`, import.meta.url));
  const child = spawn(program, [file], {
    cwd: folder,
    env: {
      ...process.env,
      PORT: '0',
      PYTHONDONTWRITEBYTECODE: '1',
      COUNTERSIGN_URL: server.origin,
      COUNTERSIGN_SITE_KEY: server.siteKey,
      COUNTERSIGN_ACCESS_KEY_ID: server.accessKey.id,
      COUNTERSIGN_ACCESS_KEY_SECRET: server.accessKey.secret,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  await until(() => said.includes('\n') || child.exitCode !== null, `${name} says where it listens`);
  return {
    origin: said.trim(),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      process.off('exit', endWithUs);
    },
  };
}
