"""Remembers which events were handled, since webhooks and NATS deliver at least once."""

from __future__ import annotations

import inspect
import threading
import time
from collections import OrderedDict
from enum import Enum
from typing import Awaitable, Callable, Protocol, Tuple, TypeVar, Union

T = TypeVar("T")


class Seen(Enum):
    """What a store knows of an event."""

    NEW = "new"
    """Nobody handles it: the caller does now, and says `done` or `forget` afterwards."""
    BUSY = "busy"
    """It is being handled. Do not acknowledge: if the handler fails, the event has to come again."""
    DONE = "done"
    """It was handled."""


class SeenStore(Protocol):
    """Where handled events are remembered. A lasting one writes the id in the transaction of the handler."""

    def begin(self, event_id: str) -> Seen:
        """Marks an event as being handled, unless it is or was."""

    def done(self, event_id: str) -> None:
        """The handler has committed."""

    def forget(self, event_id: str) -> None:
        """The handler failed: the next delivery is handled."""


class AsyncSeenStore(Protocol):
    """The same with coroutines, for the asyncio parts: `Receiver.handle_async`, FastAPI, Starlette, NATS."""

    async def begin(self, event_id: str) -> Seen: ...

    async def done(self, event_id: str) -> None: ...

    async def forget(self, event_id: str) -> None: ...


AnySeenStore = Union[SeenStore, AsyncSeenStore]


async def settled(value: Union[T, Awaitable[T]]) -> T:
    """What either kind of store answered."""
    if inspect.isawaitable(value):
        return await value
    return value


class MemorySeenStore:
    """Bounded, in this process only; the oldest are forgotten first. Safe to use from several threads.

    `most`: events that are remembered. `lease`: seconds after which an event that was begun and never ended may be
    begun again.
    """

    def __init__(self, most: int = 10_000, lease: float = 300.0, clock: Callable[[], float] = time.monotonic) -> None:
        if most < 1:
            raise ValueError("a store remembers at least one event")
        self._most, self._lease, self._clock = most, lease, clock
        self._events: "OrderedDict[str, Tuple[Seen, float]]" = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, event_id: str) -> Seen:
        with self._lock:
            state, since = self._events.get(event_id, (Seen.NEW, 0.0))
            if state is Seen.DONE or (state is Seen.BUSY and self._clock() - since < self._lease):
                return state
            self._put(event_id, Seen.BUSY)
            return Seen.NEW

    def done(self, event_id: str) -> None:
        with self._lock:
            self._put(event_id, Seen.DONE)

    def forget(self, event_id: str) -> None:
        with self._lock:
            self._events.pop(event_id, None)

    def __len__(self) -> int:
        return len(self._events)

    def _put(self, event_id: str, state: Seen) -> None:
        self._events[event_id] = (state, self._clock())
        self._events.move_to_end(event_id)
        while len(self._events) > self._most:
            self._events.popitem(last=False)
