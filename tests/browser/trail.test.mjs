// What the widget tells of how a piece was moved, and what the server makes of it: by mouse, by finger and by keys, by a
// program, and by programs that are short of ideas.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import en from '../../web/widget/locales/en.js';
import { sha256 } from '../../web/widget/sha256.js';
import { Trail } from '../../web/widget/trail.js';
import { startServer } from './server.mjs';
import { until } from './until.mjs';
import { launchBrowser, visit } from './visit.mjs';

// Below it a trail is a program's: docs/resistance.md.
const SCRIPTED = 40;
// From here on it is a hand's.
const HUMAN = 70;

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

/** The latest decision that the server tells of. */
async function decided() {
  const { id, secret } = server.accessKey;
  const authorization = `Basic ${btoa(`${id}:${secret}`)}`;
  const response = await fetch(`${server.origin}/v1/decisions?limit=20`, { headers: { authorization } });
  assert.equal(response.status, 200);
  const { decisions } = await response.json();
  return decisions.find(({ outcome }) => outcome === 'passed' || outcome === 'failed');
}

/** What the server has counted of trails. */
async function counted(outcome) {
  const text = await (await fetch(`${server.origin}/metrics`)).text();
  return Number(text.match(new RegExp(`countersign_trails_total\\{outcome="${outcome}"\\} (\\d+)`))?.[1] ?? 0);
}

/** The way of a hand: it speeds up and slows down, bends, trembles, goes too far and comes back. */
function hand(from, to) {
  const stops = [];
  for (let time = 0; time <= 600; time += 12) {
    const part = time / 600;
    const way = part ** 3 * (10 - 15 * part + 6 * part ** 2);
    const aside = Math.sin(Math.PI * way) * 9 + Math.sin(time) * (1 - part);
    stops.push({ x: from.x + (to.x + 5 - from.x) * way, y: from.y + (to.y - from.y) * way + aside, after: 9 + (time % 7) });
  }
  return [...stops, { x: to.x + 3, y: to.y, after: 130 }, { ...to, after: 40 }, { ...to, after: 160 }];
}

/** The way of twenty lines of code. */
function line(from, to) {
  const part = (number) => ({ x: from.x + ((to.x - from.x) * number) / 20, y: from.y + ((to.y - from.y) * number) / 20, after: 10 });
  return Array.from({ length: 20 }, (_, index) => part(index + 1));
}

/** Drags the piece to where it belongs, the way that `path` says, and has it checked. */
async function solve(page, path) {
  await page.piece.scrollIntoViewIfNeeded();
  const box = await page.piece.boundingBox();
  const { width } = await page.picture.boundingBox();
  const [target, place] = [await page.answer(), await page.place()];
  const from = { x: box.x + box.width / 2 - 3, y: box.y + box.height / 2 + 4 };
  const scale = width / 310;
  const to = { x: from.x + (target.x - place.x) * scale, y: from.y + (target.y - place.y) * scale };
  await dragAt(page, from, path(from, to));
  await page.press(en.check);
  await page.reached('solved');
}

/** A drag whose events carry times of their own, as a device's do: nothing here waits. */
async function dragAt(page, from, stops) {
  const session = await page.window.newCDPSession(page.page);
  let timestamp = Date.now() / 1_000;
  const send = (kind, { x, y }, after) => {
    timestamp += after / 1_000;
    if (page.device === 'phone') {
      const points = kind === 'Released' ? [] : [{ x, y }];
      const type = { Pressed: 'touchStart', Moved: 'touchMove', Released: 'touchEnd' }[kind];
      return session.send('Input.dispatchTouchEvent', { type, touchPoints: points, timestamp });
    }
    const button = { button: 'left', buttons: kind === 'Released' ? 0 : 1, clickCount: kind === 'Moved' ? 0 : 1 };
    return session.send('Input.dispatchMouseEvent', { type: `mouse${kind}`, x, y, ...button, timestamp });
  };
  await send('Pressed', from, 0);
  for (const stop of stops) await send('Moved', stop, stop.after);
  await send('Released', stops.at(-1), 90);
  await session.detach();
}

/** A picture whose place is so far from where the piece lies that the way there says something, and a tap misses the piece. */
async function visitFar(options) {
  for (;;) {
    const page = await visit({ browser, server, ...options });
    await page.reached('ready');
    if ((await page.answer()).x >= 120) return page;
    await page.close();
  }
}

