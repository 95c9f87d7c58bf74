"""A sign-up form with Countersign, and the server behind it. Standard library only; Python 3.9 or newer.
带 Countersign 验证的注册表单及其服务端，仅用标准库，需 Python 3.9 及以上。

    COUNTERSIGN_URL=http://127.0.0.1:8080 COUNTERSIGN_SITE_KEY=… \\
    COUNTERSIGN_ACCESS_KEY_ID=… COUNTERSIGN_ACCESS_KEY_SECRET=… python3 server.py

`countersign serve --dev` prints all four. PORT is 3000 unless set.
"""

import base64
import html
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

URL = os.environ["COUNTERSIGN_URL"]
SITE_KEY = os.environ["COUNTERSIGN_SITE_KEY"]
ACCESS_KEY_ID = os.environ["COUNTERSIGN_ACCESS_KEY_ID"]
ACCESS_KEY_SECRET = os.environ["COUNTERSIGN_ACCESS_KEY_SECRET"]
PORT = int(os.environ.get("PORT", "3000"))
BODY_LIMIT = 16 * 1024

WORDS = {
    "en": {
        "title": "Sign up",
        "email": "E-mail address",
        "send": "Create account",
        "other": '<a href="?lang=zh" lang="zh-CN">中文</a>',
        "welcome": "Welcome, {}.",
        "refused": "The verification did not count. Please verify again.",
        "unreachable": "The verification could not be checked. Please try again in a moment.",
    },
    "zh-CN": {
        "title": "注册",
        "email": "邮箱地址",
        "send": "创建账号",
        "other": '<a href="?lang=en" lang="en">English</a>',
        "welcome": "欢迎，{}。",
        "refused": "验证未通过，请重新验证。",
        "unreachable": "暂时无法核对验证结果，请稍后重试。",
    },
}

FORM = """<!doctype html>
<html lang="{language}">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>{title}</title>
    <script type="module" src="{url}/widget/countersign.js"></script>
  </head>
  <body>
    <main>
      <h1>{title}</h1>
      {message}
      <form method="post" action="/?lang={language}">
        <p><label>{email}<br><input type="email" name="email" required autocomplete="email"></label></p>
        <countersign-challenge site-key="{site_key}" action="signup"></countersign-challenge>
        <p><button>{send}</button></p>
      </form>
      <p>{other}</p>
    </main>
  </body>
</html>"""


def redeem(ticket):
    """The one call that counts: a ticket is worth one yes, and only to the app that it was made for."""
    credentials = base64.b64encode(f"{ACCESS_KEY_ID}:{ACCESS_KEY_SECRET}".encode()).decode()
    request = urllib.request.Request(
        f"{URL}/v1/tickets/redeem",
        data=json.dumps({"ticket": ticket, "action": "signup"}).encode(),
        headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


def form(language, message=""):
    if message:
        message = f'<p role="status">{html.escape(message)}</p>'
    return FORM.format(language=language, message=message, url=URL, site_key=SITE_KEY, **{
        name: WORDS[language][name] for name in ("title", "email", "send", "other")
    })


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path_alone() != "/":
            self.send(404, "")
        else:
            self.send(200, form(self.language()))

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.path_alone() != "/" or length > BODY_LIMIT:
            self.send(400, "")
            return
        fields = urllib.parse.parse_qs(self.rfile.read(length).decode("utf-8", "replace"))
        language = self.language()
        words = WORDS[language]
        try:
            answer = redeem(fields.get("countersign-ticket", [""])[0])
        except (OSError, ValueError) as error:
            print(error, file=sys.stderr)
            self.send(503, form(language, words["unreachable"]))
            return
        if not answer["valid"]:
            self.send(403, form(language, words["refused"]))
            return
        # Here the account would be made.
        self.send(200, form(language, words["welcome"].format(fields.get("email", [""])[0])))

    def path_alone(self):
        return urllib.parse.urlsplit(self.path).path

    def language(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        asked = query.get("lang", [self.headers.get("Accept-Language") or ""])[0]
        return "zh-CN" if asked.startswith("zh") else "en"

    def send(self, status, body):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        # All that the widget needs: scripts and calls of one other host.
        policy = f"default-src 'none'; script-src {URL}; connect-src {URL}; form-action 'self'"
        self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
