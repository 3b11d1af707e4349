"""Verifies a webhook as a receiver would that knows only the documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping

TOLERANCE = 300


def _same(given: str, expected: str, what: str) -> None:
    if not hmac.compare_digest(given, expected):
        raise AssertionError(f"{what}: {given!r} is not {expected!r}")


def verify(headers: Mapping[str, str], raw: bytes, secret: str) -> None:
    """Verifies both forms of the signature over the received bytes; `secret` in the form in which it was shown."""
    for timestamp in (headers["x-approval-timestamp"], headers["webhook-timestamp"]):
        if abs(time.time() - int(timestamp)) > TOLERANCE:
            raise AssertionError(f"the timestamp {timestamp} is too far from now")
    verify_bytes(headers, raw, secret)


def verify_bytes(headers: Mapping[str, str], raw: bytes, secret: str) -> None:
    """The same, without checking when it was signed."""
    message = headers["x-approval-timestamp"].encode() + b"." + raw
    expected = "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    _same(headers["x-approval-signature"], expected, "X-Approval-Signature")

    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + raw
    expected = "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    if not any(hmac.compare_digest(one, expected) for one in headers["webhook-signature"].split(" ")):
        raise AssertionError(f"webhook-signature: {headers['webhook-signature']!r} does not hold {expected!r}")
