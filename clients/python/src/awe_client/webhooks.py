"""Verifies webhooks, with the standard library alone.

    event = verify(raw_body, request.headers, secret)

`raw_body` must be the bytes as they came: a body that was parsed and written again has another signature.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import math
import re
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Type, Union, cast

from .events import AnyEvent, UnknownEvent, UnreadableEvent, WebhookEvent, parse_event

__all__ = [
    "AnyEvent", "BadHeader", "BadPayload", "BadSecret", "Headers", "MissingHeader", "NoMatch", "TooNew", "TooOld",
    "UnknownEvent", "VerificationError", "WebhookEvent", "sign_for_test", "verify",
]  # fmt: skip

TOLERANCE = 300.0
"""Seconds that a timestamp may lie before or after now."""

Headers = Union[Mapping[str, Any], Iterable[Tuple[Any, Any]], Any]
"""A mapping, pairs of name and value, or anything with `items()` or `multi_items()`. Names and values are str or bytes
(ISO 8859-1); names count in any case."""

_PREFIX = "whsec_"
_SHORTEST = 24
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_HEX = re.compile(r"sha256=([0-9a-fA-F]{64})", re.ASCII)
_PRINTABLE = re.compile(r"[\x20-\x7e]+", re.ASCII)

HINTS = {
    "no_headers": "none of AWE's headers is there: hand in the request's own headers",
    "unsigned": "the webhook is not signed: its caller has no callback secret, or a proxy takes the header away",
    "missing_prefix": "the secret lacks its beginning `whsec_`: use it as it was shown",
    "reserialised_body": "the body was parsed and written again: hand in the bytes as they came",
    "line_end": "white space was added to the end of the body or taken from it: hand in the bytes as they came",
    "empty_body": "the body is empty: it was probably read before",
}
"""Mistakes that are recognised, by the word in `VerificationError.hint`."""


class VerificationError(Exception):
    """A webhook is not accepted. The message holds no part of a secret, a signature or the body."""

    kind = ""
    """The name of the error in `schemas/webhook-vectors.json`."""
    status = 401
    """The HTTP status to answer with. AWE sends the webhook again after any that is not 2xx."""

    def __init__(self, message: str, hint: Optional[str] = None) -> None:
        super().__init__(f"{message} ({HINTS[hint]})" if hint else message)
        self.hint = hint
        """A word of HINTS when a typical mistake was recognised."""


class MissingHeader(VerificationError):
    """A header that the signature needs is not there."""

    kind, status = "missing_header", 400


class BadHeader(VerificationError):
    """A header is there twice, or is not of its form."""

    kind, status = "bad_header", 400


class NoMatch(VerificationError):
    """No signature is by any of the secrets over this body."""

    kind = "no_match"


class TooOld(VerificationError):
    """Signed by one of the secrets, too long ago: a replay, a late delivery, or a clock that is wrong."""

    kind = "too_old"


class TooNew(VerificationError):
    """Signed by one of the secrets with a time that lies ahead: a clock is wrong."""

    kind = "too_new"


class BadSecret(VerificationError):
    """One of the given secrets cannot be one. A fault of the receiver's configuration."""

    kind, status = "bad_secret", 500


class BadPayload(VerificationError):
    """The signature is right and the body is no event that can be read. It is not forged."""

    kind, status = "bad_payload", 422


