"""The client for asyncio."""

from __future__ import annotations

import asyncio
import copy
import inspect
import time
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence, Union

import httpx

from ._core import Answer, Call, Id, RetryPolicy, Settings, base_of, transport_error
from ._generated import models
from ._generated.operations import OPERATIONS, AsyncOperations
from ._operation import Operation, Page, T, Tagged, next_page
from ._trace import Trace
from .auth import ClientCredentials, Token
from .client import Created, created
from .errors import AweError, WaitTimeout
from .events import FINAL_STATUSES, WebhookEvent
from .streaming import AsyncStreaming, Places
from .waiting import AsyncWatcher


class AsyncAweClient(AsyncOperations):
    """AweClient for asyncio: the same arguments, methods and errors. The token callback may be a coroutine function."""

    def __init__(
        self,
        base_url: str,
        token: Token = None,
        *,
        timeout: float = 10.0,
        retry: RetryPolicy = RetryPolicy(),
        trace: Optional[Trace] = None,
        http: Optional[httpx.AsyncClient] = None,
    ) -> None:
        self._settings = Settings(base_of(base_url), timeout, retry, trace)
        self._token = token
        self._owned = http is None
        self._places = Places()
        self._http = httpx.AsyncClient(timeout=timeout, follow_redirects=False) if http is None else http

    async def __aenter__(self) -> "AsyncAweClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._owned:
            await self._http.aclose()

    def with_token(self, token: Token) -> "AsyncAweClient":
        """A client that shares the connections of this one and calls with another token, for example the user's."""
        other = copy.copy(self)
        other._token, other._owned = token, False
        return other

    async def create(
        self,
        request: Union[models.CreateRequestIn, Mapping[str, Any]],
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Created:
        """See AweClient.create."""
        answer = await self._send(
            OPERATIONS["create_request"], body=request, idempotency_key=idempotency_key, timeout=timeout
        )
        return created(answer)

    async def get(self, request_id: Id) -> models.RequestOut:
        return await self.get_request(str(request_id))

    async def list(self, **filters: Any) -> Page[models.RequestOut]:
        """One page, newest first. Filters: those of `list_requests`."""
        return await self.list_requests(**filters)

    def iterate(self, **filters: Any) -> AsyncIterator[models.RequestOut]:
        """All requests that the filters leave, newest first, page by page. `limit`: of a page."""
        return self.every(self.list_requests, **filters)

    async def every(self, method: Callable[..., Awaitable[Page[T]]], **filters: Any) -> AsyncIterator[T]:
        """See AweClient.every."""
        while True:
            page = await method(**filters)
            for one in page:
                yield one
            if page.next_cursor is None:
                return
            filters["cursor"] = page.next_cursor

    async def tasks(self, **filters: Any) -> AsyncIterator[models.TaskOut]:
        """See AweClient.tasks."""
        timeout = filters.pop("timeout", None)
        query: Optional[Dict[str, Any]] = {"count": "none", **filters}
        while query is not None:
            answer = await self._send(OPERATIONS["list_tasks"], query=query, timeout=timeout)
            for one in answer.value.items:
                yield one
            query = next_page(query, answer.headers)

    async def claim(self, task_id: Id) -> models.TaskOut:
        """See AweClient.claim."""
        return await self.claim_task(str(task_id))

    async def decide(
        self,
        task_id: Id,
        action: str,
        *,
        comment: Optional[str] = None,
        attachments_ref: Optional[str] = None,
        artifact_digest: Optional[str] = None,
    ) -> models.DecisionOut:
        """See AweClient.decide."""
        body = {
            "action": action,
            "comment": comment,
            "attachments_ref": attachments_ref,
            "artifact_digest": artifact_digest,
        }
        return await self.decide_task(str(task_id), {name: value for name, value in body.items() if value is not None})

    async def decide_many(self, items: Sequence[Union[models.DecisionItemIn, Mapping[str, Any]]]) -> models.DecisionsOut:
        """See AweClient.decide_many."""
        return await self.decide_tasks({"items": list(items)})

    async def policy(self, policy_key: str, version: int) -> Tagged[models.PolicyOut]:
        """See AweClient.policy."""
        path = {"policy_key": policy_key, "version": version}
        answer = await self._send(OPERATIONS["get_policy_version"], path=path)
        return Tagged(answer.value, answer.headers.get("etag"))

    async def cancel(self, request_id: Id, reason: Optional[str] = None) -> models.RequestOut:
        """See AweClient.cancel."""
        return await self.cancel_request(str(request_id), {} if reason is None else {"reason": reason})

    async def events(self, request_id: Id, *, after: int = 0) -> AsyncIterator[models.EventOut]:
        """See AweClient.events."""
        while True:
            page = await self.list_request_events(str(request_id), after=after)
            for one in page:
                yield one
            if page.next_cursor is None:
                return
            after = int(page.next_cursor)

    async def confirm(self, event: WebhookEvent) -> bool:
        """See AweClient.confirm."""
        async for one in self.events(event.request_id, after=event.sequence - 1):
            return one.id == event.event_id and one.event_type == event.event_type
        return False

    async def wait_until_terminal(
        self, request_id: Id, *, timeout: float = 300.0, watcher: Optional[AsyncWatcher] = None
    ) -> models.RequestOut:
        """See AweClient.wait_until_terminal."""
        until = time.monotonic() + timeout
        watch = (watcher or AsyncStreaming(self))(str(request_id))
        try:
            found, failure = await self.get(request_id), None
            while found.status not in FINAL_STATUSES:
                left = until - time.monotonic()
                if left <= 0:
                    raise WaitTimeout(str(request_id), found.status, timeout) from failure
                await watch.wait(left)
                try:
                    found, failure = await self.get(request_id), None
                except AweError as error:
                    if not error.is_retryable:
                        raise
                    failure = error
            return found
        finally:
            await watch.close()

    async def _call(self, operation: Operation, **given: Any) -> Any:
        return (await self._send(operation, **given)).value

    async def _send(self, operation: Operation, **given: Any) -> Answer:
        call = Call(self._settings, operation, **given)
        while True:
            token: Optional[str] = None
            try:
                token = await self._bearer()
                headers = call.headers(token)
                try:
                    response = await self._http.request(
                        operation.method, call.url, params=call.params, content=call.content,
                        headers=headers, timeout=call.timeout, follow_redirects=False,
                    )  # fmt: skip
                except httpx.HTTPError as cause:
                    raise transport_error(cause) from cause
                return call.read(response)
            except AweError as error:
                wait = call.wait(error, self._token is not None and not isinstance(self._token, str))
                if wait is None:
                    raise
                if getattr(error, "status", None) == 401 and isinstance(self._token, ClientCredentials) and token:
                    self._token.drop(token)
                await asyncio.sleep(wait)

    async def _bearer(self) -> Optional[str]:
        if self._token is None or isinstance(self._token, str):
            return self._token
        if isinstance(self._token, ClientCredentials):
            return await self._token.get_async(self._http)
        found = self._token()
        return await found if inspect.isawaitable(found) else found


__all__: List[str] = ["AsyncAweClient"]
