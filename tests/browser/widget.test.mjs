// Every layout of the widget, solved in every manner in which a person can do it, and what its page gets to know.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import en from '../../web/widget/locales/en.js';
import { startServer } from './server.mjs';
import { playSlider } from './stub.mjs';
import { until } from './until.mjs';
import { DEVICES, launchBrowser, visit } from './visit.mjs';

// The browser itself reports a refused answer in the console; the page cannot prevent it.
const REFUSED = /console: Failed to load resource: the server responded with a status of 422/;

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

// How each layout of /demo is brought to show its challenge, by a hand and by keys.
const LAYOUTS = {
  checkbox: {
    open: async (page) => page.tap(page.row),
    openByKeys: async (page) => {
      await page.tabTo(page.row);
      await page.page.keyboard.press('Space');
    },
  },
  embedded: { open: async () => {}, openByKeys: async (page) => page.tabTo(page.slider) },
  popup: {
    open: async (page) => page.tap(page.page.getByRole('button', { name: 'Send the form' })),
    openByKeys: async (page) => {
      await page.tabTo(page.page.getByRole('button', { name: 'Send the form' }));
      await page.page.keyboard.press('Enter');
    },
  },
};

for (const device of Object.keys(DEVICES)) {
  for (const [layout, { open, openByKeys }] of Object.entries(LAYOUTS)) {
    describe(`${layout} on a ${device}`, () => {
      const meet = async () => {
        const page = await visit({ browser, server, device, address: '/demo', widget: `#${layout}` });
        // The embedded one of the same page is first; what comes later belongs to the one that is opened.
        await page.page.waitForFunction(() => document.querySelector('#embedded').state === 'ready');
        return page;
      };
      const drawn = layout === 'embedded' ? 1 : 2;

      test('a drag and a tap on Check solve it', async () => {
        const page = await meet();
        await open(page);
        await page.reached('ready', drawn);
        const wanted = await page.answer();
        await page.drag(wanted);
        const { x, y } = await page.place();
        assert.ok(Math.abs(x - wanted.x) <= 1 && Math.abs(y - wanted.y) <= 1, `${x}, ${y}`);
        assert.equal(await page.state(), 'ready', 'letting go is no answer');
        await page.press(en.check);
        await page.reached('solved', drawn);
        await assertDone(page, layout);
        page.assertQuiet();
        await page.close();
      });

      test('keys alone solve it', async () => {
        const page = await meet();
        await openByKeys(page);
        await page.reached('ready', drawn);
        if (layout !== 'embedded') await until(() => page.pieceFocused(), 'the piece has the focus');
        await page.moveByKeys(await page.answer());
        await page.page.keyboard.press('Enter');
        await page.reached('solved', drawn);
        await assertDone(page, layout);
        page.assertQuiet();
        await page.close();
      });

      test('single taps alone solve it: where the piece shall be, then the step buttons', async () => {
        const page = await meet();
        await open(page);
        await page.reached('ready', drawn);
        const wanted = await page.answer();
        // Three pixels beside it each way, or as far as there are any.
        await page.tapPicture({ x: wanted.x + 24 + 3, y: wanted.y + 24 - 3 });
        for (const [axis, forward, back] of [['x', en.right, en.left], ['y', en.down, en.up]]) {
          const distance = wanted[axis] - (await page.place())[axis];
          for (let taps = Math.abs(distance); taps > 0; taps -= 1) await page.press(distance > 0 ? forward : back);
        }
        assert.deepEqual(await page.place(), { x: wanted.x, y: wanted.y });
        await page.press(en.check);
        await page.reached('solved', drawn);
        await assertDone(page, layout);
        page.assertQuiet();
        await page.close();
      });
    });
  }

  test(`on a ${device} the picture is as sharp as the screen, and what is tapped is large enough for a thumb`, async () => {
    const page = await visit({ browser, server, device, address: '/demo', widget: '#checkbox' });
    await page.tap(page.row);
    await page.reached('ready', 2);
    await page.page.waitForFunction(() => {
      const canvas = document.querySelector('#checkbox').shadowRoot.querySelector('canvas');
      return canvas.width === Math.round(canvas.clientWidth * devicePixelRatio);
    });
    for (const button of await page.widget.getByRole('button').all()) {
      const { width, height } = await button.boundingBox();
      assert.ok(width >= 44 && height >= 44, `${await button.textContent()} ${width}×${height}`);
    }
    await page.capture(`${device}-checkbox-open`);
    await page.close();
  });

  test(`on a ${device} one axis works as well: letting go of the handle is the answer`, async () => {
    let played;
    const place = { x: 180, y: 60 };
    const page = await visit({
      browser,
      server,
      device,
      before: async (tab) => (played = await playSlider(tab, 'x', place)),
    });
    await until(async () => (await page.state()) === 'ready', 'the widget is ready');
    const handle = await page.piece.boundingBox();
    const track = await page.widget.locator('.track').evaluate((element) => element.clientWidth);
    const pixels = ((track - handle.width) * place.x) / 263;
    const from = { x: handle.x + handle.width / 2, y: handle.y + handle.height / 2 };
    await page.dragFrom(from, [{ x: from.x + pixels / 2, y: from.y + 5 }, { x: from.x + pixels, y: from.y }]);
    await until(async () => (await page.state()) === 'solved', 'the widget is solved');
    assert.ok(Math.abs(played.answers[0].x - place.x) <= 1);
    assert.ok(!('y' in played.answers[0]));
    await page.close();
  });
}

