"""The client for asyncio, on a running server."""

from __future__ import annotations

import asyncio
import logging
import unittest
from typing import Any

from awe_client import AsyncAweClient, AsyncPolling, ClientCredentials, errors

from .support import QUICK, Fault, Proxy, World, envelope, server_url, token, until_async
from .test_client import CREATE, overloaded


class Async(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        logging.getLogger("asyncio").setLevel(logging.ERROR)  # Tests block the loop, which its debug mode tells.
        self.world = World()
        self.addCleanup(self.world.close)

    async def client(self, subject: Any = None, url: Any = None, **more: Any) -> AsyncAweClient:
        made = AsyncAweClient(url or server_url(), token(subject or self.world.caller), retry=QUICK, **more)
        self.addAsyncCleanup(made.close)
        return made

    async def test_a_request_lives_and_ends(self) -> None:
        caller, approver = await self.client(), await self.client(self.world.approver)
        made = await caller.create(self.world.request())
        tasks = [task async for task in approver.tasks(request_id=made.request_id)]
        self.assertEqual((await approver.claim(tasks[0].id)).status, "claimed")
        with Proxy() as proxy:
            watched = await self.client(url=proxy.url)
            waiting = asyncio.ensure_future(
                watched.wait_until_terminal(made.request_id, timeout=20, watcher=AsyncPolling(first=0.05))
            )
            await until_async(lambda: proxy.asked, "it polls")
            await approver.decide(tasks[0].id, "reject", comment="no")
            self.assertEqual((await waiting).status, "rejected")
        found = [one.event_type async for one in caller.events(made.request_id)]
        self.assertEqual((found[0], found[-1]), ("request_created", "request_rejected"))
        self.assertEqual(len(await caller.list(artifact_type=self.world.kind)), 1)

    async def test_pages_are_followed_and_cancelled_requests_end(self) -> None:
        caller = await self.client()
        made = [await caller.create(self.world.request(f"a-{n}")) for n in range(3)]
        found = [one.id async for one in caller.iterate(artifact_type=self.world.kind, limit=1)]
        self.assertEqual(found, [one.request_id for one in reversed(made)])
        self.assertEqual((await caller.cancel(found[0])).status, "cancelled")

    async def test_a_lost_answer_of_a_create_makes_one_request(self) -> None:
        with Proxy(Fault(CREATE, lost=True), overloaded()) as proxy:
            made = await (await self.client(url=proxy.url)).create(self.world.request("lost"))
        self.assertEqual((made.replayed, len(proxy.asked)), (True, 3))
        self.assertEqual({asked.headers["idempotency-key"] for asked in proxy.asked}, {made.idempotency_key})

    async def test_a_timeout_is_told(self) -> None:
        with Proxy(Fault("decision$", stalls=1.0, times=9)) as proxy:
            client = await self.client(url=proxy.url, timeout=0.2)
            with self.assertRaises(errors.RequestTimeout):
                await client.decide("0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10", "approve")
            self.assertEqual(len(proxy.asked), 4, "each attempt has the same key")

    async def test_tokens_come_from_coroutines_and_token_endpoints(self) -> None:
        async def user() -> str:
            return token("user-1")

        client = await self.client()
        made = await client.with_token(user).create(self.world.request("user"))
        self.assertEqual((await client.get(made.request_id)).source_service, "user-1")
        answer = f'{{"access_token": "{token("service-1")}", "expires_in": 60}}'.encode()
        refused = Fault("GET", status=401, body=envelope("AWE-008", "token_expired"))
        with Proxy(Fault("POST /token", status=200, body=answer, times=9), refused) as proxy:
            source = ClientCredentials(proxy.url + "/token", "a", "b")
            service = (await self.client(url=proxy.url)).with_token(source)
            await service.list()
            self.assertEqual([one.method for one in proxy.asked], ["POST", "GET", "POST", "GET"])
