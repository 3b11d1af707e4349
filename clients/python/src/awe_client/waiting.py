"""How a caller learns that a request may have changed. The state itself is always read from AWE."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Callable, Protocol


class Watch(Protocol):
    """Watches one request."""

    def wait(self, seconds: float) -> None:
        """Returns when the request may have changed, at the latest after `seconds`."""

    def close(self) -> None:
        """Called once, at the end."""


class AsyncWatch(Protocol):
    """The same for AsyncAweClient."""

    async def wait(self, seconds: float) -> None: ...

    async def close(self) -> None: ...


Watcher = Callable[[str], Watch]
"""Makes the watch of a request id."""
AsyncWatcher = Callable[[str], AsyncWatch]


@dataclass(frozen=True)
class Polling:
    """Asks again after a while that grows by half each time. Times in seconds."""

    first: float = 0.5
    most: float = 15.0

    def __call__(self, _request_id: str) -> "_Polling":
        return _Polling(self)

    def pauses(self) -> "Growing":
        return Growing(self)


@dataclass(frozen=True)
class AsyncPolling:
    """The same for AsyncAweClient."""

    first: float = 0.5
    most: float = 15.0

    def __call__(self, _request_id: str) -> "_AsyncPolling":
        return _AsyncPolling(Polling(self.first, self.most))


class Growing:
    """The pauses of one wait."""

    def __init__(self, policy: Polling) -> None:
        self._next, self._most = policy.first, policy.most

    def next(self, seconds: float) -> float:
        now, self._next = self._next, min(self._most, self._next * 1.5)
        return max(0.0, min(now, seconds))


class _Polling(Growing):
    def wait(self, seconds: float) -> None:
        time.sleep(self.next(seconds))

    def close(self) -> None:
        pass


class _AsyncPolling(Growing):
    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(self.next(seconds))

    async def close(self) -> None:
        pass