for (const device of ['desktop', 'phone']) {
  describe(`on a ${device}`, () => {
    test('a hand looks like one', async (context) => {
      const page = await visitFar({ device });
      await solve(page, hand);
      const { outcome, trail_score: score, reasons } = await decided();
      context.diagnostic(`${score}: ${reasons.join(' ')}`);
      assert.equal(outcome, 'passed');
      assert.ok(score >= SCRIPTED, `${score} ${reasons}`);
      await page.close();
    });

    test('a straight line at constant speed looks like a program, and passes', async (context) => {
      const page = await visitFar({ device });
      await solve(page, line);
      const { outcome, trail_score: score, reasons } = await decided();
      context.diagnostic(`${score}: ${reasons.join(' ')}`);
      assert.equal(outcome, 'passed');
      assert.ok(score < SCRIPTED, `${score} ${reasons}`);
      await page.close();
    });

    test('keys and taps have a trail and no score', async () => {
      const before = await counted('unscored');
      const page = await visitFar({ device });
      await page.solve();
      assert.equal((await decided()).trail_score, undefined);
      await page.close();
      const second = await visitFar({ device });
      const { x, y } = await second.answer();
      await second.tapPicture({ x: x + 24, y: y + 24 });
      await second.press(en.check);
      await until(async () => (await counted('unscored')) === before + 2, 'both trails were read');
      assert.equal((await decided()).trail_score, undefined);
      await second.close();
    });
  });
}

test('a drag that is taken back is no part of the trail', async () => {
  const page = await visitFar();
  await page.piece.scrollIntoViewIfNeeded();
  const box = await page.piece.boundingBox();
  const { mouse, keyboard } = page.page;
  await mouse.move(box.x + 20, box.y + 20);
  await mouse.down();
  await mouse.move(box.x + 270, box.y + 60, { steps: 5 });
  await keyboard.press('Escape');
  await mouse.up();
  await solve(page, hand);
  const { trail_score: score, reasons } = await decided();
  assert.ok(score >= HUMAN, `${score} ${reasons}`);
  await page.close();
});

test('what is sent is the trail of this challenge, in at most two kilobytes', async () => {
  const sent = [];
  const page = await visitFar({
    before: (tab) => tab.route('**/v1/challenges/answer', (route) => {
      sent.push(route.request().postDataJSON());
      return route.continue();
    }),
  });
  await page.reached('ready');
  // A quarter of an hour of indecision.
  await page.slider.focus();
  for (let number = 0; number < 600; number += 1) await page.page.keyboard.press(number % 2 ? 'ArrowLeft' : 'ArrowRight');
  await solve(page, hand);
  assert.deepEqual(Object.keys(sent[0]).sort(), ['answer', 'locale', 'token', 'trail']);
  assert.match(sent[0].trail, /^[A-Za-z0-9_-]{20,2732}$/);
  assert.ok((await decided()).trail_score >= SCRIPTED);
  await page.close();
});

test('the widget writes trails as the server reads them', () => {
  const trail = new Trail();
  trail.start(100);
  assert.equal(trail.write('AQIDBA-a_token'), undefined);
  trail.begin('touch', { x: 0, y: 54 }, { x: 20, y: 24 }, 1_000);
  trail.add({ x: 3.25, y: 53.5 }, 1_016);
  trail.add({ x: 120, y: 40 }, 1_316);
  trail.begin('keys', { x: 120, y: 40 }, { x: 0, y: 0 }, 71_316);
  trail.add({ x: 121, y: 40 }, 71_321);
  // The same text stands in crates/domain/src/trail/tests.rs.
  assert.equal(trail.write('AQIDBA-a_token'), 'Af-bBJVU-etoAYQHALADoAHAAQIQGgOsAqYHawPwogTAB8ACAAABBQgA');
});

test('the time of a drag that was taken back goes to the next pause', () => {
  const [one, other] = [new Trail(), new Trail()];
  for (const trail of [one, other]) {
    trail.start(100);
    trail.step('taps', { x: 0, y: 0 }, { x: 9, y: 0 }, 300);
  }
  one.begin('mouse', { x: 9, y: 0 }, { x: 1, y: 1 }, 500);
  one.add({ x: 90, y: 4 }, 700);
  one.step('keys', { x: 90, y: 4 }, { x: 91, y: 4 }, 800);
  one.drop();
  for (const trail of [one, other]) {
    trail.begin('touch', { x: 9, y: 0 }, { x: 1, y: 1 }, 1_500);
    trail.add({ x: 50, y: 2 }, 1_516);
  }
  assert.equal(one.write('token'), other.write('token'));
  one.start(0);
  one.drop();
  assert.equal(one.write('token'), undefined);
});

test('a long trail is thinned out and ends where it ended', () => {
  const trail = new Trail();
  trail.start(0);
  trail.begin('mouse', { x: 0, y: 0 }, { x: 1, y: 1 }, 10);
  for (let number = 1; number <= 20_000; number += 1) trail.add({ x: (number % 500) / 2, y: 50 + (number % 7) }, 10 + number);
  const bytes = Buffer.from(trail.write('token'), 'base64url');
  assert.ok(bytes.length <= 2_048 && bytes.length > 1_000, `${bytes.length}`);
});

test('sha256 is SHA-256, at every length around a block', () => {
  for (let length = 0; length < 200; length += 1) {
    const message = randomBytes(length);
    assert.deepEqual(Buffer.from(sha256(message)), createHash('sha256').update(message).digest());
  }
});
