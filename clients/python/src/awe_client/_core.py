"""What both clients share: how a call is written, read, and when it is sent again. Sends nothing itself."""

from __future__ import annotations

import json
import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from . import __version__, _trace
from ._operation import Operation, Page
from ._trace import Trace
from .errors import ApiError, AweError, RequestTimeout, TransportError, UnexpectedAnswer, from_answer

PREFIX = "/v1/awe"
TRIED_AGAIN = frozenset({408, 429, 502, 503, 504})
USER_AGENT = f"awe-client-python/{__version__}"


@dataclass(frozen=True)
class RetryPolicy:
    """When a call is sent again: after an answer or failure by which nothing was done, and, if it changes nothing or
    has an Idempotency-Key, also after one by which it is not known. All times in seconds."""

    attempts: int = 4
    """Attempts in all; 1 = never again."""
    first: float = 0.25
    """Longest wait before the second attempt; it doubles with each. The wait is drawn between half of that and it."""
    most: float = 5.0
    """The wait never grows beyond."""
    most_retry_after: float = 30.0
    """A `Retry-After` beyond this ends the call with its error."""
    total: float = 60.0
    """No attempt begins later than this after the first."""

    def wait(self, attempt: int, asked: Optional[float]) -> Optional[float]:
        """Seconds to wait after attempt number `attempt`, from 1; None = do not try again. `asked`: Retry-After."""
        if attempt >= self.attempts or (asked is not None and asked > self.most_retry_after):
            return None
        drawn = min(self.most, self.first * 2.0 ** min(attempt - 1, 30)) * random.uniform(0.5, 1.0)
        return max(drawn, asked or 0.0)


@dataclass(frozen=True)
class Settings:
    """What every call of a client has in common."""

    base_url: str
    timeout: float
    retry: RetryPolicy
    trace: Optional[Trace]


@dataclass(frozen=True)
class Answer:
    """A 2xx. `key`: the Idempotency-Key that was sent, None for operations without."""

    value: Any
    headers: Mapping[str, str]
    key: Optional[str]


def base_of(url: str) -> str:
    """The URL that paths are appended to; `/v1/awe` at its end is understood. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("base_url must be an http or https URL, as in https://awe.example.org")
    base = url.rstrip("/")
    return base[: -len(PREFIX)] if base.endswith(PREFIX) else base


class Call:
    """One call, through all its attempts."""

    def __init__(
        self,
        settings: Settings,
        operation: Operation,
        path: Optional[Mapping[str, Any]] = None,
        query: Optional[Mapping[str, Any]] = None,
        headers: Optional[Mapping[str, Any]] = None,
        body: Any = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> None:
        self._settings, self.operation = settings, operation
        self.timeout = settings.timeout if timeout is None else timeout
        # Minted here, before the first attempt: every attempt carries the same key.
        self.key = (idempotency_key or str(uuid.uuid4())) if operation.takes_key else None
        self.url = settings.base_url + _filled(operation.path, path or {})
        given = {name: value for name, value in (query or {}).items() if value is not None}
        self.params = httpx.QueryParams([pair for name, value in given.items() for pair in _pairs(name, value)])
        self._headers = {"accept": "application/json, */*;q=0.5", "user-agent": USER_AGENT}
        self._headers.update({name: _text(value) for name, value in (headers or {}).items() if value is not None})
        self.content = _written(body)
        if self.content is not None:
            self._headers["content-type"] = "application/json"
        if self.key is not None:
            self._headers["idempotency-key"] = self.key
        self.attempt = 0
        self._renewed = False
        self._began = time.monotonic()

    def headers(self, token: Optional[str]) -> Dict[str, str]:
        """The headers of the next attempt."""
        self.attempt += 1
        found = {**self._headers, **_trace.written(self._settings.trace)}
        if token is not None:
            found["authorization"] = f"Bearer {token}"
        return found

    def read(self, response: httpx.Response) -> Answer:
        """Raises ApiError or UnexpectedAnswer."""
        if response.status_code >= 400:
            retry_after = seconds_of(response.headers.get("retry-after"))
            request_id = response.headers.get("x-request-id")
            raise from_answer(response.status_code, response.content, request_id, retry_after)
        if not response.is_success:
            raise UnexpectedAnswer(f"the answer is a redirect ({response.status_code}): name the final URL", response.status_code)
        value = self._value(response)
        if self.operation.is_paged:
            value = Page(value, response.headers.get("x-next-cursor") or None)
        return Answer(value, response.headers, self.key)

    def wait(self, error: AweError, can_renew: bool) -> Optional[float]:
        """Seconds until the call is sent again; None when it is not. `can_renew`: another token can be had."""
        error.idempotency_key = self.key
        asked = None
        if isinstance(error, ApiError):
            if error.status == 401 and can_renew and not self._renewed:
                self._renewed = True
                return 0.0
            if error.status not in TRIED_AGAIN:
                return None
            asked = error.retry_after
        elif not isinstance(error, TransportError):
            return None
        repeatable = self.operation.is_safe or self.key is not None
        if error.retry == "no" or (error.retry == "with_key" and not repeatable):
            return None
        seconds = self._settings.retry.wait(self.attempt, asked)
        if seconds is None or time.monotonic() - self._began + seconds > self._settings.retry.total:
            return None
        return seconds

    def _value(self, response: httpx.Response) -> Any:
        wanted = self.operation.result
        if wanted is None:
            return None
        if wanted is str:
            return response.text
        try:
            return _adapter(wanted).validate_json(response.content)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(one) for one in first["loc"])
            raise UnexpectedAnswer(
                f"the answer of {self.operation.id} does not fit its schema at `{place}`: {first['msg']}",
                response.status_code,
            ) from None


_adapters: Dict[str, "TypeAdapter[Any]"] = {}


def _adapter(wanted: Any) -> "TypeAdapter[Any]":
    name = repr(wanted)
    if name not in _adapters:
        _adapters[name] = TypeAdapter(wanted)
    return _adapters[name]


def _filled(path: str, values: Mapping[str, Any]) -> str:
    for name, value in values.items():
        text = _text(value)
        if text in ("", ".", ".."):
            raise ValueError(f"{name} cannot be {text!r}")
        path = path.replace("{" + name + "}", quote(text, safe=""))
    return path


def _pairs(name: str, value: Any) -> List[Tuple[str, Union[str, int, float, bool, None]]]:
    return [(name, _text(one)) for one in value] if isinstance(value, (list, tuple)) else [(name, _text(value))]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _moment(value)
    return str(value)


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone, as in datetime.now(timezone.utc)")
    return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _written(body: Any) -> Optional[bytes]:
    """The JSON of a model or of plain values. Fields of a model that were not set are left out."""
    if body is None:
        return None
    if isinstance(body, BaseModel):
        body = body.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return json.dumps(body, default=_plain, allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


def seconds_of(retry_after: Optional[str]) -> Optional[float]:
    """Seconds that a `Retry-After` asks for, a number or a date; None when there is none that can be read."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        at = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return max(0.0, at.timestamp() - time.time())


def transport_error(cause: httpx.HTTPError) -> TransportError:
    """What a failure of the connection means for the caller."""
    unsent = isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError))
    made = RequestTimeout if isinstance(cause, httpx.TimeoutException) else TransportError
    return made(f"no answer: {type(cause).__name__}: {cause}".rstrip(": "), sent=not unsent)


Id = Union[str, uuid.UUID]