test('one axis by keys: the arrows, ten at a time, and both ends', async () => {
  const page = await visit({ browser, server, before: (tab) => playSlider(tab, 'x', { x: 42, y: 60 }) });
  await until(async () => (await page.state()) === 'ready', 'the widget is ready');
  await page.tabTo(page.slider);
  for (const [key, x] of [
    ['End', 263],
    ['Home', 0],
    ['PageUp', 10],
    ['Shift+ArrowUp', 20],
    ['PageUp', 30],
    ['Shift+ArrowRight', 40],
    ['ArrowRight', 41],
    ['ArrowUp', 42],
    ['ArrowLeft', 41],
    ['ArrowUp', 42],
  ]) {
    await page.page.keyboard.press(key);
    assert.equal((await page.place()).x, x, key);
  }
  assert.equal(await page.slider.getAttribute('aria-valuetext'), '42 of 263 pixels from the left');
  await page.page.keyboard.press('Enter');
  await until(async () => (await page.state()) === 'solved', 'the widget is solved');
  await page.close();
});

test('two axes are two sliders for whoever listens, one stop for Tab, and every arrow goes its way', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  const across = page.widget.getByRole('slider', { name: en.across });
  const upright = page.widget.getByRole('slider', { name: en.upright });
  await page.tabTo(across);
  const { y } = await page.place();
  await page.page.keyboard.press('ArrowRight');
  await page.page.keyboard.press('ArrowDown');
  assert.ok(await page.hasFocus(upright), 'the focus follows, so that the new value is read out');
  assert.equal(await across.getAttribute('aria-valuetext'), `1 pixels from the left, ${y + 1} from the top`);
  await page.page.keyboard.press('PageUp');
  assert.deepEqual(await page.place(), { x: 1, y: y - 9 });
  await page.page.keyboard.press('End');
  assert.equal((await page.place()).x, 263);
  await page.page.keyboard.press('Tab');
  assert.ok(!(await page.pieceFocused()), 'one stop');
  // What a screen reader's own command does to a native slider.
  await upright.evaluate((input) => {
    input.value = String(Number(input.value) + 5);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  });
  assert.deepEqual(await page.place(), { x: 263, y: y - 14 });
  await page.close();
});

test('the place is in pixels of the picture, however large the picture is shown', async () => {
  const page = await visit({ browser, server, context: { deviceScaleFactor: 1.5 } });
  await page.reached('ready');
  await page.page.evaluate(() => {
    document.documentElement.style.zoom = '1.3';
    document.querySelector('main').style.transform = 'scale(0.9)';
  });
  await page.drag({ x: 200, y: 90 });
  const { x, y } = await page.place();
  assert.ok(Math.abs(x - 200) <= 1 && Math.abs(y - 90) <= 1, `${x}, ${y}`);
  await page.close();
});

test('a held step button repeats until it is let go', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.widget.getByRole('button', { name: en.right }).hover();
  await page.page.mouse.down();
  await until(async () => (await page.place()).x >= 5, 'it has moved by five');
  await page.page.mouse.up();
  assert.ok((await page.place()).x < 100);
  assert.equal(page.challenges.length, 1, 'nothing was answered');
  await page.close();
});

test('a drag that is taken back with Escape moves nothing, and does not close the dialog', async () => {
  const page = await visit({ browser, server, address: '/demo', widget: '#checkbox' });
  await page.row.click();
  await page.reached('ready', 2);
  const start = await page.place();
  const { x, y, width, height } = await page.piece.boundingBox();
  await page.page.mouse.move(x + width / 2, y + height / 2);
  await page.page.mouse.down();
  await page.page.mouse.move(x + 150, y + height / 2);
  assert.ok((await page.place()).x > 0);
  await page.page.keyboard.press('Escape');
  await page.page.mouse.up();
  assert.deepEqual(await page.place(), start);
  assert.ok(await page.dialog.evaluate((dialog) => dialog.open));
  await page.close();
});

test('nothing is asked of the server for a piece that was never moved', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.press(en.check);
  assert.equal(await page.status.textContent(), en.moveFirst);
  assert.equal(page.challenges.length, 1);
  page.assertQuiet();
  await page.close();
});

test('a wrong answer is said, and the next picture comes by itself with the focus where it was', async () => {
  const page = await visit({ browser, server });
  await page.reached('ready');
  await page.answerByKeys(await page.wrongPlace());
  await page.reached('ready', 2);
  assert.equal(await page.status.textContent(), en.wrong);
  assert.equal((await page.place()).x, 0);
  assert.ok(await page.pieceFocused());
  await page.moveByKeys(await page.answer());
  await page.page.keyboard.press('Enter');
  await page.reached('solved', 2);
  page.assertQuiet(REFUSED);
  await page.close();
});

/** The ticket is there, and nothing is left open. */
async function assertDone(page, layout) {
  assert.ok(await page.response());
  if (layout === 'embedded') {
    assert.equal(await page.status.textContent(), en.verified);
    return;
  }
  await until(async () => !(await page.dialog.evaluate((dialog) => dialog.open)), 'the dialog is closed');
  if (layout === 'checkbox') {
    assert.equal(await page.row.getAttribute('aria-checked'), 'true');
    assert.equal(await page.note.textContent(), en.verified);
    assert.ok(await page.hasFocus(page.row), 'the focus returns');
  } else {
    await page.page.getByText('The form was sent, with its ticket.').waitFor();
  }
}
