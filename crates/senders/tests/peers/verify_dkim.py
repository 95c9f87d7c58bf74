"""Verifies the DKIM signature of the message on standard input: verify_dkim.py NAME RECORD, as the DNS would have them."""

import sys

import dkim

name, record = sys.argv[1].encode(), sys.argv[2].encode()


def lookup(wanted, timeout=5):
    return record if wanted.rstrip(b".") == name else None


sys.exit(0 if dkim.verify(sys.stdin.buffer.read(), dnsfunc=lookup) else "the signature does not hold")
