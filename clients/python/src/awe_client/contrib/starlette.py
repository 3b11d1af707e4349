"""Webhooks in Starlette and FastAPI.

FastAPI:

    webhook = Webhook(secret)

    @app.post("/hooks/approval")
    async def hook(event: Annotated[AnyEvent, Depends(webhook)]): ...

Starlette: `Route("/hooks/approval", endpoint(Receiver(secret), handler), methods=["POST"])`.
"""

# No `from __future__ import annotations` here: FastAPI reads the annotations of `Webhook.__call__`, and older versions
# do not find what a text names.
from typing import AsyncIterator, Awaitable, Callable, Optional, Sequence, Union

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ..events import AnyEvent
from ..receiver import MOST_BYTES, AsyncHandler, Receiver, Reply, known, refusal
from ..seen import AnySeenStore, settled
from ..webhooks import TOLERANCE, VerificationError


class Webhook:
    """A FastAPI dependency whose value is the event. The endpoint runs once for each event, unless it raises.

    What is not accepted is answered by an HTTPException with 400, 401, 413, 422 or 500, and what was seen with 200.
    """

    def __init__(
        self, secrets: Union[str, Sequence[str]], *, seen: Optional[AnySeenStore] = None, tolerance: float = TOLERANCE
    ) -> None:
        self.receiver = Receiver(secrets, seen=seen, tolerance=tolerance)

    async def __call__(self, request: Request) -> AsyncIterator[AnyEvent]:
        raw = await read(request)
        try:
            event = self.receiver.open(raw, request.headers.raw)
        except VerificationError as refused:
            raise _answer(refusal(refused)) from refused
        reply = known(await settled(self.receiver.seen.begin(event.event_id)))
        if reply is not None:
            raise _answer(reply)
        try:
            yield event
        except BaseException:
            await settled(self.receiver.seen.forget(event.event_id))
            raise
        await settled(self.receiver.seen.done(event.event_id))


def endpoint(receiver: Receiver, handler: AsyncHandler) -> Callable[[Request], Awaitable[Response]]:
    """A Starlette endpoint that hands each event to `handler` once; it may be a coroutine function."""

    async def answer(request: Request) -> Response:
        reply = await receiver.handle_async(await read(request), request.headers.raw, handler)
        return PlainTextResponse(reply.text, reply.status, dict(reply.headers))

    return answer


async def read(request: Request) -> bytes:
    """The body as it came. Raises HTTPException 413 when it is longer than MOST_BYTES."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > MOST_BYTES:
            raise HTTPException(413)
        parts.append(part)
    return b"".join(parts)


def _answer(reply: Reply) -> HTTPException:
    return HTTPException(reply.status, reply.text, dict(reply.headers))
