"""Consumes events from NATS JetStream, at least once. Needs nats-py (`awe-client[nats]`).

    connection = await nats.connect("nats://127.0.0.1:4222")
    await consume(connection, handler, durable="registry", event_types=["request_approved"])

Messages are not signed: ask `AsyncAweClient.confirm` before something irreversible follows from one.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import logging
import re
from typing import Any, AsyncIterator, Awaitable, Callable, List, Optional, Sequence, Union

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, ServiceUnavailableError

from . import _trace
from .events import AnyEvent, UnreadableEvent, WebhookEvent, parse_event
from .seen import AnySeenStore, MemorySeenStore, Seen, settled

Handler = Callable[[AnyEvent], Union[Awaitable[Any], Any]]

BATCH = 32
POLL = 1.0
"""Seconds after which an idle consumer looks whether it shall stop."""
BUSY = 5.0
MOST_DELAY = 60.0

log = logging.getLogger(__name__)


def subjects(
    event_types: Optional[Sequence[str]] = None, artifact_type: Optional[str] = None, prefix: str = "awe"
) -> List[str]:
    """The subjects that carry events of these types about this type of artifact; None = all."""
    artifact = "*" if artifact_type is None else re.sub(r"[^A-Za-z0-9_-]", "_", artifact_type)
    return [f"{prefix}.events.{one}.{artifact}.*" for one in (event_types or ["*"])]


async def consume(
    connection: Client,
    handler: Handler,
    *,
    durable: str,
    event_types: Optional[Sequence[str]] = None,
    artifact_type: Optional[str] = None,
    seen: Optional[AnySeenStore] = None,
    only_new: bool = False,
    prefix: str = "awe",
    ack_wait: float = 30.0,
    stop: Optional[asyncio.Event] = None,
) -> None:
    """Hands each event to `handler`, one after the other in the order of the stream, and acknowledges it when the handler has returned; the
    handler may be a coroutine function, and should have committed by then.

    `durable`: the name under which the server keeps the place; processes with one name share the work. `seen`: which
    events were handled; in memory when None. `only_new`: a consumer that does not exist yet begins with what comes from
    now on, not with the oldest that is kept. `prefix`: `nats.prefix` of the installation. `ack_wait`: seconds after
    which another process gets an event whose handler has died. Ends when `stop` is set, after the event at hand.

    An exception of the handler is logged, and the event comes again after a while that grows to a minute; later ones
    overtake it, so let nothing with a lower `sequence` undo what a higher one did. A message that is no event is logged
    and taken off. Raises nats.errors.Error when the connection is closed or refused.
    """
    store: AnySeenStore = MemorySeenStore() if seen is None else seen
    context = connection.jetstream()
    stream = f"{prefix.upper()}_EVENTS"
    wanted = subjects(event_types, artifact_type, prefix)
    config = ConsumerConfig(
        durable_name=durable,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ack_wait,
        deliver_policy=DeliverPolicy.NEW if only_new else DeliverPolicy.ALL,
        max_ack_pending=BATCH * 4,
        filter_subject=wanted[0] if len(wanted) == 1 else None,
        filter_subjects=wanted if len(wanted) > 1 else None,
    )
    ended = stop or asyncio.Event()
    while not ended.is_set():
        try:
            await context.add_consumer(stream, config)
            async for batch in _batches(context, stream, durable, ended):
                while batch and not ended.is_set():
                    async with _held(batch, ack_wait / 2):
                        await _handle(batch[0], handler, store, artifact_type)
                    del batch[0]
                for left in batch:
                    await left.nak()
        except (ServiceUnavailableError, NoRespondersError, asyncio.TimeoutError) as cause:
            # JetStream or the stream is away. AWE makes the stream anew and publishes again what was lost.
            log.warning("events cannot be fetched: %s", type(cause).__name__)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), POLL)


async def _batches(
    context: JetStreamContext, stream: str, durable: str, ended: asyncio.Event
) -> AsyncIterator[List[Msg]]:
    subscription = await context.pull_subscribe_bind(durable=durable, stream=stream)
    idle = 0
    try:
        while not ended.is_set():
            try:
                batch = await subscription.fetch(BATCH, timeout=POLL)
            except asyncio.TimeoutError:
                idle += 1
                if idle % 30 == 0:  # A consumer that is gone is told by nothing but silence.
                    await context.consumer_info(stream, durable)
                continue
            idle = 0
            yield batch
    except APIError as cause:
        raise ServiceUnavailableError() from cause
    finally:
        with contextlib.suppress(Exception):
            await subscription.unsubscribe()


async def _handle(message: Msg, handler: Handler, store: AnySeenStore, artifact_type: Optional[str]) -> None:
    try:
        event = _read(message)
    except UnreadableEvent as fault:
        log.error("a message on %s is no event: %s", message.subject, fault)
        await message.term()
        return
    # Types that differ only in characters a subject cannot have share one.
    if artifact_type is not None and isinstance(event, WebhookEvent) and event.artifact_type != artifact_type:
        await message.ack()
        return
    state = await settled(store.begin(event.event_id))
    if state is Seen.DONE:
        await message.ack()
        return
    if state is Seen.BUSY:
        await message.nak(delay=BUSY)
        return
    try:
        result = handler(event)
        if inspect.isawaitable(result):
            await result
    except Exception:
        await settled(store.forget(event.event_id))
        delay = min(MOST_DELAY, 2.0 ** min(message.metadata.num_delivered - 1, 10))
        log.exception("the handler failed on event %s, which comes again in %g s", event.event_id, delay)
        await message.nak(delay=delay)
        return
    except BaseException:
        await settled(store.forget(event.event_id))
        raise
    await settled(store.done(event.event_id))
    await message.ack()


def _read(message: Msg) -> AnyEvent:
    event, headers = parse_event(message.data), message.headers or {}
    if headers.get("Nats-Msg-Id", event.event_id) != event.event_id:
        raise UnreadableEvent("Nats-Msg-Id is another than event_id")
    if isinstance(event, WebhookEvent):
        return dataclasses.replace(event, carrier=_trace.of(headers))
    return event


@contextlib.asynccontextmanager
async def _held(messages: List[Msg], seconds: float) -> AsyncIterator[None]:
    """Tells the server every so often that the first message is being worked on and the others wait for it."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(seconds)
            for each in messages:
                await each.in_progress()

    task = asyncio.ensure_future(tell())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


__all__ = ["consume", "subjects"]
