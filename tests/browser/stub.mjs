// Challenges that the server beside the tests does not draw: a slider with the other number of axes. Only the wire is
// played, for the browser: what the widget does with it is real.

import { crc32, deflateSync } from 'node:zlib';

const WIDTH = 310;
const HEIGHT = 155;
const PIECE = 47;
const HEADERS = { 'access-control-allow-origin': '*' };

/**
 * Lets `page` get challenges with these axes and judges their answers as the server would, to two pixels.
 *
 * @param {import('playwright-core').Page} page
 * @param {'x' | 'xy'} axes
 * @param {{ x: number, y: number }} place where the piece belongs
 */
export async function playSlider(page, axes, place) {
  const answers = [];
  let drawn = 0;
  await page.route('**/v1/challenges', (route) => {
    if (route.request().method() === 'OPTIONS') return route.fallback();
    drawn += 1;
    return route.fulfill({ status: 201, headers: HEADERS, json: challenge(axes, place, drawn) });
  });
  await page.route('**/v1/challenges/answer', (route) => {
    if (route.request().method() === 'OPTIONS') return route.fallback();
    const { answer } = route.request().postDataJSON();
    answers.push(answer);
    const near = (axis) => Math.abs(answer[axis] - place[axis]) <= 2;
    if (near('x') && (axes === 'x' || near('y'))) {
      return route.fulfill({ headers: HEADERS, json: { ticket: 'a-ticket', expires_in_ms: 180_000 } });
    }
    const problem = { type: 'urn:countersign:problem:wrong-answer', status: 422 };
    return route.fulfill({ status: 422, headers: HEADERS, contentType: 'application/problem+json', json: problem });
  });
  return { answers };
}

function challenge(axes, place, number) {
  const background = picture(WIDTH, HEIGHT, (x, y) => {
    const inside = Math.hypot(x - place.x - PIECE / 2, y - place.y - PIECE / 2) < PIECE / 2;
    const wave = Math.sin((inside ? x - y : x + y) / 2) * 40;
    return [60 + wave, 110 + wave, 120 + wave, 255];
  });
  const height = axes === 'xy' ? PIECE : HEIGHT;
  const top = axes === 'xy' ? 0 : place.y;
  const piece = picture(PIECE, height, (x, y) => {
    const edge = Math.min(x, PIECE - 1 - x, y - top, PIECE - 1 - (y - top));
    return edge < 0 ? [0, 0, 0, 0] : edge < 3 ? [10, 30, 35, 255] : [90, 140, 150, 90];
  });
  const token = `played-${number}`;
  return { token, type: 'slider', expires_in_ms: 120_000, view: { width: WIDTH, height: HEIGHT, axes, background, piece } };
}

/** A PNG with alpha of what `colour` says of each pixel, as the native API writes pictures. */
function picture(width, height, colour) {
  const rows = Buffer.alloc(height * (width * 4 + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) rows.set(colour(x, y), y * (width * 4 + 1) + 1 + x * 4);
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 6, 0, 0, 0], 8);
  const parts = [chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))];
  const data = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts]).toString('base64');
  return { media_type: 'image/png', width, height, data };
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
