"""Waiting for the end of a request: told by a stream, and without one."""

from __future__ import annotations

import asyncio
import threading
import time
import unittest
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable

from awe_client import AsyncAweClient, AsyncPolling, AsyncStreaming, AweClient, Polling, RetryPolicy, Streaming, errors, models
from awe_client.streaming import TOLD_BY, Blocks

from .support import QUICK, Fault, OwnServer, Proxy, World, envelope, server_url, token, until, until_async

NEVER = Polling(first=600, most=600)
"""Whoever ends in time with this was told."""
OFTEN = Polling(first=0.05, most=0.05)
ONCE = RetryPolicy(attempts=1)


class Told(unittest.TestCase):
    def setUp(self) -> None:
        self.world = World()
        self.addCleanup(self.world.close)
        self.pool = ThreadPoolExecutor(4)
        self.addCleanup(self.pool.shutdown)

    def waiting(self, caller: AweClient, request_id: str, polling: Polling) -> "Future[models.RequestOut]":
        wait = caller.wait_until_terminal
        return self.pool.submit(wait, request_id, timeout=60, watcher=Streaming(caller, polling))

    def followed(self, url: str, request_id: str) -> "Future[models.RequestOut]":
        """A wait that has its stream: whoever looks a second time has opened it."""
        looks, waits = threading.Event(), [0]
        caller = self.world.client(url=url)
        get = caller.get_request

        def counted(*given: Any, **more: Any) -> models.RequestOut:
            waits[0] += 1
            if waits[0] == 2:
                looks.set()
            return get(*given, **more)

        caller.get_request = counted  # type: ignore[method-assign]
        waiting = self.waiting(caller, request_id, NEVER)
        self.assertTrue(looks.wait(20), "the stream was opened")
        return waiting

    def test_the_end_is_told_by_a_stream(self) -> None:
        made = self.world.client().create(self.world.request("told"))
        waiting = self.followed(server_url(), made.request_id)
        self.assertFalse(waiting.done())
        self.world.approve(made.request_id)
        self.assertEqual(waiting.result(20).status, "approved")

    def test_a_server_that_is_started_again_ends_no_wait(self) -> None:
        with OwnServer() as server:
            made = self.world.client().create(self.world.request("again"))
            caller = self.world.client(url=server.url, retry=ONCE)
            waiting = self.waiting(caller, made.request_id, OFTEN)
            until(lambda: caller._places._free < 32, "the stream is open")
            server.kill()
            until(lambda: caller._places._free == 32, "the stream has ended")
            server.start()
            until(lambda: caller._places._free < 32, "there is a stream again")
            self.assertFalse(waiting.done())
            self.world.approve(made.request_id)
            self.assertEqual(waiting.result(20).status, "approved")
            self.assertEqual(caller._places._free, 32)

    def test_past_the_limit_of_streams_it_asks(self) -> None:
        with OwnServer(SERVER__MAX_STREAMS="1") as server:
            first, second = (self.world.client().create(self.world.request(name)) for name in ("first", "second"))
            told = self.followed(server.url, first.request_id)
            caller = self.world.client(url=server.url)
            asking = self.waiting(caller, second.request_id, OFTEN)
            self.world.approve(second.request_id)
            self.assertEqual(asking.result(20).status, "approved")
            self.world.approve(first.request_id)
            self.assertEqual(told.result(20).status, "approved")

    def test_retry_after_is_kept_and_the_request_is_asked_for_meanwhile(self) -> None:
        full = Fault("GET /v1/awe/stream", status=503, headers={"retry-after": "60"}, times=9, body=envelope("AWE-007", "too_many_streams"))
        made = self.world.client().create(self.world.request("full"))
        with Proxy(full) as proxy:
            waiting = self.waiting(self.world.client(url=proxy.url), made.request_id, OFTEN)
            until(lambda: len(proxy.asked) > 5, "it asks again and again")
            self.world.approve(made.request_id)
            self.assertEqual(waiting.result(20).status, "approved")
            self.assertEqual(sum("/stream" in asked.path for asked in proxy.asked), 1)

    def test_a_server_without_streams_is_asked_for_none_again(self) -> None:
        for refused in (Fault("/stream", status=404, times=9), Fault("/stream", status=200, body=b"<html>", times=9)):
            made = self.world.client().create(self.world.request(f"old-{refused.status}"))
            with Proxy(refused) as proxy:
                waiting = self.waiting(self.world.client(url=proxy.url), made.request_id, OFTEN)
                until(lambda: len(proxy.asked) > 5, "it asks again and again")
                self.world.approve(made.request_id)
                self.assertEqual(waiting.result(20).status, "approved")
                self.assertLessEqual(sum("/stream" in asked.path for asked in proxy.asked), 2)

    def test_waiting_gives_up_in_time_and_gives_back(self) -> None:
        caller = self.world.client()
        made = caller.create(self.world.request("patience"))
        for seconds in (0.0, 0.3, 1.2):
            began = time.monotonic()
            with self.assertRaises(errors.WaitTimeout):
                caller.wait_until_terminal(made.request_id, timeout=seconds)
            self.assertLess(time.monotonic() - began, seconds + 3)
        self.assertEqual(caller._places._free, 32)

    def test_the_first_look_fails_at_once(self) -> None:
        with self.assertRaises(errors.NotFound):
            self.world.client().wait_until_terminal("0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10")
        with self.assertRaises(errors.TransportError):
            AweClient("http://127.0.0.1:9", retry=ONCE).wait_until_terminal("0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10")

    def test_more_waits_than_places_end_too(self) -> None:
        caller = self.world.client()
        made = caller.create(self.world.request("crowd"))
        with ThreadPoolExecutor(40) as crowd:
            wait: Callable[..., models.RequestOut] = caller.wait_until_terminal
            waits = [crowd.submit(wait, made.request_id, timeout=60, watcher=Streaming(caller, OFTEN)) for _ in range(40)]
            until(lambda: caller._places._free == 0, "all places are taken")
            self.world.approve(made.request_id)
            self.assertEqual({one.result(30).status for one in waits}, {"approved"})
        self.assertEqual(caller._places._free, 32)


