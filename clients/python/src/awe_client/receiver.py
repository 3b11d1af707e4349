"""What an endpoint for webhooks does, whatever the framework: verify, drop what was seen, hand on, answer."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any, Awaitable, Callable, Mapping, Optional, Sequence, Union

from .events import AnyEvent
from .seen import AnySeenStore, MemorySeenStore, Seen, settled
from .webhooks import TOLERANCE, Headers, VerificationError, verify

MOST_BYTES = 4 * 1024 * 1024
"""Longest body that is read. AWE's are far shorter."""
BUSY_SECONDS = 5
"""When AWE shall send an event again that is being handled."""

Handler = Callable[[AnyEvent], Any]
AsyncHandler = Callable[[AnyEvent], Union[Awaitable[Any], Any]]


@dataclass(frozen=True)
class Reply:
    """What to answer with."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Receiver:
    """Verifies webhooks and hands each event to a handler once.

    `secrets`, `tolerance`: see `verify`. `seen`: where handled events are remembered; in memory when None. An exception
    of the handler makes the event come again, and is raised again for the framework to tell.
    """

    def __init__(
        self,
        secrets: Union[str, Sequence[str]],
        *,
        seen: Optional[AnySeenStore] = None,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.secrets, self.tolerance = secrets, tolerance
        self.seen: AnySeenStore = MemorySeenStore() if seen is None else seen

    def open(self, raw: bytes, headers: Headers) -> AnyEvent:
        """The event of a webhook. Raises VerificationError."""
        return verify(raw, headers, self.secrets, tolerance=self.tolerance)

    def handle(self, raw: bytes, headers: Headers, handler: Handler) -> Reply:
        """Calls the handler with the event; returns what to answer. Raises what the handler raises."""
        try:
            event = self.open(raw, headers)
        except VerificationError as refused:
            return refusal(refused)
        state = self.seen.begin(event.event_id)
        if not isinstance(state, Seen):
            raise TypeError("a store with coroutines needs handle_async")
        reply = known(state)
        if reply is not None:
            return reply
        try:
            handler(event)
        except BaseException:
            self.seen.forget(event.event_id)
            raise
        self.seen.done(event.event_id)
        return Reply(200, "ok")

    async def handle_async(self, raw: bytes, headers: Headers, handler: AsyncHandler) -> Reply:
        """Like `handle`, for a handler that may be a coroutine function."""
        try:
            event = self.open(raw, headers)
        except VerificationError as refused:
            return refusal(refused)
        reply = known(await settled(self.seen.begin(event.event_id)))
        if reply is not None:
            return reply
        try:
            result = handler(event)
            if inspect.isawaitable(result):
                await result
        except BaseException:
            await settled(self.seen.forget(event.event_id))
            raise
        await settled(self.seen.done(event.event_id))
        return Reply(200, "ok")


def known(state: Seen) -> Optional[Reply]:
    """The answer to an event that is not to be handled; None when it is."""
    if state is Seen.DONE:
        return Reply(200, "seen before")
    if state is Seen.BUSY:
        return Reply(503, "is being handled", {"retry-after": str(BUSY_SECONDS)})
    return None


def refusal(error: VerificationError) -> Reply:
    """The answer to a webhook that is not accepted. It says the kind and no more; the message is for the log."""
    return Reply(error.status, error.kind)
