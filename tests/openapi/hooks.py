"""What schemathesis cannot know of this server: its site key, what a contact looks like, and what solves a challenge.

Without it nearly every call would end at "unknown site key" or "unknown challenge", and what lies behind would go untested.
Only what fits the document is replaced; what a case breaks on purpose stays broken.
"""

import json
import os
import urllib.request

import schemathesis
from hypothesis import strategies as st

ENDPOINT = os.environ["COUNTERSIGN_ENDPOINT"]
SITE_KEY = os.environ["COUNTERSIGN_SITE_KEY"]


def contacts():
    """Phone numbers and e-mail addresses, which no pattern of JSON Schema describes exactly."""
    digits = st.text("0123456789", min_size=6, max_size=12)
    number = st.builds("{}1{}".format, st.sampled_from(["", "+", "00"]), digits)
    name = st.text("abcdefghijklmnopqrstuvwxyz0123456789._+-", min_size=1, max_size=20)
    label = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
    return st.one_of(number, st.builds("{}@{}.example".format, name, label))


schemathesis.openapi.format("contact", contacts())


@schemathesis.hook
def before_call(context, case, kwargs):
    body = case.body
    if not isinstance(body, dict):
        return
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


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def called(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(ENDPOINT + path, data=data) as answer:
        return json.load(answer)