class AsyncTold(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.world = World()
        self.addCleanup(self.world.close)

    async def test_the_end_is_told_across_a_restart(self) -> None:
        made = self.world.client().create(self.world.request("async"))
        with OwnServer() as server:
            async with AsyncAweClient(server.url, token(self.world.caller), retry=QUICK) as caller:
                watcher = AsyncStreaming(caller, AsyncPolling(first=0.05, most=0.05))
                waiting = asyncio.ensure_future(caller.wait_until_terminal(made.request_id, timeout=60, watcher=watcher))
                await self.places(caller, lambda free: free < 32)
                server.kill()
                await self.places(caller, lambda free: free == 32)
                await asyncio.get_running_loop().run_in_executor(None, server.start)
                await self.places(caller, lambda free: free < 32)
                self.assertFalse(waiting.done())
                self.world.approve(made.request_id)
                self.assertEqual((await waiting).status, "approved")
                self.assertEqual(caller._places._free, 32)

    async def test_waiting_gives_up_in_time(self) -> None:
        made = self.world.client().create(self.world.request("async-patience"))
        async with AsyncAweClient(server_url(), token(self.world.caller)) as caller:
            began = time.monotonic()
            with self.assertRaises(errors.WaitTimeout):
                await caller.wait_until_terminal(made.request_id, timeout=0.4)
            self.assertLess(time.monotonic() - began, 3)
            self.assertEqual(caller._places._free, 32)

    async def places(self, caller: AsyncAweClient, wanted: Callable[[int], bool]) -> None:
        await until_async(lambda: wanted(caller._places._free), "places are free")


class Parts(unittest.TestCase):
    def test_blocks_are_told_apart_however_they_are_cut(self) -> None:
        cases = {
            b":\nid: BgAA\nretry: 2000\n\n": [],
            b'event: request_approved\nid: BgAB\ndata: {"event_id":"1"}\n\n': ["event"],
            b'event: resume\r\nid: BgAB\r\ndata: {"reason":"stopping"}\r\n\r\n': ["resume"],
        }
        for text, expected in cases.items():
            for size in (1, 2, 7, 1000):
                blocks = Blocks()
                told = [blocks.take(text[at : at + size]) for at in range(0, len(text), size)]
                self.assertEqual([one for one in told if one], expected, size)
                self.assertEqual(blocks.count, 1)

    def test_an_endless_line_takes_no_memory(self) -> None:
        blocks = Blocks()
        blocks.take(b"event: resume")
        blocks.take(b"x" * (1 << 20))
        self.assertLessEqual(len(blocks._line), TOLD_BY)
        self.assertEqual(blocks.take(b"\ndata: 1\n\n"), "event")
