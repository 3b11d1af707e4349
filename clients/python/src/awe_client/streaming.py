"""Learns by server-sent events that a request has ended, and by asking again where they cannot be had."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, AsyncIterator, Dict, Iterator, Optional, Tuple

import httpx

from . import _trace
from ._core import USER_AGENT, Settings, seconds_of
from .errors import AweError
from .waiting import AsyncPolling, Polling

if TYPE_CHECKING:
    from .aio import AsyncAweClient
    from .client import AweClient

SILENCE = 45.0
"""The server says every 15 s that it is there; a stream that says nothing for longer than this is dead."""
SLACK = 0.5
"""Seconds by which a wait may end late: a read cannot be given another time once it has begun."""
MOST_STREAMS = 32
"""Fewer than the connections of a pool (100), and than what a server gives one caller (64)."""
TOLD_BY = 32
"""Bytes by which a line is told; more of it is not kept."""
EVENT_STREAM = "text/event-stream"
ENDS = "request_approved,request_rejected,request_cancelled,request_expired"
PASSING = frozenset({401, 408, 429})


class Places:
    """Streams that a client may hold at once; further waits ask."""

    def __init__(self) -> None:
        self._free, self._lock = MOST_STREAMS, threading.Lock()

    def take(self) -> bool:
        with self._lock:
            found = self._free > 0
            self._free -= found
            return found

    def give_back(self) -> None:
        with self._lock:
            self._free += 1


class Blocks:
    """Finds the events in server-sent bytes. What they say is not kept: the request itself is asked for."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._has_data = self._resumes = False
        self.count = 0

    def take(self, part: bytes) -> Optional[str]:
        """`event` or `resume`, when such a block ends in these bytes."""
        found = None
        first, *others = part.replace(b"\r", b"").split(b"\n")
        self._grow(first)
        for line in others:
            found = self._end_line() or found
            self._grow(line)
        return found

    def _grow(self, part: bytes) -> None:
        self._line += part[: TOLD_BY - len(self._line)]

    def _end_line(self) -> Optional[str]:
        line, self._line = bytes(self._line), bytearray()
        if line:
            self._has_data |= line.startswith(b"data")
            self._resumes |= line == b"event: resume"
            return None
        self.count += 1
        found = ("resume" if self._resumes else "event") if self._has_data else None
        self._has_data = self._resumes = False
        return found


class _Following:
    """What both watches share: when a stream is asked for, and how."""

    def __init__(self, settings: Settings, places: Places, request_id: str, polling: Polling) -> None:
        self._settings, self._places, self._polling = settings, places, polling
        self._params = {"request_id": request_id, "types": ENDS}
        self._url = f"{settings.base_url}/v1/awe/stream"
        self._pauses = polling.pauses()
        self._not_before: Optional[float] = 0.0  # None: the server has no streams.
        self._blocks = Blocks()

    def _may_follow(self) -> bool:
        return self._not_before is not None and self._not_before <= time.monotonic() and self._places.take()

    def _headers(self, token: Optional[str]) -> Dict[str, str]:
        found = {"accept": EVENT_STREAM, "accept-encoding": "identity", "user-agent": USER_AGENT}
        found.update(_trace.written(self._settings.trace))
        if token is not None:
            found["authorization"] = f"Bearer {token}"
        return found

    def _is_stream(self, response: httpx.Response) -> bool:
        """Whether the answer is a stream; takes note of when to ask for one again."""
        if response.is_success and response.headers.get("content-type", "").startswith(EVENT_STREAM):
            self._blocks = Blocks()
            return True
        passing = response.status_code in PASSING or response.status_code >= 500
        after = seconds_of(response.headers.get("retry-after")) or 0.0
        self._not_before = time.monotonic() + after if passing else None
        return False

    def _pause(self, seconds: float) -> float:
        if self._blocks.count > 1:  # The stream has lived: what comes is a new trouble.
            self._pauses = self._polling.pauses()
            self._blocks = Blocks()
        return self._pauses.next(seconds)


class Streaming:
    """Follows the stream of a request's events. While there is no stream, since the server is away, has no place for one
    more (503, 429) or is older, it asks again after a while instead (`polling`), and tries the stream again after what
    `Retry-After` says. A client holds at most 32 streams at once; further waits ask."""

    def __init__(self, awe: "AweClient", polling: Polling = Polling()) -> None:
        self._awe, self._polling = awe, polling

    def __call__(self, request_id: str) -> "_Stream":
        return _Stream(self._awe, request_id, self._polling)


