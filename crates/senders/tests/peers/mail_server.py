"""A mail server that behaves as its arguments say. It prints its port, then a line of JSON for each message that it took.

    mail_server.py [--certificate PEM --key PEM] [--utf8] BEHAVIOUR...

Each connection behaves like the next of the behaviours, and like the last one when there are no more.
"""

import argparse
import asyncio
import itertools
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


async def forever():
    await asyncio.Event().wait()


class Handler:
    def __init__(self, behaviour):
        self.behaviour = behaviour

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        if self.behaviour == "hang after EHLO":
            await forever()
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.behaviour == "451":
            return f"451 4.2.0 <{address}>: greylisted, come back in 300 seconds"
        if self.behaviour == "550":
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.behaviour == "hang after DATA":
            await forever()
        if self.behaviour == "cut after DATA":
            server.transport.abort()
            return None
        if self.behaviour == "552":
            return "552 5.2.2 mailbox full"
        print(json.dumps({
            "peer": session.peer[1],
            "hello": session.host_name,
            "user": session.auth_data.decode() if session.auth_data else None,
            "tls": session.ssl is not None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "content": envelope.content.decode(),
        }), flush=True)
        return "250 2.0.0 Ok: queued as 4F2A1B"


class Server(SMTP):
    def __init__(self, behaviour, **options):
        super().__init__(Handler(behaviour), hostname="mail.example.com", **options)
        self.behaviour = behaviour

    async def push(self, status):
        text = status if isinstance(status, str) else status.decode()
        if text.startswith("220 mail") and self.behaviour == "hang at greeting":
            await forever()
        if text.startswith("220 Ready to start TLS") and self.behaviour == "early answers":
            # As somebody on the line would: what should be said under TLS, before TLS. One write, so that it comes at once.
            early = "250-mail.example.com\r\n250 AUTH PLAIN\r\n235 2.7.0 welcome\r\n250 OK\r\n250 OK\r\n354 go on\r\n250 OK"
            text = f"{text}\r\n{early}"
        if text.startswith("220 mail") and self.behaviour == "nonsense":
            text = "HTTP/1.1 200 OK"
        await super().push(text)
        if "queued as" in text and self.behaviour == "close after a message":
            self.transport.close()


def authenticate(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"ann", "pass wörd".encode())
    return AuthResult(success=right, handled=False, auth_data=data.login)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--utf8", action="store_true")
    parser.add_argument("behaviours", nargs="+")
    arguments = parser.parse_args()
    options = {"enable_SMTPUTF8": arguments.utf8}
    if arguments.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)
        options |= {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticate}
    behaviours = itertools.chain(arguments.behaviours, itertools.repeat(arguments.behaviours[-1]))
    server = await asyncio.get_running_loop().create_server(lambda: Server(next(behaviours), **options), "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