def verify(
    raw: Union[bytes, bytearray, memoryview, str],
    headers: Headers,
    secrets: Union[str, Sequence[str]],
    *,
    tolerance: float = TOLERANCE,
    now: Optional[float] = None,
) -> AnyEvent:
    """Returns the event of a webhook that one of the secrets signed.

    `raw`: the body as it came. `secrets`: one, or several while one is rotated, each as it was shown (`whsec_...`) or
    as it was brought along. `tolerance`: seconds that the timestamp may lie off, either way. `now`: Unix seconds; the
    clock's when None. `webhook-signature` decides when it is there, else `X-Approval-Signature`.

    Raises one of the VerificationErrors; TypeError or ValueError when an argument is of no use.
    """
    body = _bytes(raw)
    if not tolerance >= 0 or math.isinf(tolerance):
        raise ValueError("tolerance must be a number of seconds, 0 or more")
    keys = [_Key(one) for one in ([secrets] if isinstance(secrets, str) else list(secrets))]
    if not keys:
        raise BadSecret("no secret was given")
    signed = _read(_gather(headers))
    if not any(signed.is_by(key, body) for key in keys):
        raise NoMatch("no signature of the webhook is by a secret given here", _mistake(signed, keys, body))
    late = (time.time() if now is None else now) - signed.seconds
    if not late <= tolerance:
        raise TooOld(f"the webhook was signed {late:.0f} s ago, at most {tolerance:g} s are accepted")
    if not -late <= tolerance:
        raise TooNew(f"the webhook was signed {-late:.0f} s ahead of this clock, at most {tolerance:g} s are accepted")
    try:
        return parse_event(body)
    except UnreadableEvent as fault:
        raise BadPayload(f"the webhook is signed right, but {fault}") from None


def sign_for_test(
    body: Union[bytes, str, Mapping[str, Any]],
    secrets: Union[str, Sequence[str]],
    *,
    event_id: Optional[str] = None,
    timestamp: Optional[int] = None,
) -> Tuple[bytes, Dict[str, str]]:
    """Returns body and headers of a webhook as AWE would sign it: for tests of receivers.

    `body`: bytes, text, or an event that is written as JSON. `secrets`: the active one first. `event_id`: the body's
    when None. `timestamp`: Unix seconds; now when None. Raises BadSecret.
    """
    if isinstance(body, Mapping):
        raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        event_id = event_id or str(body.get("event_id", ""))
    else:
        raw = _bytes(body)
    at = str(int(time.time()) if timestamp is None else timestamp)
    keys = [_Key(one) for one in ([secrets] if isinstance(secrets, str) else secrets)]
    if not keys:
        raise BadSecret("no secret was given")
    named = event_id or "msg_test"
    return raw, {
        "x-approval-event-id": named,
        "x-approval-timestamp": at,
        "x-approval-signature": keys[0].approval(at, raw),
        "webhook-id": named,
        "webhook-timestamp": at,
        "webhook-signature": " ".join(f"v1,{key.standard(named, at, raw)}" for key in keys),
        "content-type": "application/json",
    }


class _Key:
    """A secret: `shown` keys X-Approval-Signature, `decoded` the one of Standard Webhooks."""

    def __init__(self, given: str) -> None:
        if not isinstance(given, str):
            raise TypeError("a secret is a text, as it was shown")
        self.given = given.strip()
        text = self.given[3:] if self.given.startswith("v1," + _PREFIX) else self.given
        if text.startswith(_PREFIX):
            decoded = _base64(text[len(_PREFIX) :])
            if decoded is None:
                raise BadSecret("a secret begins with `whsec_`, and what follows is not base64")
        else:
            decoded = text.encode()
        if len(decoded) < _SHORTEST:
            raise BadSecret(f"a secret has at least {_SHORTEST} bytes" if text else "a secret is empty")
        self.decoded = decoded
        self.shown = _PREFIX + base64.b64encode(decoded).decode()

    def standard(self, event_id: str, timestamp: str, body: bytes) -> str:
        message = f"{event_id}.{timestamp}.".encode() + body
        return base64.b64encode(hmac.new(self.decoded, message, hashlib.sha256).digest()).decode()

    def approval(self, timestamp: str, body: bytes) -> str:
        message = f"{timestamp}.".encode() + body
        return "sha256=" + hmac.new(self.shown.encode(), message, hashlib.sha256).hexdigest()


class _Signed:
    """The signature headers of a webhook in one of both forms. `event_id` is None in AWE's own."""

    def __init__(self, event_id: Optional[str], timestamp: str, signatures: List[str]) -> None:
        self.event_id, self.timestamp, self.signatures = event_id, timestamp, signatures
        self.seconds = int(timestamp)

    def is_by(self, key: _Key, body: bytes) -> bool:
        if self.event_id is None:
            expected = key.approval(self.timestamp, body)
        else:
            expected = key.standard(self.event_id, self.timestamp, body)
        # Every signature is compared, so that the time taken does not tell which one was right.
        return any([hmac.compare_digest(one.encode(), expected.encode()) for one in self.signatures])


