"""What schemathesis cannot know of this server: its site key, what a contact or a network looks like, what solves a challenge,
what stands in a message, and which groups, codes, contacts and agents there are.

Without it nearly every call would end at "unknown site key" or "unknown challenge", and what lies behind would go untested.
Only what fits the document is replaced; what a case breaks on purpose stays broken.
"""

import base64
import datetime
import ipaddress
import json
import os
import re
import uuid
import urllib.request

import schemathesis
from hypothesis import strategies as st

ENDPOINT = os.environ["COUNTERSIGN_ENDPOINT"]
SITE_KEY = os.environ["COUNTERSIGN_SITE_KEY"]
ACCESS_KEY = base64.b64encode(os.environ["COUNTERSIGN_ACCESS_KEY"].encode()).decode()
# Of a key that nobody has any more.
CERTIFICATE_REQUEST = """-----BEGIN CERTIFICATE REQUEST-----
MIHIMHECAQAwDzENMAsGA1UEAwwEZnV6ejBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABBOpch7GEsNY0J826u5G63vo8GfxEYeijVT6lHDNiRKYH4YAeJxpsP6RWUPk
Joh5t3AdgyVCKhh7ZZgHg1p+pHGgADAKBggqhkjOPQQDAgNHADBEAiBR6mrKP6Sb
HRj8VmiiQRRtmMSbp3R6L+G7713DnxbOpgIgJqSkARQeNJAgCUiLF7H9PcYyKywM
6qD3KZqsQ+MKonA=
-----END CERTIFICATE REQUEST-----
"""

CODE = "[0-9A-Za-z]{6}|csi_[0-9A-Za-z]{8}_[0-9A-Za-z]{36}"


def contacts():
    """Phone numbers and e-mail addresses, which no pattern of JSON Schema describes exactly."""
    digits = st.text("0123456789", min_size=6, max_size=12)
    number = st.builds("{}1{}".format, st.sampled_from(["", "+", "00"]), digits)
    return st.one_of(number, addresses())


def addresses():
    """E-mail addresses, and no numbers."""
    name = st.from_regex("[a-z0-9_+-]{1,10}([.][a-z0-9_+-]{1,10})?", fullmatch=True)
    label = st.from_regex("[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True)
    return st.builds("{}@{}.example".format, name, label)


def networks():
    """Addresses, and the networks around them."""
    addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))
    around = st.builds(lambda address, cut: (address, max(address.max_prefixlen - cut, 0)), addresses, st.integers(0, 128))
    return st.one_of(addresses.map(str), around.map(lambda pair: str(ipaddress.ip_network(pair, strict=False))))


schemathesis.openapi.format("account-name", st.from_regex("[0-9A-Za-z]{1,32}( [0-9A-Za-z]{1,31})?", fullmatch=True))
schemathesis.openapi.format("address", addresses())
schemathesis.openapi.format("contact", contacts())
schemathesis.openapi.format("network", networks())
schemathesis.openapi.format("one-time-code", st.from_regex("[0-9]{3}[ -]?[0-9]{3,7}", fullmatch=True))
schemathesis.openapi.format("install-code", st.from_regex("[0-9A-Za-z]{6}", fullmatch=True))
schemathesis.openapi.format("certificate-request", st.just(CERTIFICATE_REQUEST))


@schemathesis.hook
def filter_query(context, query):
    # An unknown parameter without a value is never sent, so nobody can refuse it.
    return not query or all(value not in ([], {}, None) for value in query.values())


@schemathesis.hook
def before_call(context, case, kwargs):
    # A chain of calls brings its own.
    if case.meta is None or case.meta.phase.name.value != "stateful":
        found(case)
    body = case.body
    if not isinstance(body, dict):
        return
    if case.operation.path == "/v1/install-codes":
        case.body = body = sensible(body)
    if case.operation.path == "/v1/codes":
        case.body = body = reachable(body)
        if "Idempotency-Key" in (case.headers or {}) and re.fullmatch("[!-~]([ -~]*[!-~])?", case.headers["Idempotency-Key"]):
            # Under the same key another call is refused, rightly.
            case.headers["Idempotency-Key"] = f"{case.headers['Idempotency-Key'][:64].strip()}-{uuid.uuid4()}"
    if case.operation.path == "/v1/codes/check" and re.fullmatch("[0-9]{3}[ -]?[0-9]{3,7}", str(body.get("code"))):
        case.body = body = readable(body)
    if case.operation.path == "/v1/accounts/{id}" and body.get("is_own") is True:
        # A directory has one of the app's own: a second one is refused, rightly.
        case.body = body = {**body, "is_own": False}
    if case.operation.path == "/v1/resources/{id}" and re.fullmatch("[1-9][0-9]{0,16}", str(body.get("account"))):
        case.body = body = {**body, "account": account()}
    if case.operation.path == "/v1/agents/enrol" and re.fullmatch(CODE, str(body.get("code"))):
        if ord(body["code"][-1]) % 4 != 3:
            case.body = body = {**body, "code": install_code()["code"]}
    if str(body.get("csr")).startswith("-----BEGIN CERTIFICATE REQUEST-----"):
        case.body = body = {**body, "csr": CERTIFICATE_REQUEST}
    # Every fourth generated value stays as it is: what is unknown has to be tried too.
    if isinstance(body.get("site_key"), str) and len(body["site_key"]) % 4 != 3:
        case.body = {**body, "site_key": SITE_KEY}
    if case.operation.path == "/v1/challenges/answer" and isinstance(body.get("token"), str):
        token = body["token"]
        if len(token) < 100 and len(token) % 4 != 3:
            token = called("/v1/challenges", {"site_key": SITE_KEY})["token"]
        answer = body.get("answer")
        if len(token) > 100 and isinstance(answer, dict) and is_number(answer.get("x")) and answer["x"] >= 0:
            # Negative places are left wrong.
            solution = called(f"/dev/answers?token={token}")
            answer = {**answer, **{axis: solution[axis] for axis in ("x", "y") if axis in answer}}
            body = {**body, "answer": answer}
        case.body = {**body, "token": token}


