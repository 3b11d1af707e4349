"""Tries a receiver of webhooks with what AWE sends, and with what only somebody else would send.

In a test of your service, while it listens: `conform("http://127.0.0.1:8080/hooks", secret).check()`. It plays what
`awe conform` plays, some twenty webhooks about requests that do not exist, and needs the standard library alone.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Dict, Iterator, List, Mapping, Tuple
from urllib.parse import urlsplit

from ._generated.conformance import KIT
from .webhooks import sign_for_test

PIECES, PAUSE = 4, 0.5
EXPECTED = {"taken": "2xx", "refused": "4xx", "taken_once": "2xx; of two, one may be 409, 429 or 503"}
SIGNATURES = ("x-approval-signature", "webhook-signature")

Webhook = Tuple[bytes, Dict[str, str]]


@dataclass(frozen=True)
class Judged:
    """A case that was played. `verdict`: `good`; `must` or `should` when the receiver does not do what it must or should;
    `unreached` when no answer came. `did`: what it answered."""

    name: str
    verdict: str
    did: str
    expected: str
    why: str
    must: bool

    @property
    def fails(self) -> bool:
        return self.verdict == "must" or (self.must and self.verdict == "unreached")


@dataclass(frozen=True)
class Conformance:
    """What came of all cases, in the order in which they were played."""

    judged: List[Judged]

    def __iter__(self) -> Iterator[Judged]:
        return iter(self.judged)

    @property
    def failures(self) -> List[Judged]:
        return [one for one in self.judged if one.fails]

    def check(self) -> None:
        """Raises AssertionError, which tells of each case by which the receiver fails."""
        if self.failures:
            raise AssertionError(f"the receiver does not do what it must\n{self}")

    def __str__(self) -> str:
        lines = []
        for one in self.judged:
            lines.append(f"{one.verdict:<10} {one.name:<42} {one.did}")
            if one.verdict != "good":
                lines.append(f"{'':<10} expected {one.expected}. {one.why}")
        return "\n".join(lines)


def conform(url: str, secret: str, *, timeout: float = 10.0) -> Conformance:
    """Plays every case at `url`. `secret`: what the receiver verifies with, as it was shown. `timeout`: seconds for each
    webhook. Raises ValueError for a URL that is none, BadSecret for a secret that is none."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError("url must be an http or https URL, as in http://127.0.0.1:8080/hooks")
    player = _Player(url, secret, timeout)
    return Conformance([player.play(case) for case in KIT["cases"]])


class _Player:
    def __init__(self, url: str, secret: str, timeout: float) -> None:
        self._url, self._timeout = url, timeout
        self._secrets = {"own": secret, "other": KIT["other_secret"]}

    def play(self, case: Mapping[str, Any]) -> Judged:
        began, request, events = time.monotonic(), str(uuid.uuid4()), {}  # type: Tuple[float, str, Dict[str, str]]
        webhooks = []
        for send in case["sends"]:
            event_id = events.setdefault(send.get("event", ""), str(uuid.uuid4()))
            webhooks.append(self._webhook(send, _event(request, event_id, send.get("sequence", 1))))
        slowly = case["how"] == "slowly"
        try:
            if case["how"] == "at_once":
                with ThreadPoolExecutor(len(webhooks)) as pool:
                    statuses = list(pool.map(self._send, webhooks))
            else:
                statuses = [self._send(one, slowly) for one in webhooks]
        except (OSError, http.client.HTTPException) as failure:
            return _judged(case, "unreached", f"no answer: {type(failure).__name__}: {failure}")
        took = (time.monotonic() - began) * 1000
        verdict = "good" if _fits(case["expected"], statuses) else "must" if case["must"] else "should"
        return _judged(case, verdict, f"{', '.join(map(str, statuses))} in {took:.0f} ms")

    def _webhook(self, send: Mapping[str, Any], event: Dict[str, Any]) -> Webhook:
        event.update(send.get("fields", {}))
        if "filler" in send:
            event["payload"] = {"context": {"filler": "x" * send["filler"]}}
        signers = send.get("signed_by", ["own"])
        body = send.get("raw") or json.dumps(event, separators=(",", ":"))
        at = int(time.time()) + send.get("offset", 0)
        secrets = [self._secrets[name] for name in signers] or [self._secrets["own"]]
        raw, headers = sign_for_test(body, secrets, event_id=event["event_id"], timestamp=at)
        if not signers:
            headers = {name: value for name, value in headers.items() if name not in SIGNATURES}
        return send["sent"].encode() if "sent" in send else raw, headers

    def _send(self, webhook: Webhook, slowly: bool = False) -> int:
        (body, headers), parts = webhook, urlsplit(self._url)
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = made(str(parts.hostname), parts.port, timeout=self._timeout)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.putrequest("POST", path, skip_accept_encoding=True)
            for name, value in {**headers, "content-length": str(len(body)), "connection": "close"}.items():
                connection.putheader(name, value)
            connection.endheaders()
            size = -(-len(body) // PIECES) if slowly else len(body)
            for start in range(0, len(body), max(1, size)):
                if slowly:
                    time.sleep(PAUSE)
                connection.send(body[start : start + size])
            return connection.getresponse().status
        finally:
            connection.close()


def _event(request: str, event_id: str, sequence: int) -> Dict[str, Any]:
    """An event of a request that does not exist."""
    return {
        "event_id": event_id,
        "event_type": "request_created",
        "request_id": request,
        "sequence": sequence,
        "artifact_type": "conformance",
        "artifact_id": f"conform-{request}",
        "policy_key": "conformance",
        "policy_version": 1,
        "status": "in_review",
        "occurred_at": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
        "stage_order": None,
        "actor": "awe-conform",
        "payload": {},
    }


def _fits(expected: str, statuses: List[int]) -> bool:
    taken = [200 <= status < 300 for status in statuses]
    if expected == "refused":
        return all(400 <= status < 500 for status in statuses)
    if expected == "taken":
        return all(taken)
    return any(taken) and all(good or status in (409, 429, 503) for good, status in zip(taken, statuses))


def _judged(case: Mapping[str, Any], verdict: str, did: str) -> Judged:
    return Judged(case["name"], verdict, did, EXPECTED[case["expected"]], case["why"], case["must"])