def _read(given: Dict[str, List[str]]) -> _Signed:
    if "webhook-signature" in given:
        event_id = _only(given, "webhook-id")
        timestamp = _only(given, "webhook-timestamp")
        entries = [one.partition(",") for one in _only(given, "webhook-signature").split(" ")]
        signatures = [coded for version, comma, coded in entries if comma and version == "v1"]
        if not signatures:
            raise BadHeader("webhook-signature has no entry of the form `v1,<base64>`")
        return _Signed(event_id, _seconds(timestamp, "webhook-timestamp"), signatures)
    if "x-approval-signature" in given:
        timestamp = _only(given, "x-approval-timestamp")
        found = _HEX.fullmatch(_only(given, "x-approval-signature"))
        if found is None:
            raise BadHeader("X-Approval-Signature is not `sha256=` and 64 hexadecimal digits")
        return _Signed(None, _seconds(timestamp, "X-Approval-Timestamp"), ["sha256=" + found.group(1).lower()])
    signs = any(name in given for name in ("webhook-id", "x-approval-event-id"))
    raise MissingHeader("webhook-signature is missing", "unsigned" if signs else "no_headers")


def _gather(headers: Headers) -> Dict[str, List[str]]:
    """All values by name in lower case."""
    if hasattr(headers, "multi_items"):
        pairs = headers.multi_items()
    elif hasattr(headers, "items"):
        pairs = headers.items()
    else:
        pairs = headers
    found: Dict[str, List[str]] = {}
    for name, value in pairs:
        for one in value if isinstance(value, (list, tuple)) else [value]:
            found.setdefault(_word(name).lower(), []).append(_word(one).strip(" \t"))
    return found


def _word(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else str(value)


def _only(given: Dict[str, List[str]], name: str) -> str:
    values = given.get(name)
    if not values:
        raise MissingHeader(f"{name} is missing")
    if len(values) > 1:
        raise BadHeader(f"{name} is there {len(values)} times")
    if not _PRINTABLE.fullmatch(values[0]):
        raise BadHeader(f"{name} is empty or has characters that are not printable ASCII")
    return values[0]


def _seconds(text: str, name: str) -> str:
    if not _SECONDS.fullmatch(text):
        raise BadHeader(f"{name} is not a number of Unix seconds")
    return text


def _base64(text: str) -> Optional[bytes]:
    """Decodes canonical base64 with its padding; None for anything else."""
    try:
        decoded = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return None
    return decoded if base64.b64encode(decoded).decode() == text else None


def _bytes(raw: Any) -> bytes:
    if isinstance(raw, str):
        return raw.encode()
    if isinstance(raw, (bytes, bytearray, memoryview)):
        return bytes(raw)
    raise TypeError(f"the body must be the bytes as they came, not a parsed {type(raw).__name__}")


def _mistake(signed: _Signed, keys: List[_Key], body: bytes) -> Optional[str]:
    """Which typical mistake explains that nothing matched. The webhook is refused in any case."""
    if not body:
        return "empty_body"
    for key in keys:
        decoded = _base64(key.given) if not key.given.startswith(_PREFIX) else None
        if decoded is not None and len(decoded) >= _SHORTEST and signed.is_by(_Key(_PREFIX + key.given), body):
            return "missing_prefix"
    trimmed = body.rstrip()
    if any(signed.is_by(key, other) for key in keys for other in (trimmed, trimmed + b"\n", trimmed + b"\r\n")):
        return "line_end"
    try:
        again = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return "reserialised_body" if any(signed.is_by(key, again) for key in keys) else None


ERRORS = cast(
    "Mapping[str, Type[VerificationError]]",
    {one.kind: one for one in (MissingHeader, BadHeader, NoMatch, TooOld, TooNew, BadSecret, BadPayload)},
)
"""The errors by `kind`."""
