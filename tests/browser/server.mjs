// The real server, started for a test and ended as an operator would end it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from './until.mjs';

/**
 * Starts `countersign serve --dev` on a free port with a data folder of its own.
 *
 * @param {{ config?: string }} options `config` is the text of a configuration file
 */
export async function startServer({ config } = {}) {
  const binary = process.env.COUNTERSIGN_BIN;
  assert.ok(binary, 'COUNTERSIGN_BIN must name the server’s binary');
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-browser-'));
  const data = path.join(folder, 'data');
  const command = ['serve', '--dev', '--listen', '127.0.0.1:0', '--data', data];
  if (config !== undefined) {
    const file = path.join(folder, 'countersign.toml');
    await writeFile(file, config);
    command.push('--config', file);
  }

  const child = spawn(binary, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  const ended = once(child, 'exit');
  // A run that is interrupted must not leave a server behind.
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);

  const development = await until(async () => {
    assert.equal(child.exitCode, null, `the server ended at once:\n${said}`);
    // Unreadable: not there yet, or half written. Without an address: written, but nobody listens yet.
    const written = await readFile(path.join(data, 'dev.json'), 'utf8').then(JSON.parse).catch(() => null);
    return written?.endpoint && written;
  }, 'the server writes dev.json').catch((error) => {
    // Neither the server nor its output may keep the run alive.
    child.kill('SIGKILL');
    throw error;
  });

  return {
    origin: development.endpoint,
    siteKey: development.site_key,
    captchaApp: { id: development.captcha_app_id, secret: development.captcha_app_secret },
    accessKey: { id: development.access_key_id, secret: development.access_key_secret },

    /** Where the piece of the challenge behind `token` belongs. */
    async answerOf(token) {
      const response = await fetch(`${development.endpoint}/dev/answers?token=${encodeURIComponent(token)}`);
      assert.equal(response.status, 200);
      return response.json();
    },

    /** A ticket as after a solved challenge, without a browser. */
    async ticket(action) {
      const post = async (path, body) => {
        const response = await fetch(development.endpoint + path, { method: 'POST', body: JSON.stringify(body) });
        return response.json();
      };
      const { token } = await post('/v1/challenges', { site_key: development.site_key, action });
      const { ticket } = await post('/v1/challenges/answer', { token, answer: await this.answerOf(token) });
      return ticket;
    },

    /** SIGTERM, and the exit status that the command line promises. */
    async stop() {
      child.kill('SIGTERM');
      const [code, signal] = await ended;
      process.off('exit', endWithUs);
      await rm(folder, { recursive: true, force: true });
      assert.deepEqual({ code, signal }, { code: 0, signal: null }, `the server did not end well:\n${said}`);
    },
  };
}
