// What the widget costs: bytes on the wire, and time on a slow phone.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startServer } from './server.mjs';
import { document as page, startSite } from './site.mjs';
import { launchBrowser, visit } from './visit.mjs';

const WIDGET = new URL('../../web/widget/', import.meta.url);
const ENTRY = 'countersign.js';
const CORE_LIMIT = 15_000;
const SLOWER = 4;
const RUNS = 10;

let server;
let site;
let browser;

before(async () => {
  server = await startServer();
  const body = page(`<script type="module" src="${server.origin}/widget/${ENTRY}"></script>
    <countersign-challenge site-key="${server.siteKey}" layout="embedded"></countersign-challenge>`);
  site = await startSite((path) => (path === '/' ? { body } : undefined));
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await site?.stop();
  await server?.stop();
});

test('the core is at most 15 kB, compressed', async (context) => {
  const names = (await readdir(WIDGET, { recursive: true })).filter((name) => name.endsWith('.js')).sort();
  const files = new Map();
  for (const name of names) {
    const text = await readFile(new URL(name, WIDGET), 'utf8');
    files.set(name, { text, bytes: gzipSync(text, { level: 9 }).length });
  }
  const core = staticallyFrom(ENTRY, files);
  for (const [name, { bytes }] of files) context.diagnostic(`${String(bytes).padStart(6)} ${core.has(name) ? 'core' : '    '} ${name}`);
  const sum = [...core].reduce((total, name) => total + files.get(name).bytes, 0);
  const all = [...files.values()].reduce((total, { bytes }) => total + bytes, 0);
  context.diagnostic(`${String(sum).padStart(6)} core, of ${all} in all`);
  assert.ok(sum <= CORE_LIMIT, `${sum} bytes`);

  const served = await fetch(`${server.origin}/widget/${ENTRY}`, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(served.headers.get('content-encoding'), 'gzip', 'and it is sent compressed');
  await served.arrayBuffer();
});

test('time to a usable widget on a processor four times slower', async (context) => {
  const times = [];
  for (let run = 0; run < RUNS; run += 1) times.push(await timeToReady());
  const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const busy = Math.round(median(times.map(({ busy: each }) => each)));
  const whole = Math.round(median(times.map(({ whole: each }) => each)));
  context.diagnostic(`median of ${RUNS}: ${busy} ms of the main thread, ${whole} ms until it can be used, first visit`);
});

/** One first visit: how long scripts and layout kept the main thread, and how long it took in all. */
async function timeToReady() {
  const visitor = await visit({
    browser,
    server,
    device: 'phone',
    address: site.origin,
    before: async (tab) => {
      const session = await tab.context().newCDPSession(tab);
      await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
      await session.send('Performance.enable');
      tab.session = session;
    },
  });
  await visitor.page.waitForFunction(() => document.querySelector('countersign-challenge').state === 'ready');
  const whole = await visitor.page.evaluate(() => performance.now());
  const { metrics } = await visitor.page.session.send('Performance.getMetrics');
  const busy = metrics.find(({ name }) => name === 'TaskDuration').value * 1_000;
  await visitor.close();
  return { busy, whole };
}

/** Names of the files that come with `entry` before anybody asks for more. */
function staticallyFrom(entry, files, found = new Set()) {
  if (found.has(entry)) return found;
  found.add(entry);
  const base = new URL(entry, 'file:///');
  for (const [, path] of files.get(entry).text.matchAll(/^(?:import|export)[^;]*?from '(\.[^']+)';/gm)) {
    staticallyFrom(new URL(path, base).pathname.slice(1), files, found);
  }
  return found;
}
