// A sign-up form with Countersign, and the server behind it. No dependencies; Node.js 20 or newer.
// 带 Countersign 验证的注册表单及其服务端，无任何依赖，需 Node.js 20 及以上。
//
//   COUNTERSIGN_URL=http://127.0.0.1:8080 COUNTERSIGN_SITE_KEY=… \
//   COUNTERSIGN_ACCESS_KEY_ID=… COUNTERSIGN_ACCESS_KEY_SECRET=… node server.mjs
//
// `countersign serve --dev` prints all four. PORT is 3000 unless set.

import { createServer } from 'node:http';

const { COUNTERSIGN_URL, COUNTERSIGN_SITE_KEY, COUNTERSIGN_ACCESS_KEY_ID, COUNTERSIGN_ACCESS_KEY_SECRET } = process.env;
const PORT = Number(process.env.PORT ?? 3000);
const BODY_LIMIT = 16 * 1024;

const WORDS = {
  en: {
    title: 'Sign up',
    email: 'E-mail address',
    send: 'Create account',
    other: '<a href="?lang=zh" lang="zh-CN">中文</a>',
    welcome: (email) => `Welcome, ${email}.`,
    refused: 'The verification did not count. Please verify again.',
    unreachable: 'The verification could not be checked. Please try again in a moment.',
  },
  'zh-CN': {
    title: '注册',
    email: '邮箱地址',
    send: '创建账号',
    other: '<a href="?lang=en" lang="en">English</a>',
    welcome: (email) => `欢迎，${email}。`,
    refused: '验证未通过，请重新验证。',
    unreachable: '暂时无法核对验证结果，请稍后重试。',
  },
};

/** The one call that counts: a ticket is worth one yes, and only to the app that it was made for. */
async function redeem(ticket) {
  const credentials = Buffer.from(`${COUNTERSIGN_ACCESS_KEY_ID}:${COUNTERSIGN_ACCESS_KEY_SECRET}`).toString('base64');
  const response = await fetch(`${COUNTERSIGN_URL}/v1/tickets/redeem`, {
    method: 'POST',
    headers: { authorization: `Basic ${credentials}`, 'content-type': 'application/json' },
    body: JSON.stringify({ ticket, action: 'signup' }),
    signal: AbortSignal.timeout(5_000),
  });
  if (!response.ok) throw new Error(`Countersign answered ${response.status}`);
  return response.json();
}

function form(language, message = '') {
  const words = WORDS[language];
  return `<!doctype html>
<html lang="${language}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${words.title}</title>
    <script type="module" src="${COUNTERSIGN_URL}/widget/countersign.js"></script>
  </head>
  <body>
    <main>
      <h1>${words.title}</h1>
      ${message && `<p role="status">${escape(message)}</p>`}
      <form method="post" action="/?lang=${language}">
        <p><label>${words.email}<br><input type="email" name="email" required autocomplete="email"></label></p>
        <countersign-challenge site-key="${COUNTERSIGN_SITE_KEY}" action="signup"></countersign-challenge>
        <p><button>${words.send}</button></p>
      </form>
      <p>${words.other}</p>
    </main>
  </body>
</html>`;
}

function escape(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

async function signUp(request, language) {
  const words = WORDS[language];
  const fields = new URLSearchParams(await read(request));
  let answer;
  try {
    answer = await redeem(fields.get('countersign-ticket') ?? '');
  } catch (error) {
    console.error(error);
    return [503, form(language, words.unreachable)];
  }
  if (!answer.valid) return [403, form(language, words.refused)];
  // Here the account would be made.
  return [200, form(language, words.welcome(fields.get('email') ?? ''))];
}

async function read(request) {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > BODY_LIMIT) throw new Error('the form is too large');
  }
  return text;
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://example');
  const language = (url.searchParams.get('lang') ?? request.headers['accept-language'] ?? '').startsWith('zh') ? 'zh-CN' : 'en';
  let [status, body] = [404, ''];
  if (url.pathname === '/' && request.method === 'GET') [status, body] = [200, form(language)];
  if (url.pathname === '/' && request.method === 'POST') [status, body] = await signUp(request, language).catch(() => [400, '']);
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    // All that the widget needs: scripts and calls of one other host.
    'content-security-policy': `default-src 'none'; script-src ${COUNTERSIGN_URL}; connect-src ${COUNTERSIGN_URL}; form-action 'self'`,
  });
  response.end(body);
});
server.listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
