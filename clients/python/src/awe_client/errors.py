"""What can go wrong with a call, by what a caller does about it."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Type

from ._generated.words import RETRY


class AweError(Exception):
    """A call failed.

    `retry`: `yes` when nothing was done and the same call may be sent again, `with_key` when it is not known what was
    done (a call may be sent again with its key), else `no`.
    """

    retry: str = "no"
    idempotency_key: Optional[str] = None
    """The key that a create was sent with: send it again to learn what became of it."""

    @property
    def is_retryable(self) -> bool:
        return self.retry != "no"


class TransportError(AweError):
    """No answer came: the connection failed or broke. `sent` tells whether the request may have arrived."""

    def __init__(self, message: str, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent
        self.retry = "with_key" if sent else "yes"


class RequestTimeout(TransportError):
    """No answer came in time."""


class UnexpectedAnswer(AweError):
    """The answer is not AWE's: a proxy's page, or a body that does not fit its schema. What was done is not known."""

    retry = "with_key"

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class WaitTimeout(AweError):
    """A request was not finished in the time that a caller would wait. `status` is the last one seen."""

    def __init__(self, request_id: str, status: str, seconds: float) -> None:
        super().__init__(f"request {request_id} is still {status} after {seconds:g} s")
        self.request_id, self.status = request_id, status


class TokenError(AweError):
    """No access token could be had."""


class ApiError(AweError):
    """AWE refused the call. docs/errors.md lists every reason."""

    def __init__(
        self,
        status: int,
        code: str,
        reason: str,
        message: str,
        detail: List[Dict[str, Any]],
        request_id: Optional[str],
        retry_after: Optional[float],
    ) -> None:
        super().__init__(f"{status} {code} {reason}: {message}")
        self.status = status
        self.code = code
        """`AWE-003` and its like; covers several reasons."""
        self.reason = reason
        """One stable word, or one that this version does not know."""
        self.message = message
        """For people; may change."""
        self.detail = detail
        """With 422: what is wrong with which value, as `{loc, msg, type}`."""
        self.request_id = request_id
        """`x-request-id` of the answer: the server's log has more under it."""
        self.retry_after = retry_after
        """Seconds to wait, None when the answer says none."""
        unknown = "yes" if status == 429 else "with_key" if status >= 500 else "no"
        self.retry = RETRY.get(reason, unknown)


class InvalidRequest(ApiError):
    """400, 405, 413, 415, 422: the call itself is wrong."""


class AuthenticationError(ApiError):
    """401: the token is missing, expired or not trusted."""


class PermissionDenied(ApiError):
    """403: the token's subject may not do this, or the policy gate denied it."""


class NotFound(ApiError):
    """404: no such thing."""


class Conflict(ApiError):
    """409: the state of things does not allow it, for example because somebody else has decided."""


class PreconditionFailed(ApiError):
    """412: the version is not the one that `If-Match` names, since somebody else has changed it. Read it again."""


class Unavailable(ApiError):
    """408, 429, 502, 503, 504: not now."""


class InternalError(ApiError):
    """Any other 5xx: a fault of the server."""


CLASSES: Mapping[int, Type[ApiError]] = {
    401: AuthenticationError, 403: PermissionDenied, 404: NotFound, 409: Conflict,
    412: PreconditionFailed,
    408: Unavailable, 429: Unavailable, 502: Unavailable, 503: Unavailable, 504: Unavailable,
}  # fmt: skip


def from_answer(status: int, body: bytes, request_id: Optional[str], retry_after: Optional[float]) -> ApiError:
    """The error that an answer tells. An answer without AWE's envelope, as of a proxy, has an empty code and reason."""
    code = reason = message = ""
    detail: List[Dict[str, Any]] = []
    try:
        envelope = json.loads(body)
        first = envelope["errors"][0]
        code, message = str(first["errorCode"]), str(first["message"])
        reason = str(first.get("reason", ""))
        detail = [one for one in envelope.get("detail") or [] if isinstance(one, dict)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        message = message or "the answer is not AWE's; a proxy may have given it"
    made = CLASSES.get(status) or (InternalError if status >= 500 else InvalidRequest)
    return made(status, code, reason, message, detail, request_id, retry_after)
