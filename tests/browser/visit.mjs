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

// Where challenges are drawn.
const DRAWN = ['/v1/challenges', '/tencent/challenges'];

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
 * Opens a page in a fresh window.
 *
 * @param {object} options
 * @param {import('playwright-core').Browser} options.browser
 * @param {{ origin: string, answerOf: (token: string) => Promise<{ x: number, y: number }> }} options.server
 * @param {'desktop' | 'phone'} [options.device]
 * @param {string} [options.address] path, query and fragment of the page's address, or an address elsewhere
 * @param {string} [options.widget] which widget of the page is meant
 * @param {object} [options.context] further options of the window
 * @param {(page: import('playwright-core').Page) => Promise<void>} [options.before] runs before the page is loaded
 */
export async function visit(options) {
  const { browser, server, device = 'desktop', address = '', widget = 'countersign-challenge', context, before } = options;
  const window = await browser.newContext({ ...DEVICES[device], ...context });
  const page = await window.newPage();
  const url = new URL(address, `${server.origin}/`).href;
  const watched = watch(page, [server.origin, new URL(url).origin]);
  await before?.(page);
  await page.goto(url);
  return new Visit({ window, page, server, device, ...watched }, widget);
}

/** Notes the challenges that the page is given and whatever a reader of its console would see. */
function watch(page, origins) {
  const challenges = [];
  const complaints = [];
  page.on('response', async (response) => {
    if (!DRAWN.includes(new URL(response.url()).pathname) || response.status() !== 201) return;
    // The body is gone when the page was closed in the meantime; then nobody asks for it either.
    const challenge = await response.json().catch(() => null);
    if (challenge) challenges.push(challenge);
  });
  page.on('request', (request) => {
    if (!origins.includes(new URL(request.url()).origin)) complaints.push(`asked elsewhere: ${request.url()}`);
  });
  page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()} ${request.failure()?.errorText}`));
  page.on('pageerror', (error) => complaints.push(`threw: ${error}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  return { challenges, complaints };
}

class Visit {
  constructor(parts, widget) {
    Object.assign(this, parts);
    this.meet(widget);
  }

  /** From now on the widget that `selector` finds is meant. */
  meet(selector) {
    this.widget = this.page.locator(selector);
    this.slider = this.widget.getByRole('slider').first();
    this.piece = this.widget.locator('.grip');
    this.picture = this.widget.locator('.picture');
    this.status = this.widget.locator('.status-text');
    this.note = this.widget.locator('.note');
    this.row = this.widget.getByRole('checkbox');
    this.dialog = this.widget.locator('dialog');
  }

  /** Waits until the widget is in `state`, the `count`-th challenge having been drawn by then. */
  async reached(state, count = 1) {
    await until(() => this.challenges.length >= count, `challenge ${count} is drawn`);
    await until(async () => (await this.state()) === state, `the widget is ${state}`);
  }

  /** What the widget says of itself. */
  state() {
    return this.widget.evaluate((element) => element.state);
  }

  /** The ticket that the widget has, or null. */
  response() {
    return this.widget.evaluate((element) => element.response);
  }

  /** Where the piece of the challenge on screen belongs, in pixels of the picture. */
  async answer() {
    return this.server.answerOf(this.challenges.at(-1).token);
  }

  /** A place that is certainly wrong for the challenge on screen. */
  async wrongPlace() {
    const { x, y } = await this.answer();
    return { x: x > 130 ? 30 : 230, y };
  }

  /** Where the piece stands, in pixels of the picture. */
  place() {
    return this.widget.evaluate((element) => {
      const { style } = element.shadowRoot.querySelector('.slider');
      return { x: Number(style.getPropertyValue('--x')), y: Number(style.getPropertyValue('--y')) };
    });
  }

  /** CSS pixels for one pixel of the picture. */
  async #scale() {
    const { width } = await this.picture.boundingBox();
    return width / 310;
  }

  /** Takes the piece by mouse or finger, as the device has it, and lets go where it stands at `target`. */
  async drag(target) {
    await this.piece.scrollIntoViewIfNeeded();
    const box = await this.piece.boundingBox();
    const scale = await this.#scale();
    const place = await this.place();
    const from = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    const across = (target.x - place.x) * scale;
    const down = (target.y - place.y) * scale;
    const stops = Array.from({ length: 12 }, (_, index) => ({
      // Hands do not move in straight lines.
      x: from.x + (across * (index + 1)) / 12,
      y: from.y + (down * (index + 1)) / 12 + (index % 3 === 1 ? 2 : 0),
    }));
    await this.dragFrom(from, stops);
  }

  /** Presses at one point of the window, passes others, and lets go at the last. */
  async dragFrom(from, stops) {
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
    // Each event has its time, so that the finger rests before it is lifted: a tap right after a flick is taken for the
    // touch that ends the flick.
    let time = Date.now() / 1000 - 1;
    const touch = (type, touchPoints, seconds = 0.02) => {
      time += seconds;
      return session.send('Input.dispatchTouchEvent', { type, touchPoints, timestamp: time });
    };
    await touch('touchStart', [from]);
    for (const stop of stops) await touch('touchMove', [stop]);
    await touch('touchMove', [stops.at(-1)], 0.2);
    await touch('touchEnd', [], 0.1);
    await session.detach();
  }

  /** A click or a tap in the middle of `locator`, as the device has it. */
  async tap(locator) {
    await (this.device === 'phone' ? locator.tap() : locator.click());
  }

  /** Tab from wherever the focus is until `locator` has it. */
  async tabTo(locator) {
    for (let presses = 0; presses < 24; presses += 1) {
      await this.page.keyboard.press('Tab');
      if (await this.hasFocus(locator)) return;
    }
    assert.fail('it cannot be reached with Tab');
  }

  /** Moves the piece to `target` with keys alone. It has the focus. */
  async moveByKeys(target) {
    const place = await this.place();
    await this.#press(target.x - place.x, 'ArrowRight', 'ArrowLeft');
    await this.#press(target.y - place.y, 'ArrowDown', 'ArrowUp');
    assert.deepEqual(await this.place(), { x: target.x, y: target.y });
  }

  async #press(distance, forward, back) {
    const key = distance > 0 ? forward : back;
    for (let tens = Math.floor(Math.abs(distance) / 10); tens > 0; tens -= 1) await this.page.keyboard.press(`Shift+${key}`);
    for (let ones = Math.abs(distance) % 10; ones > 0; ones -= 1) await this.page.keyboard.press(key);
  }

  /** Puts the piece to `target` and has it checked, with keys alone. */
  async answerByKeys(target) {
    await this.slider.focus();
    await this.moveByKeys(target);
    await this.page.keyboard.press('Enter');
  }

  /** Solves the challenge on screen. */
  async solve() {
    await this.answerByKeys(await this.answer());
    await this.reached('solved');
  }

  /** Whether `locator`, inside whatever shadow, has the focus. */
  hasFocus(locator) {
    return locator.evaluate((element) => element.getRootNode().activeElement === element && document.hasFocus());
  }

  /** Whether the piece has the focus, along either of its axes. */
  pieceFocused() {
    return this.piece.evaluate((element) => element.contains(element.getRootNode().activeElement));
  }

  /** Presses a button of the widget by its name, as the device has it. */
  async press(name) {
    await this.tap(this.widget.getByRole('button', { name, exact: true }));
  }

  /** Clicks or taps a point of the picture, in pixels of the picture. */
  async tapPicture({ x, y }) {
    const scale = await this.#scale();
    const position = { x: x * scale, y: y * scale };
    await (this.device === 'phone' ? this.picture.tap({ position }) : this.picture.click({ position }));
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