def found(case):
    """Puts the id of something that is there in the place of one that fits and names nothing."""
    name = case.path_parameters.get("id") if isinstance(case.path_parameters, dict) else None
    text = str(name)
    makers = {
        "/v1/install-codes/{id}": ("[0-9A-Za-z]{8}", lambda: install_code()["id"]),
        "/v1/codes/{id}": ("[0-9a-f]{32}", lambda: letter()["id"]),
        "/v1/contacts/{id}": ("[0-9a-f]{32}", verified),
        "/v1/groups/{id}": ("[1-9][0-9]{0,17}", lambda: called("/v1/groups", {"name": str(uuid.uuid4())})["id"]),
        "/v1/agents/{id}": ("[0-9a-f-]{36}", agent),
        "/v1/accounts/{id}": ("[1-9][0-9]{0,16}", account),
        "/v1/resources/{id}": ("[!-~]{1,128}", resource),
    }
    pattern, make = makers.get(case.operation.path, ("", None))
    if make and re.fullmatch(pattern, text) and ord(text[-1]) % 4 != 3:
        case.path_parameters = {**case.path_parameters, "id": make()}


def sensible(body):
    """Of a code that is wished for: a deadline that is ahead, a group that is there, and whole numbers as JSON writes them
    (to its schema 7.0 is one, too)."""
    whole = {name: int(value) for name, value in body.items() if isinstance(value, float) and value.is_integer()}
    body = {**body, **whole}
    if isinstance(body.get("deadline"), str) and "T" in body["deadline"]:
        tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        body = {**body, "deadline": tomorrow.isoformat()}
    if is_number(body.get("group_id")) and body["group_id"] >= 1:
        body = {**body, "group_id": called("/v1/groups")["groups"][0]["id"]}
    return body


def reachable(body):
    """Of a code that is wished for: a ticket that pays for it, where one is shown, and a number that somebody can have."""
    to, purpose = body.get("to"), body.get("purpose")
    if isinstance(to, str) and "@" not in to and len(to) % 4 != 3:
        to = f"+86139{uuid.uuid4().int % 10**8:08}"
        body = {**body, "to": to}
    if isinstance(to, str) and body.get("channel") in ("sms", "email"):
        body = {**body, "channel": "email" if "@" in to else "sms"}
    is_whole = isinstance(to, str) and isinstance(purpose, str) and re.fullmatch("[a-z0-9_.-]{1,32}", purpose)
    if is_whole and isinstance(body.get("ticket"), str) and len(body["ticket"]) % 4 != 3:
        token = called("/v1/challenges", {"site_key": SITE_KEY, "action": purpose, "contact": to})["token"]
        answer = called(f"/dev/answers?token={token}")
        body = {**body, "ticket": called("/v1/challenges/answer", {"token": token, "answer": answer})["ticket"]}
    return body


def readable(body):
    """Of a check: the code of a message that was sent, every fourth time but for its digits."""
    sent = letter()
    if len(body["code"]) % 4 == 3:
        sent = {**sent, "code": body["code"]}
    if isinstance(body.get("id"), str):
        return {**body, "id": sent["id"], "code": sent["code"]}
    if isinstance(body.get("to"), str):
        return {**body, "to": sent["to"], "purpose": "fuzz", "resource": None, "code": sent["code"]}
    return body


def letter():
    """A code that was sent: its id, to whom, and the digits."""
    to = f"{uuid.uuid4().hex}@fuzz.example"
    sent = called("/v1/codes", {"to": to, "purpose": "fuzz"})
    return {"id": sent["id"], "to": to, "code": called(f"/dev/messages?to={to}")[0]["code"]}


def verified():
    sent = letter()
    return called("/v1/codes/check", {"id": sent["id"], "code": sent["code"]})["verified_id"]


def install_code():
    return called("/v1/install-codes", {})


def agent():
    host = {"hostname": "fuzz", "os": "linux", "architecture": "x86_64"}
    enrolment = {"code": install_code()["code"], "csr": CERTIFICATE_REQUEST, "host": host}
    return called("/v1/agents/enrol", enrolment)["agent_id"]


def account():
    number = str(uuid.uuid4().int % 10**15 + 1)
    put(f"/v1/accounts/{number}", {"name": "fuzz", "contact": "owner@fuzz.example"})
    return number


def resource():
    name = f"cen-{uuid.uuid4().hex}"
    put(f"/v1/resources/{name}", {"account": account()})
    return name


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def called(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(ENDPOINT + path, data, {"authorization": f"Basic {ACCESS_KEY}"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def put(path, body):
    headers = {"authorization": f"Basic {ACCESS_KEY}"}
    urllib.request.urlopen(urllib.request.Request(ENDPOINT + path, json.dumps(body).encode(), headers, method="PUT")).close()