class _Stream(_Following):
    def __init__(self, awe: "AweClient", request_id: str, polling: Polling) -> None:
        super().__init__(awe._settings, awe._places, request_id, polling)
        self._awe = awe
        self._open: Optional[Tuple[httpx.Response, Iterator[bytes]]] = None
        self._patience = 0.0

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        if self._open is not None and self._patience > seconds + SLACK:
            self.close()  # It might be waited for beyond the end: what is begun anew has the time that is left.
        if self._open is not None:
            if self._hears_news(until):
                return
            self.close()
        elif self._may_follow():
            self._patience = min(seconds, SILENCE)
            if self._follow():
                return  # What happened before it began is not in it, so the request is looked at once more.
        time.sleep(self._pause(until - time.monotonic()))

    def close(self) -> None:
        if self._open is not None:
            response, self._open = self._open[0], None
            self._places.give_back()
            with suppress(httpx.HTTPError):
                response.close()

    def _follow(self) -> bool:
        response = None
        try:
            limits = httpx.Timeout(min(self._settings.timeout, self._patience), read=self._patience)
            headers = self._headers(self._awe._bearer())
            request = self._awe._http.build_request(
                "GET", self._url, params=self._params, headers=headers, timeout=limits
            )
            response = self._awe._http.send(request, stream=True, follow_redirects=False)
            if self._is_stream(response):
                self._open = (response, response.iter_raw())
                return True
        except (AweError, httpx.HTTPError):
            pass  # The request is asked for in any case, and tells what is wrong.
        finally:
            if self._open is None:
                self._places.give_back()
                if response is not None:
                    response.close()
        return False

    def _hears_news(self, until: float) -> bool:
        assert self._open is not None
        try:
            for part in self._open[1]:
                told = self._blocks.take(part)
                if told is not None:
                    return told == "event"
                if time.monotonic() + self._patience > until + SLACK:
                    return True  # As if it were news: the next wait begins with a shorter patience.
        except httpx.HTTPError:
            pass
        return False


class AsyncStreaming:
    """The same for AsyncAweClient."""

    def __init__(self, awe: "AsyncAweClient", polling: AsyncPolling = AsyncPolling()) -> None:
        self._awe, self._polling = awe, polling

    def __call__(self, request_id: str) -> "_AsyncStream":
        return _AsyncStream(self._awe, request_id, Polling(self._polling.first, self._polling.most))


class _AsyncStream(_Following):
    def __init__(self, awe: "AsyncAweClient", request_id: str, polling: Polling) -> None:
        super().__init__(awe._settings, awe._places, request_id, polling)
        self._awe = awe
        self._open: Optional[Tuple[httpx.Response, AsyncIterator[bytes]]] = None

    async def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        if self._open is not None:
            if await self._hears_news(until):
                return
            await self.close()
        elif self._may_follow() and await self._follow(seconds):
            return  # What happened before it began is not in it, so the request is looked at once more.
        await asyncio.sleep(self._pause(until - time.monotonic()))

    async def close(self) -> None:
        if self._open is not None:
            response, self._open = self._open[0], None
            self._places.give_back()
            with suppress(httpx.HTTPError):
                await response.aclose()

    async def _follow(self, seconds: float) -> bool:
        response = None
        try:
            limits = httpx.Timeout(min(self._settings.timeout, seconds), read=SILENCE)
            headers = self._headers(await self._awe._bearer())
            request = self._awe._http.build_request(
                "GET", self._url, params=self._params, headers=headers, timeout=limits
            )
            sending = self._awe._http.send(request, stream=True, follow_redirects=False)
            response = await asyncio.wait_for(sending, min(self._settings.timeout, seconds))
            if self._is_stream(response):
                self._open = (response, response.aiter_raw())
                return True
        except (AweError, httpx.HTTPError, asyncio.TimeoutError):
            pass  # The request is asked for in any case, and tells what is wrong.
        finally:
            if self._open is None:
                self._places.give_back()
                if response is not None:
                    await response.aclose()
        return False

    async def _hears_news(self, until: float) -> bool:
        assert self._open is not None
        with suppress(httpx.HTTPError, StopAsyncIteration, asyncio.TimeoutError):
            while True:
                left = max(0.0, until - time.monotonic())
                part = await asyncio.wait_for(self._open[1].__anext__(), left)
                told = self._blocks.take(part)
                if told is not None:
                    return told == "event"
        return False


__all__ = ["AsyncStreaming", "Streaming"]
