"""The client that blocks."""

from __future__ import annotations

import copy
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Union

import httpx

from ._core import Answer, Call, Id, RetryPolicy, Settings, base_of, transport_error
from ._generated import models
from ._generated.operations import OPERATIONS, Operations
from ._operation import Operation, Page, T, Tagged, next_page
from ._trace import Trace
from .auth import ClientCredentials, Token
from .errors import AweError, TokenError, WaitTimeout
from .events import FINAL_STATUSES, WebhookEvent
from .streaming import Places, Streaming
from .waiting import Watcher


class Created(models.CreateRequestOut):
    """A request that was created."""

    idempotency_key: str
    """The key that it was created with: the same key and body give the same request again."""
    replayed: bool
    """It existed already: an earlier attempt or call with this key made it."""


class AweClient(Operations):
    """Calls AWE. Safe to use from several threads; close it, or use it with `with`.

    `base_url`: as in `https://awe.example.org`. `token`: a text, a callback that is asked before each attempt, or
    ClientCredentials. `timeout`: seconds that an attempt may go without progress (connecting, sending, waiting for the
    answer). `trace`: writes `traceparent` into a mapping. `http`: an httpx.Client of your own, which is not closed here.

    Beside the methods written here there is one for each `operationId` of the contract, such as `list_policies`.
    All raise AweError: ApiError and its kinds when AWE refused, TransportError and RequestTimeout when no answer came,
    UnexpectedAnswer when it was not AWE's, TokenError when there was no token.
    """

    def __init__(
        self,
        base_url: str,
        token: Token = None,
        *,
        timeout: float = 10.0,
        retry: RetryPolicy = RetryPolicy(),
        trace: Optional[Trace] = None,
        http: Optional[httpx.Client] = None,
    ) -> None:
        self._settings = Settings(base_of(base_url), timeout, retry, trace)
        self._token = token
        self._owned = http is None
        self._places = Places()
        self._http = httpx.Client(timeout=timeout, follow_redirects=False) if http is None else http

    def __enter__(self) -> "AweClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._owned:
            self._http.close()

    def with_token(self, token: Token) -> "AweClient":
        """A client that shares the connections of this one and calls with another token, for example the user's."""
        other = copy.copy(self)
        other._token, other._owned = token, False
        return other

    def create(
        self,
        request: Union[models.CreateRequestIn, Mapping[str, Any]],
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Created:
        """Asks for approval. Every attempt carries one key, which is minted when none is given; use the id of your own
        change as the key, and a call that is repeated after a crash finds the request that was made."""
        answer = self._send(
            OPERATIONS["create_request"], body=request, idempotency_key=idempotency_key, timeout=timeout
        )
        return created(answer)

    def get(self, request_id: Id) -> models.RequestOut:
        return self.get_request(str(request_id))

    def list(self, **filters: Any) -> Page[models.RequestOut]:
        """One page, newest first. Filters: those of `list_requests`."""
        return self.list_requests(**filters)

    def iterate(self, **filters: Any) -> Iterator[models.RequestOut]:
        """All requests that the filters leave, newest first, page by page. `limit`: of a page."""
        return self.every(self.list_requests, **filters)

    def every(self, method: Callable[..., Page[T]], **filters: Any) -> Iterator[T]:
        """All items of a method that takes a `cursor` and answers a page, such as `list_deliveries`."""
        while True:
            page = method(**filters)
            yield from page
            if page.next_cursor is None:
                return
            filters["cursor"] = page.next_cursor

    def tasks(self, **filters: Any) -> Iterator[models.TaskOut]:
        """All tasks that the filters of `list_tasks` leave, page by page; the subject's own unless `assignee` says
        others."""
        timeout = filters.pop("timeout", None)
        query: Optional[Dict[str, Any]] = {"count": "none", **filters}
        while query is not None:
            answer = self._send(OPERATIONS["list_tasks"], query=query, timeout=timeout)
            yield from answer.value.items
            query = next_page(query, answer.headers)

    def claim(self, task_id: Id) -> models.TaskOut:
        """Says that the token's subject is on it. Raises Conflict when somebody else is, or it is decided."""
        return self.claim_task(str(task_id))

    def decide(
        self,
        task_id: Id,
        action: str,
        *,
        comment: Optional[str] = None,
        attachments_ref: Optional[str] = None,
        artifact_digest: Optional[str] = None,
    ) -> models.DecisionOut:
        """Records `approve`, `reject` or `abstain`. Raises Conflict (`task_decided`) when the task has its decision:
        after a lost answer that may be your own, which `list_tasks(request_id=...)` tells. `artifact_digest`: of what
        was looked at; kept as evidence."""
        body = {
            "action": action,
            "comment": comment,
            "attachments_ref": attachments_ref,
            "artifact_digest": artifact_digest,
        }
        return self.decide_task(str(task_id), {name: value for name, value in body.items() if value is not None})

    def decide_many(self, items: Sequence[Union[models.DecisionItemIn, Mapping[str, Any]]]) -> models.DecisionsOut:
        """Records 1 to 100 decisions, each as if it came alone: `{task_id, action, comment, attachments_ref,
        artifact_digest}`. `results` has one entry for each, in order: a bad one harms no other."""
        return self.decide_tasks({"items": list(items)})

    def policy(self, policy_key: str, version: int) -> Tagged[models.PolicyOut]:
        """A version of a policy with its ETag. As `if_match` of `update_policy_version` or `activate_policy_version` it
        makes them raise PreconditionFailed when somebody else was there first."""
        answer = self._send(OPERATIONS["get_policy_version"], path={"policy_key": policy_key, "version": version})
        return Tagged(answer.value, answer.headers.get("etag"))

    def cancel(self, request_id: Id, reason: Optional[str] = None) -> models.RequestOut:
        """Stops a request. Raises Conflict (`request_finished`) when it has ended."""
        return self.cancel_request(str(request_id), {} if reason is None else {"reason": reason})

    def events(self, request_id: Id, *, after: int = 0) -> Iterator[models.EventOut]:
        """The history of a request in order, with a `sequence` beyond `after`, page by page."""
        while True:
            page = self.list_request_events(str(request_id), after=after)
            yield from page
            if page.next_cursor is None:
                return
            after = int(page.next_cursor)

    def confirm(self, event: WebhookEvent) -> bool:
        """Whether AWE has this event: messages on NATS are not signed, so ask before something irreversible."""
        for one in self.events(event.request_id, after=event.sequence - 1):
            return one.id == event.event_id and one.event_type == event.event_type
        return False

    def wait_until_terminal(
        self, request_id: Id, *, timeout: float = 300.0, watcher: Optional[Watcher] = None
    ) -> models.RequestOut:
        """Returns the request when it is approved, rejected, cancelled or expired. It is told by server-sent events;
        where they cannot be had, AWE is asked again and again. Raises WaitTimeout after `timeout` seconds. The error of
        the first look is raised; after that, what may pass (AWE is away, or overloaded) is waited for. `watcher`: how to
        learn that it may have changed, as `Polling()`."""
        until = time.monotonic() + timeout
        watch = (watcher or Streaming(self))(str(request_id))
        try:
            found, failure = self.get(request_id), None
            while found.status not in FINAL_STATUSES:
                left = until - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(str(request_id), found.status, timeout) from failure
                watch.wait(left)
                try:
                    found, failure = self.get(request_id), None
                except AweError as error:
                    if not error.is_retryable:
                        raise
                    failure = error
            return found
        finally:
            watch.close()

    def _call(self, operation: Operation, **given: Any) -> Any:
        return self._send(operation, **given).value

    def _send(self, operation: Operation, **given: Any) -> Answer:
        call = Call(self._settings, operation, **given)
        while True:
            token: Optional[str] = None
            try:
                token = self._bearer()
                headers = call.headers(token)
                try:
                    response = self._http.request(
                        operation.method, call.url, params=call.params, content=call.content,
                        headers=headers, timeout=call.timeout, follow_redirects=False,
                    )  # fmt: skip
                except httpx.HTTPError as cause:
                    raise transport_error(cause) from cause
                return call.read(response)
            except AweError as error:
                wait = call.wait(error, self._renewable())
                if wait is None:
                    raise
                if getattr(error, "status", None) == 401 and isinstance(self._token, ClientCredentials) and token:
                    self._token.drop(token)
                time.sleep(wait)

    def _renewable(self) -> bool:
        return self._token is not None and not isinstance(self._token, str)

    def _bearer(self) -> Optional[str]:
        if self._token is None or isinstance(self._token, str):
            return self._token
        if isinstance(self._token, ClientCredentials):
            return self._token.get(self._http)
        found = self._token()
        if not isinstance(found, str):
            raise TokenError("the token callback must return a text; coroutines are for AsyncAweClient")
        return found


def created(answer: Answer) -> Created:
    """The answer of a create with what its headers say."""
    replayed = answer.headers.get("idempotency-replayed", "").lower() == "true"
    fields = {**answer.value.model_dump(), "idempotency_key": answer.key, "replayed": replayed}
    return Created.model_validate(fields)


__all__: List[str] = ["AweClient", "Created"]
