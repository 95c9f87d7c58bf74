// Somebody else's site: pages on another origin that put the widget in.

import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * Serves pages by their path.
 *
 * @param {(path: string) => { policy?: string, body: string } | undefined} page
 */
export async function startSite(page) {
  const site = createServer((request, response) => {
    const found = page(new URL(request.url, 'http://site').pathname);
    if (!found) {
      response.writeHead(request.url === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    const headers = { 'content-type': 'text/html; charset=utf-8' };
    if (found.policy) headers['content-security-policy'] = found.policy;
    response.writeHead(200, headers).end(found.body);
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  return {
    origin: `http://127.0.0.1:${site.address().port}`,
    async stop() {
      site.closeAllConnections();
      site.close();
      await once(site, 'close');
    },
  };
}

/** A page with `head` and `body`. */
export function document(body, { head = '', lang = 'en' } = {}) {
  return `<!doctype html><html lang="${lang}"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">${head}</head>
<body><main><h1>Shop</h1>${body}</main></body></html>`;
}
