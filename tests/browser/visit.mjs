// A visit to the page: a browser window of a certain kind, everything it asked and complained about, and the hands that
// move the slider.

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { until } from './until.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The windows that every behaviour is tried in. */
export const DEVICES = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 360, height: 640 }, deviceScaleFactor: 3, hasTouch: true, isMobile: true },
};

/** Chromium, without a window. */
export function launchBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGUMENTS });
}

/**
 * Opens the page in a fresh window.
 *
 * @param {object} options
 * @param {import('playwright-core').Browser} options.browser
 * @param {{ origin: string, answerOf: (token: string) => Promise<{ x: number }> }} options.server
 * @param {'desktop' | 'phone'} [options.device]
 * @param {string} [options.address] query and fragment of the page's address
 * @param {object} [options.context] further options of the window
 * @param {(page: import('playwright-core').Page) => Promise<void>} [options.before] runs before the page is loaded
 */
export async function visit({ browser, server, device = 'desktop', address = '', context, before }) {
  const window = await browser.newContext({ ...DEVICES[device], ...context });
  const page = await window.newPage();
  const watched = watch(page, server.origin);
  await before?.(page);
  await page.goto(`${server.origin}/${address}`);
  return new Visit({ window, page, server, device, ...watched });
}

/** Notes the challenges that the page is given and whatever a reader of its console would see. */
function watch(page, origin) {
  const challenges = [];
  const complaints = [];
  page.on('response', async (response) => {
    if (new URL(response.url()).pathname !== '/v1/challenges' || response.status() !== 201) return;
    // The body is gone when the page was closed in the meantime; then nobody asks for it either.
    const challenge = await response.json().catch(() => null);
    if (challenge) challenges.push(challenge);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('pageerror', (error) => complaints.push(`threw: ${error}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  return { challenges, complaints };
}

class Visit {
  constructor(parts) {
    Object.assign(this, parts);
    this.handle = this.page.getByRole('slider');
    this.status = this.page.locator('#status');
  }

  /** Waits until the page is in `state`, the `count`-th challenge having been drawn by then. */
  async reached(state, count = 1) {
    await until(() => this.challenges.length >= count, `challenge ${count} is drawn`);
    await this.page.locator(`#challenge[data-state="${state}"]`).waitFor();
  }

  /** Where the piece of the challenge on screen belongs, in pixels of the picture. */
  async answer() {
    return (await this.server.answerOf(this.challenges.at(-1).token)).x;
  }

  /** Where the piece stands, as assistive technology is told. */
  async position() {
    return Number(await this.handle.getAttribute('aria-valuenow'));
  }

  /** Takes the handle by mouse or finger, as the device has it, and lets go where the piece stands at `x`. */
  async drag(x) {
    await this.handle.scrollIntoViewIfNeeded();
    const handle = await this.handle.boundingBox();
    const track = await this.page.locator('.slider-track').evaluate((element) => element.clientWidth);
    const furthest = Number(await this.handle.getAttribute('aria-valuemax'));
    const distance = ((track - handle.width) * x) / furthest;
    const from = { x: handle.x + handle.width / 2, y: handle.y + handle.height / 2 };
    const stops = Array.from({ length: 12 }, (_, index) => ({
      // Hands do not move in straight lines.
      x: from.x + (distance * (index + 1)) / 12,
      y: from.y + (index % 3) * 2,
    }));
    await (this.device === 'phone' ? this.#dragByFinger(from, stops) : this.#dragByMouse(from, stops));
  }

  async #dragByMouse(from, stops) {
    await this.page.mouse.move(from.x, from.y);
    await this.page.mouse.down();
    for (const stop of stops) await this.page.mouse.move(stop.x, stop.y);
    await this.page.mouse.up();
  }

  // Through the protocol, so that the browser decides what a touch is: a scroll, or a drag of the handle.
  async #dragByFinger(from, stops) {
    const session = await this.window.newCDPSession(this.page);
    const touch = (type, touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints });
    await touch('touchStart', [from]);
    for (const stop of stops) await touch('touchMove', [stop]);
    await touch('touchEnd', []);
    await session.detach();
  }

  /** A click or a tap in the middle of `locator`, as the device has it. */
  async tap(locator) {
    await (this.device === 'phone' ? locator.tap() : locator.click());
  }

  /** Tab from wherever the focus is until the handle has it. */
  async tabToHandle() {
    for (let presses = 0; presses < 12; presses += 1) {
      await this.page.keyboard.press('Tab');
      if (await this.handleFocused()) return;
    }
    assert.fail('the handle cannot be reached with Tab');
  }

  /** Moves the piece from the left edge to `x` with keys alone. The handle has the focus. */
  async moveByKeys(x) {
    for (let tens = Math.floor(x / 10); tens > 0; tens -= 1) await this.page.keyboard.press('PageUp');
    for (let ones = x % 10; ones > 0; ones -= 1) await this.page.keyboard.press('ArrowRight');
    assert.equal(await this.position(), x);
  }

  /** Solves the challenge on screen. */
  async solve() {
    await this.handle.focus();
    await this.moveByKeys(await this.answer());
    await this.page.keyboard.press('Enter');
    await this.reached('accepted');
  }

  handleFocused() {
    return this.handle.evaluate((element) => element === document.activeElement);
  }

  /** Fails if the page complained, was blocked or looked elsewhere, but for what `expected` matches. */
  assertQuiet(expected = /(?!)/) {
    const unexpected = this.complaints.filter((complaint) => !expected.test(complaint));
    assert.deepEqual(unexpected, []);
  }

  /** Keeps a picture of the whole page if somebody wants to look at it. */
  async capture(name) {
    const folder = process.env.SCREENSHOTS;
    if (!folder) return;
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true, animations: 'disabled' });
  }

  async close() {
    await this.window.close();
  }
}
