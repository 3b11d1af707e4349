"""`schemas/webhook-vectors.json`: signed webhooks, good and bad, for every client. Signed here, by nobody's client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

FIRST = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECOND = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
OWN = "correct horse battery staple, said once"
NOW = 1_614_265_330
TOLERANCE = 300
EVENT_ID = "0199c1f2-7c1e-7d3a-9a55-00000000000c"

ABOUT = [
    "Webhooks as a receiver gets them, and what verification has to say of each. Written by `./dev clients --renew`.",
    "`cases`: `secrets` are what the receiver has; `headers` are [name, value] pairs in the order of arrival, a value "
    "outside of ASCII is given as ISO 8859-1 reads its bytes; `body_base64` is the body; `now` are Unix seconds; "
    "`tolerance` are seconds.",
    "`expect` is {event_id, event_type, known} of a webhook that is accepted (`known` is false for a type that this "
    "version has no word for), or {error, hint}. Errors: missing_header, bad_header, no_match, too_old, too_new, "
    "bad_secret, bad_payload. A hint names a mistake that was recognised, or is null.",
    "When several things are wrong the first of these is told: secrets, headers, signature, time, payload.",
    "`signing`: what the headers of a webhook are for these secrets (the active one first), id, time and body.",
]


def key_of(secret: str) -> bytes:
    return base64.b64decode(secret[len("whsec_") :])


def standard(secret: str, event_id: str, timestamp: object, body: bytes) -> str:
    message = f"{event_id}.{timestamp}.".encode("latin-1") + body
    return "v1," + base64.b64encode(hmac.new(key_of(secret), message, hashlib.sha256).digest()).decode()


def approval(secret: str, timestamp: object, body: bytes) -> str:
    message = f"{timestamp}.".encode("latin-1") + body
    return "sha256=" + hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def event(**changed: Any) -> dict[str, Any]:
    whole = {
        "event_id": EVENT_ID, "event_type": "request_approved", "request_id": "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10",
        "sequence": 5, "artifact_type": "registry_change_request", "artifact_id": "CR-2026-000123",
        "policy_key": "registry.change-request", "policy_version": 1, "status": "approved", "stage_order": None,
        "actor": "ann", "occurred_at": "2026-01-31T10:00:00Z", "payload": {"comment": "Vérifié ✓", "actor": "ann"},
    }  # fmt: skip
    whole.update(changed)
    return {name: value for name, value in whole.items() if value is not ...}


def written(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


BODY = written(event())


class Case:
    """A webhook that is right in every respect but for what is handed in."""

    def __init__(self, body: bytes = BODY, by: tuple = (FIRST,), at: object = NOW, event_id: str = EVENT_ID) -> None:
        self.body = body
        self.headers = {
            "X-Approval-Event-Id": event_id,
            "X-Approval-Timestamp": str(at),
            "X-Approval-Signature": approval(by[0], at, body),
            "webhook-id": event_id,
            "webhook-timestamp": str(at),
            "webhook-signature": " ".join(standard(secret, event_id, at, body) for secret in by),
            "content-type": "application/json",
        }

    def but(self, body: bytes | None = None, **headers: str | None) -> "Case":
        """The same with another body and these headers; None takes one out. `_` stands for `-`."""
        if body is not None:
            self.body = body
        for name, value in headers.items():
            wanted = name.replace("_", "-")
            found = next((have for have in self.headers if have.lower() == wanted), wanted)
            if value is None:
                self.headers.pop(found)
            else:
                self.headers[found] = value
        return self

    def only_approval(self) -> "Case":
        return self.but(webhook_id=None, webhook_timestamp=None, webhook_signature=None)

    def only_standard(self) -> "Case":
        return self.but(x_approval_event_id=None, x_approval_timestamp=None, x_approval_signature=None)


ACCEPTED = {"event_id": EVENT_ID, "event_type": "request_approved", "known": True}


def error(kind: str, hint: str | None = None) -> dict[str, Any]:
    return {"error": kind, "hint": hint}


def cases() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def add(name: str, case: Case, expect: dict, secrets: list | None = None, more: tuple = (), now: int = NOW) -> None:
        headers = [[key, value] for key, value in case.headers.items()] + [list(pair) for pair in more]
        found.append({
            "name": name, "secrets": secrets or [FIRST], "headers": headers,
            "body_base64": base64.b64encode(case.body).decode(), "now": now, "tolerance": TOLERANCE, "expect": expect,
        })  # fmt: skip

    good(add)
    secrets(add)
    headers(add)
    signatures(add)
    times(add)
    payloads(add)
    return found


def good(add: Any) -> None:
    add("both forms", Case(), ACCEPTED)
    add("Standard Webhooks alone", Case().only_standard(), ACCEPTED)
    add("X-Approval-Signature alone", Case().only_approval(), ACCEPTED)
    shouted = Case()
    shouted.headers = {name.upper(): value for name, value in shouted.headers.items()}
    add("names of headers in capitals", shouted, ACCEPTED)
    add("hex of X-Approval-Signature in capitals", _capital_hex(), ACCEPTED)
    spaced = written(event()).replace(b'":', b'" : ')
    add("a body with spaces, signed with them", Case(spaced), ACCEPTED)
    more = Case(written(event(novelty={"a": [1, 2]})))
    add("a field that this version does not know", more, ACCEPTED)
    novel = written(event(event_type="request_novelty"))
    add("an event type that this version does not know", Case(novel),
        {"event_id": EVENT_ID, "event_type": "request_novelty", "known": False})  # fmt: skip
    bare = written({"event_id": EVENT_ID, "event_type": "request_novelty"})
    add("an unknown type without the fields of today", Case(bare),
        {"event_id": EVENT_ID, "event_type": "request_novelty", "known": False})  # fmt: skip
    ping = written(event(event_type="ping", request_id="00000000-0000-0000-0000-000000000000", sequence=0))
    add("a test event", Case(ping), {"event_id": EVENT_ID, "event_type": "ping", "known": True})
    absent = written(event(actor=..., stage_order=...))
    add("without the fields that may be absent", Case(absent), ACCEPTED)


def _capital_hex() -> Case:
    case = Case().only_approval()
    signature = case.headers["X-Approval-Signature"]
    return case.but(x_approval_signature="sha256=" + signature[len("sha256=") :].upper())


def secrets(add: Any) -> None:
    both = (SECOND, FIRST)
    add("during a rotation, a receiver with the old secret", Case(by=both), ACCEPTED, [FIRST])
    add("during a rotation, a receiver with the new secret", Case(by=both), ACCEPTED, [SECOND])
    add("during a rotation, a receiver with both", Case(by=both), ACCEPTED, [FIRST, SECOND])
    add("after a rotation, a receiver with both", Case(by=(SECOND,)), ACCEPTED, [FIRST, SECOND])
    add("X-Approval-Signature by the new secret, a receiver with both", Case(by=both).only_approval(), ACCEPTED,
        [FIRST, SECOND])  # fmt: skip
    add("X-Approval-Signature by the new secret, a receiver with the old one", Case(by=both).only_approval(),
        error("no_match"), [FIRST])  # fmt: skip
    add("another secret", Case(), error("no_match"), [SECOND])
    add("a line end after the secret", Case(), ACCEPTED, [FIRST + "\n"])
    add("white space around the secret, X-Approval-Signature", Case().only_approval(), ACCEPTED, [f" \t{FIRST}\r\n"])
    add("v1, before the secret", Case(), ACCEPTED, ["v1," + FIRST])
    add("v1, before the secret, X-Approval-Signature", Case().only_approval(), ACCEPTED, ["v1," + FIRST])
    shown = "whsec_" + base64.b64encode(OWN.encode()).decode()
    add("a text of one's own, as it was brought along", Case(by=(shown,)), ACCEPTED, [OWN])
    add("a text of one's own, X-Approval-Signature", Case(by=(shown,)).only_approval(), ACCEPTED, [OWN])
    add("a text of one's own, as it was shown", Case(by=(shown,)), ACCEPTED, [shown])
    add("the secret without whsec_", Case(), error("no_match", "missing_prefix"), [FIRST[len("whsec_") :]])
    add("the secret without whsec_, X-Approval-Signature", Case().only_approval(),
        error("no_match", "missing_prefix"), [FIRST[len("whsec_") :]])  # fmt: skip
    add("no secret", Case(), error("bad_secret"), [""])
    add("a secret of white space", Case(), error("bad_secret"), [" \n"])
    add("too short a secret", Case(), error("bad_secret"), ["whsec_c2hvcnQ="])
    add("too short a text", Case(), error("bad_secret"), ["short"])
    add("a secret that is no base64", Case(), error("bad_secret"), ["whsec_not base64 at all, not at all!"])
    add("a secret without its padding", Case(), error("bad_secret"), [SECOND[:-1]])
    add("a secret whose last digit has bits too many", Case(by=(SECOND,)), error("bad_secret"), [SECOND[:-2] + "9="])
    add("a bad secret beside a good one", Case(), error("bad_secret"), [FIRST, "whsec_"])


def headers(add: Any) -> None:
    nothing = Case()
    nothing.headers = {"content-type": "application/json"}
    add("no headers of AWE", nothing, error("missing_header", "no_headers"))
    add("not signed", Case().but(webhook_signature=None, x_approval_signature=None),
        error("missing_header", "unsigned"))  # fmt: skip
    add("webhook-id is missing", Case().but(webhook_id=None), error("missing_header"))
    add("webhook-timestamp is missing", Case().but(webhook_timestamp=None), error("missing_header"))
    add("X-Approval-Timestamp is missing", Case().only_approval().but(x_approval_timestamp=None),
        error("missing_header"))  # fmt: skip
    add("webhook-signature is empty", Case().but(webhook_signature=""), error("bad_header"))
    add("webhook-id is empty", Case().but(webhook_id=""), error("bad_header"))
    for time in ("NaN", "Infinity", "", "-1", "1e9", "1614265330.0", "0x60380f32", "１６１４２６５３３０", "1,1", "9" * 40):
        value = time.encode().decode("latin-1")
        add(f"webhook-timestamp is {time!r}", Case().but(webhook_timestamp=value), error("bad_header"))
        add(f"X-Approval-Timestamp is {time!r}", Case().only_approval().but(x_approval_timestamp=value),
            error("bad_header"))  # fmt: skip
    add("webhook-signature outside of ASCII", Case().but(webhook_signature="v1,\xe9\xff=="), error("bad_header"))
    add("webhook-id outside of ASCII", Case().but(webhook_id="\xc3\xa9"), error("bad_header"))
    add("X-Approval-Signature outside of ASCII", Case().only_approval().but(x_approval_signature="sha256=\xe9" * 9),
        error("bad_header"))  # fmt: skip
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        case = Case()
        add(f"{name} twice", case, error("bad_header"), more=((name.title(), case.headers[name]),))
    case = Case().only_approval()
    twice = (("x-approval-signature", case.headers["X-Approval-Signature"]),)
    add("X-Approval-Signature twice", case, error("bad_header"), more=twice)
    case = Case().only_approval()
    add("X-Approval-Timestamp twice", case, error("bad_header"), more=(("x-approval-timestamp", "1"),))
    add("another header twice", Case(), ACCEPTED, more=(("content-type", "text/plain"),))


def signatures(add: Any) -> None:
    right = standard(FIRST, EVENT_ID, NOW, BODY)
    wrong = standard(SECOND, EVENT_ID, NOW, BODY)
    add("a right signature after a wrong one", Case().but(webhook_signature=f"{wrong} {right}"), ACCEPTED)
    add("a right signature after one of another version", Case().but(webhook_signature=f"v1a,abc= {right}"), ACCEPTED)
    add("signatures of another version alone", Case().but(webhook_signature="v1a,abc= v2,abc="), error("bad_header"))
    add("a signature without its version", Case().but(webhook_signature=right[3:]), error("bad_header"))
    add("the digest under another version", Case().but(webhook_signature="v2" + right[2:]), error("bad_header"))
    add("an empty signature", Case().but(webhook_signature="v1,"), error("no_match"))
    add("a signature that is cut off", Case().but(webhook_signature=right[:-4]), error("no_match"))
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    add("a signature whose last digit has bits too many",
        Case().but(webhook_signature=right[:-2] + digits[digits.index(right[-2]) + 1] + "="), error("no_match"))  # fmt: skip
    add("a wrong webhook-signature beside a right X-Approval-Signature", Case().but(webhook_signature=wrong),
        error("no_match"))  # fmt: skip
    add("another id than was signed", Case().but(webhook_id=EVENT_ID[:-1] + "d"), error("no_match"))
    add("another time than was signed", Case().but(webhook_timestamp=str(NOW + 1)), error("no_match"))
    hexed = approval(FIRST, NOW, BODY)[len("sha256=") :]
    for prefix in ("", "sha1=", "SHA256=", "v1,"):
        add(f"X-Approval-Signature with {prefix!r} for sha256=", _approval(prefix + hexed), error("bad_header"))
    add("X-Approval-Signature that is cut off", _approval("sha256=" + hexed[:-2]), error("bad_header"))
    add("X-Approval-Signature that is no hex", _approval("sha256=" + "g" * 64), error("bad_header"))
    add("X-Approval-Signature keyed with the decoded secret",
        _approval("sha256=" + hmac.new(key_of(FIRST), b"%d." % NOW + BODY, hashlib.sha256).hexdigest()),
        error("no_match"))  # fmt: skip
    spaced = json.dumps(event(), ensure_ascii=False).encode()
    escaped = json.dumps(event(), separators=(",", ":")).encode()
    add("a body that was parsed and written again", Case().but(spaced), error("no_match", "reserialised_body"))
    add("a body that was written again with escapes", Case().but(escaped), error("no_match", "reserialised_body"))
    add("a body written again, X-Approval-Signature", Case().only_approval().but(spaced),
        error("no_match", "reserialised_body"))  # fmt: skip
    add("a line end after the body", Case().but(BODY + b"\r\n"), error("no_match", "line_end"))
    add("the body was read before", Case().but(b""), error("no_match", "empty_body"))
    add("one byte of the body differs", Case().but(BODY.replace(b"CR-2026", b"CR-2027")), error("no_match"))


def _approval(signature: str) -> Case:
    return Case().only_approval().but(x_approval_signature=signature)


def times(add: Any) -> None:
    for off, expect in ((TOLERANCE, ACCEPTED), (TOLERANCE + 1, error("too_old"))):
        add(f"{off} s old", Case(), expect, now=NOW + off)
        add(f"{off} s old, X-Approval-Signature", Case().only_approval(), expect, now=NOW + off)
    for off, expect in ((TOLERANCE, ACCEPTED), (TOLERANCE + 1, error("too_new"))):
        add(f"{off} s ahead", Case(), expect, now=NOW - off)
        add(f"{off} s ahead, X-Approval-Signature", Case().only_approval(), expect, now=NOW - off)
    add("in milliseconds", Case(at=NOW * 1000), error("bad_header"))
    add("of 1970", Case(at=0), error("too_old"))
    add("old and not ours", Case(by=(SECOND,)), error("no_match"), now=NOW + 10_000)


def payloads(add: Any) -> None:
    bad = error("bad_payload")
    add("an empty body, signed", Case(b""), bad)
    add("a body that is no UTF-8, signed", Case(BODY.replace("é".encode(), b"\xff")), bad)
    add("a body in UTF-16, signed", Case(BODY.decode().encode("utf-16")), bad)
    add("a body with a byte order mark, signed", Case(b"\xef\xbb\xbf" + BODY), bad)
    add("no JSON, signed", Case(b"event_id=1"), bad)
    add("NaN in the body, signed", Case(BODY.replace(b'"sequence":5', b'"sequence":NaN')), bad)
    add("a list, signed", Case(written([event()])), bad)
    add("without event_id, signed", Case(written(event(event_id=...))), bad)
    add("without event_type, signed", Case(written(event(event_type=...))), bad)
    add("without sequence, signed", Case(written(event(sequence=...))), bad)
    add("a sequence that is a text, signed", Case(written(event(sequence="5"))), bad)
    add("a sequence that is true, signed", Case(written(event(sequence=True))), bad)
    add("a payload that is a list, signed", Case(written(event(payload=[]))), bad)
    add("a time that is none, signed", Case(written(event(occurred_at="yesterday"))), bad)
    add("very deep, signed", Case(b"[" * 5_000 + b"]" * 5_000), bad)


def signing() -> list[dict[str, Any]]:
    # The first is the example that Standard Webhooks gives, with its published signature.
    published = b'{"test": 2432232314}'
    if standard(FIRST, "msg_p5jXN8AQM9LWM0D4loKWxJek", NOW, published)[3:] != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=":
        raise SystemExit("the vectors do not agree with the published example of Standard Webhooks")
    rows = [
        ("the published example", [FIRST], "msg_p5jXN8AQM9LWM0D4loKWxJek", published),
        ("a rotation", [SECOND, FIRST], EVENT_ID, BODY),
        ("an empty body", [FIRST], EVENT_ID, b""),
        ("bytes that are no UTF-8", [FIRST], EVENT_ID, b"\xff\x00\xfe"),
    ]
    found = []
    for name, by, event_id, body in rows:
        case = Case(body, tuple(by), NOW, event_id)
        case.headers.pop("content-type")
        found.append({
            "name": name, "secrets": by, "event_id": event_id, "timestamp": NOW,
            "body_base64": base64.b64encode(body).decode(), "headers": case.headers,
        })  # fmt: skip
    return found


def text() -> str:
    """The file: a line for each case."""
    parts = []
    for name, rows in (("about", ABOUT), ("cases", cases()), ("signing", signing())):
        parts.append(f'"{name}": [\n' + ",\n".join(f"  {json.dumps(row)}" for row in rows) + "\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"
