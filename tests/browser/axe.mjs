// What axe finds in a page.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** Fails with what axe has against the page, short enough to read. */
export async function check(page, state) {
  // Through the protocol, since the page's policy lets no other script in.
  if (!(await page.page.evaluate(() => 'axe' in globalThis))) await page.page.evaluate(await readFile(AXE, 'utf8'));
  const result = await page.page.evaluate(() => globalThis.axe.run(document, { rules: { 'target-size': { enabled: true } } }));
  const violations = result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  assert.deepEqual(violations, [], state);
}
