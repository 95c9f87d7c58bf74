"""The gateways of four vendors, which believe a call only by its vendor's signature, computed here from the bytes that came.

    vendors.py BEHAVIOUR...

It prints its port, then a line of JSON for each message that it took. Each call is treated as the next of the behaviours says,
and like the last one when there are no more: take, throttle, hang, page.
"""

import base64
import hashlib
import hmac
import itertools
import json
import re
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = "s3cret"
BEHAVIOURS = itertools.chain(sys.argv[1:], itertools.repeat(sys.argv[-1]))
NONCES = set()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def unseen(nonce):
    """Whether a nonce is used for the first time."""
    fresh = len(nonce) >= 16 and nonce not in NONCES
    NONCES.add(nonce)
    return fresh


def twilio(call):
    user, _, password = base64.b64decode(call.headers["Authorization"].removeprefix("Basic ")).decode().partition(":")
    if (user, password) != ("AC1", SECRET) or call.path != "/2010-04-01/Accounts/AC1/Messages.json":
        return 401, {"code": 20003, "message": "Authenticate", "status": 401}, None
    return 201, {"sid": "SM1", "status": "queued"}, dict(urllib.parse.parse_qsl(call.body.decode(), strict_parsing=True))


def aliyun(call):
    """docs: "V3 request structure and signature"."""
    read = r"ACS3-HMAC-SHA256 Credential=(\w+),SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})"
    key, names, signature = re.fullmatch(read, call.headers["Authorization"]).groups()
    path, _, query = call.path.partition("?")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    encoded = [(urllib.parse.quote(name, safe="-_.~"), urllib.parse.quote(value, safe="-_.~")) for name, value in pairs]
    canonical_query = "&".join(f"{name}={value}" for name, value in sorted(encoded))
    wanted = {"host"} | {name.lower() for name in call.headers if name.lower().startswith("x-acs-")}
    headers = "".join(f"{name}:{call.headers[name].strip()}\n" for name in names.split(";"))
    payload = sha256(call.body)
    canonical = f"{call.command}\n{path}\n{canonical_query}\n{headers}\n{names}\n{payload}"
    expected = mac(SECRET.encode(), f"ACS3-HMAC-SHA256\n{sha256(canonical.encode())}").hex()
    good = (
        (key, signature, payload) == ("LTAI1", expected, call.headers["x-acs-content-sha256"])
        and wanted <= set(names.split(";"))
        and names.split(";") == sorted(names.split(";"))
        and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", call.headers["x-acs-date"])
        and unseen(call.headers["x-acs-signature-nonce"])
    )
    if not good:
        return 400, {"Code": "SignatureDoesNotMatch", "Message": canonical}, None
    if (call.headers["x-acs-action"], call.headers["x-acs-version"]) != ("SendSms", "2017-05-25"):
        return 404, {"Code": "InvalidAction.NotFound"}, None
    return 200, {"Code": "OK", "Message": "OK", "BizId": "9006^0"}, dict(pairs)


def tencent(call):
    """docs: "Signature method v3"."""
    read = r"TC3-HMAC-SHA256 Credential=(\w+)/(\S+)/(\w+)/tc3_request, SignedHeaders=([a-z;-]+), Signature=([0-9a-f]{64})"
    key, date, service, names, signature = re.fullmatch(read, call.headers["Authorization"]).groups()
    seconds = int(call.headers["X-TC-Timestamp"])
    headers = "".join(f"{name}:{call.headers[name].strip().lower()}\n" for name in names.split(";"))
    canonical = f"{call.command}\n{call.path}\n\n{headers}\n{names}\n{sha256(call.body)}"
    text = f"TC3-HMAC-SHA256\n{seconds}\n{date}/{service}/tc3_request\n{sha256(canonical.encode())}"
    signing = mac(mac(mac(b"TC3" + SECRET.encode(), date), service), "tc3_request")
    good = (
        (key, service, signature) == ("AKID1", "sms", mac(signing, text).hex())
        and date == time.strftime("%Y-%m-%d", time.gmtime(seconds))
        and {"content-type", "host"} <= set(names.split(";"))
    )
    if not good:
        return 200, {"Response": {"Error": {"Code": "AuthFailure.SignatureFailure"}, "RequestId": "r"}}, None
    asked = (call.headers["X-TC-Action"], call.headers["X-TC-Version"], call.headers["X-TC-Region"])
    if asked != ("SendSms", "2021-01-11", "ap-guangzhou"):
        return 200, {"Response": {"Error": {"Code": "InvalidAction"}, "RequestId": "r"}}, None
    return 200, {"Response": {"SendStatusSet": [{"SerialNo": "2640:1", "Code": "Ok"}]}}, json.loads(call.body)


def huawei(call):
    """docs: "X-WSSE authentication"."""
    read = r'UsernameToken Username="(\w+)",PasswordDigest="(\S+)",Nonce="(\w+)",Created="([0-9TZ:-]{20})"'
    key, digest, nonce, created = re.fullmatch(read, call.headers["X-WSSE"]).groups()
    expected = base64.b64encode(hashlib.sha256((nonce + created + SECRET).encode()).digest()).decode()
    profile = 'WSSE realm="SDP",profile="UsernameToken",type="Appkey"'
    if (key, digest, call.headers["Authorization"]) != ("k1", expected, profile) or not unseen(nonce):
        return 401, {"code": "E000103", "description": "The app_key or PasswordDigest is wrong."}, None
    form = dict(urllib.parse.parse_qsl(call.body.decode(), strict_parsing=True))
    return 200, {"code": "000000", "result": [{"smsMsgId": "d6e3_1", "status": "000000"}]}, form


THROTTLED = {
    twilio: (429, {"code": 20429, "message": "Too many requests"}),
    aliyun: (200, {"Code": "isv.BUSINESS_LIMIT_CONTROL"}),
    tencent: (200, {"Response": {"Error": {"Code": "RequestLimitExceeded"}, "RequestId": "r"}}),
    huawei: (200, {"code": "E200015"}),
}


class Call(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        authorization = self.headers["Authorization"]
        schemes = {"Basic": twilio, "ACS3-HMAC-SHA256": aliyun, "TC3-HMAC-SHA256": tencent, "WSSE": huawei}
        vendor = schemes[authorization.split(" ")[0]]
        behaviour = next(BEHAVIOURS)
        if behaviour == "hang":
            threading.Event().wait()
        if behaviour == "page":
            return self.answer(200, b"<html>please sign in</html>")
        status, said, took = vendor(self)
        if took is not None and behaviour == "throttle":
            status, said = THROTTLED[vendor]
        elif took is not None:
            print(json.dumps({"vendor": vendor.__name__, "took": took}, ensure_ascii=False), flush=True)
        self.answer(status, json.dumps(said).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Call)
print("port", server.server_address[1], flush=True)
server.serve_forever()
