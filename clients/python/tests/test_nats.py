"""Events that a running server publishes on NATS."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import unittest
import uuid
from typing import Any, List

import nats
import nats.errors
import nats.js.errors

from awe_client import AsyncAweClient, MemorySeenStore, WebhookEvent
from awe_client.nats import consume, subjects

from .support import World, nats_url, server_url, token, until_async


class Subjects(unittest.TestCase):
    def test_subjects_say_types_and_artifact(self) -> None:
        self.assertEqual(subjects(), ["awe.events.*.*.*"])
        self.assertEqual(subjects(["a", "b"], "x.y é"), ["awe.events.a.x_y__.*", "awe.events.b.x_y__.*"])
        self.assertEqual(subjects(prefix="p"), ["p.events.*.*.*"])


class Consumer(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.world = World()
        self.addCleanup(self.world.close)
        self.connection = await nats.connect(nats_url())
        self.addAsyncCleanup(self.connection.close)
        self.durable = f"test-{uuid.uuid4().hex[:12]}"
        for name in ("awe_client.nats", "asyncio"):  # Handlers fail on purpose, and tests block the loop.
            logging.getLogger(name).setLevel(logging.CRITICAL)

    async def asyncTearDown(self) -> None:
        await self.connection.jetstream().delete_consumer("AWE_EVENTS", self.durable)

    def make(self, artifact_id: str, approve: bool = True) -> str:
        with self.world.client() as caller:
            made = caller.create(self.world.request(artifact_id))
        if approve:
            self.world.approve(made.request_id)
        return made.request_id

    async def until(self, handler: Any, enough: Any, **more: Any) -> None:
        """Consumes until `enough` returns true."""
        stop = asyncio.Event()

        async def watched(event: Any) -> None:
            try:
                result = handler(event)
                if inspect.isawaitable(result):
                    await result
            finally:
                if enough():
                    stop.set()

        more.setdefault("artifact_type", self.world.kind)
        running = consume(self.connection, watched, durable=self.durable, stop=stop, **more)
        await asyncio.wait_for(running, 20)

    async def test_events_come_in_order_and_the_place_is_kept(self) -> None:
        found: List[WebhookEvent] = []
        request_id = self.make("first")
        await self.until(found.append, lambda: found and found[-1].is_final)
        with self.world.client() as caller:
            told = [(one.sequence, one.id) for one in caller.events(request_id)]
        self.assertEqual([(one.sequence, one.event_id) for one in found], told)
        for one in found:
            self.assertRegex(one.carrier["traceparent"], "^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$")
        second = self.make("second")
        await self.until(found.append, lambda: found[-1].request_id == second and found[-1].is_final)
        self.assertEqual(sum(one.request_id == request_id for one in found), len(told))

    async def test_an_event_belongs_to_the_trace_of_the_call_that_caused_it(self) -> None:
        found: List[WebhookEvent] = []
        trace_id = uuid.uuid4().hex
        said = {"traceparent": f"00-{trace_id}-00f067770b7902b7-01", "tracestate": "vendor=1"}
        with self.world.client(trace=lambda carrier: carrier.update(said)) as caller:
            caller.create(self.world.request("traced"))
        await self.until(found.append, lambda: found)
        self.assertEqual(found[0].carrier["traceparent"][3:35], trace_id)
        self.assertEqual(found[0].carrier["tracestate"], "vendor=1")

    async def test_types_can_be_chosen(self) -> None:
        found: List[WebhookEvent] = []
        self.make("chosen")
        wanted = ["request_created", "request_approved"]
        await self.until(found.append, lambda: len(found) == 2, event_types=wanted)
        self.assertEqual([one.event_type for one in found], wanted)

    async def test_an_event_whose_handler_fails_comes_again(self) -> None:
        tried: List[str] = []

        async def handler(event: Any) -> None:
            tried.append(event.event_id)
            if len(tried) == 1:
                raise RuntimeError("on purpose")

        self.make("failing")
        await self.until(handler, lambda: len(tried) == 2, event_types=["request_approved"])
        self.assertEqual(tried[0], tried[1])

    async def test_what_was_seen_is_not_handled_again(self) -> None:
        found: List[WebhookEvent] = []
        store = MemorySeenStore()
        request_id = self.make("seen")
        with self.world.client() as caller:
            for one in list(caller.events(request_id))[:-1]:
                store.begin(one.id)
                store.done(one.id)
        await self.until(found.append, lambda: bool(found), seen=store)
        self.assertEqual([one.event_type for one in found], ["request_approved"])

    async def test_what_is_no_event_is_taken_off(self) -> None:
        found: List[WebhookEvent] = []
        await self.connection.publish(subjects(["request_created"], self.world.kind)[0][:-1] + "x", b"not json")
        await self.connection.flush()
        self.make("after")
        await self.until(found.append, lambda: bool(found), event_types=["request_created"])
        info = await self.connection.jetstream().consumer_info("AWE_EVENTS", self.durable)
        self.assertEqual((len(found), info.num_redelivered), (1, 0))

    async def test_a_consumer_that_was_deleted_is_made_anew(self) -> None:
        found: List[str] = []
        first = self.make("first")
        context = self.connection.jetstream()

        async def handler(event: WebhookEvent) -> None:
            found.append(event.request_id)
            if found == [first]:
                await context.delete_consumer("AWE_EVENTS", self.durable)
                await asyncio.get_running_loop().run_in_executor(None, self.make, "second")

        await self.until(handler, lambda: len(found) == 2, event_types=["request_approved"])
        self.assertEqual(found[0], first)
        self.assertNotEqual(found[1], first)

    async def test_a_closed_connection_ends_it(self) -> None:
        other = await nats.connect(nats_url())
        running = asyncio.ensure_future(consume(other, print, durable=self.durable, artifact_type=self.world.kind))
        context = self.connection.jetstream()

        async def waits() -> bool:
            try:
                return bool((await context.consumer_info("AWE_EVENTS", self.durable)).num_waiting)
            except nats.js.errors.NotFoundError:
                return False

        await until_async(waits, "the consumer asks for events")
        await other.close()
        with self.assertRaises(nats.errors.Error):
            await asyncio.wait_for(running, 10)

    async def test_a_forged_event_is_not_confirmed(self) -> None:
        found: List[WebhookEvent] = []
        self.make("real")
        await self.until(found.append, lambda: found and found[-1].is_final)
        forged = {**found[-1].data, "event_id": str(uuid.uuid4()), "sequence": 99}
        from awe_client.events import parse_event

        event = parse_event(json.dumps(forged).encode())
        assert isinstance(event, WebhookEvent)
        async with AsyncAweClient(server_url(), token("anybody")) as client:
            self.assertTrue(await client.confirm(found[-1]))
            self.assertFalse(await client.confirm(event))
