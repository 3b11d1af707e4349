"""The body of a webhook and of a message on NATS, with the standard library alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Mapping, Optional, Union

from ._generated.words import EVENT_TYPES

PING = "ping"
"""The type of the test event that an administrator sends to an endpoint; it is about no request."""

FINAL_STATUSES = frozenset({"approved", "rejected", "cancelled", "expired"})
"""Statuses of a request that never change again."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True)
class WebhookEvent:
    """Something that happened to a request."""

    event_id: str
    """The same in every attempt, on NATS and over HTTP: drop what you have seen."""
    event_type: str
    """`request_approved` and its like."""
    request_id: str
    sequence: int
    """Place in the request's history, from 1; receivers of webhooks see gaps, which mean nothing."""
    artifact_type: str
    artifact_id: str
    policy_key: str
    policy_version: int
    status: str
    """Of the request at this event: `pending`, `in_review`, `approved`, `rejected`, `cancelled` or `expired`."""
    occurred_at: datetime
    """With its zone."""
    stage_order: Optional[int]
    """The stage that it is about, None when it is about none."""
    actor: Optional[str]
    """Who caused it: a subject, `system` or `system:...`."""
    payload: Mapping[str, Any]
    """Facts of this type; what is not said is absent."""
    data: Mapping[str, Any]
    """The whole object as it came, with fields that this version does not know."""
    carrier: Mapping[str, str] = field(default_factory=dict)
    """`traceparent` and `tracestate` of the message on NATS, as OpenTelemetry's `propagate.extract` reads them; empty of
    a webhook, whose headers say it."""

    @property
    def is_final(self) -> bool:
        """Whether `status` never changes again."""
        return self.status in FINAL_STATUSES


@dataclass(frozen=True)
class UnknownEvent:
    """An event of a type that this version has no word for. Answer 2xx and ignore it, or read `data`."""

    event_id: str
    event_type: str
    data: Mapping[str, Any]
    """The whole object as it came."""


AnyEvent = Union[WebhookEvent, UnknownEvent]


class UnreadableEvent(ValueError):
    """The bytes are no event. The message says what is wrong, and repeats nothing of them."""


def parse_event(raw: bytes) -> AnyEvent:
    """Reads the JSON of one event. Raises UnreadableEvent."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise UnreadableEvent("the body is not UTF-8") from None
    except (ValueError, RecursionError):
        raise UnreadableEvent("the body is empty" if not raw else "the body is not JSON") from None
    if not isinstance(value, dict):
        raise UnreadableEvent("the body is not a JSON object")
    event_id, event_type = _text(value, "event_id"), _text(value, "event_type")
    if event_type not in EVENT_TYPES and event_type != PING:
        return UnknownEvent(event_id, event_type, value)
    return WebhookEvent(
        event_id=event_id,
        event_type=event_type,
        request_id=_text(value, "request_id"),
        sequence=_number(value, "sequence"),
        artifact_type=_text(value, "artifact_type"),
        artifact_id=_text(value, "artifact_id"),
        policy_key=_text(value, "policy_key"),
        policy_version=_number(value, "policy_version"),
        status=_text(value, "status"),
        occurred_at=_time(_text(value, "occurred_at")),
        stage_order=None if value.get("stage_order") is None else _number(value, "stage_order"),
        actor=None if value.get("actor") is None else _text(value, "actor"),
        payload=_object(value, "payload"),
        data=value,
    )


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _text(value: Dict[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise UnreadableEvent(f"{name} is missing or not a text")
    return found


def _number(value: Dict[str, Any], name: str) -> int:
    found = value.get(name)
    if not isinstance(found, int) or isinstance(found, bool):
        raise UnreadableEvent(f"{name} is missing or not an integer")
    return found


def _object(value: Dict[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    if not isinstance(found, dict):
        raise UnreadableEvent(f"{name} is missing or not an object")
    return found


def _time(text: str) -> datetime:
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        seconds, fraction, zone = found.groups()
        whole = datetime.fromisoformat(seconds + ("+00:00" if zone == "Z" else zone))
        return whole.astimezone(timezone.utc) + timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
    except (ValueError, OverflowError):
        raise UnreadableEvent("occurred_at is not a time of RFC 3339") from None
