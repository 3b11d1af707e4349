"""Once each: the store of seen events, and what a receiver answers."""

from __future__ import annotations

import asyncio
import threading
import unittest
from typing import Any, List

from awe_client import MemorySeenStore, Receiver, Seen, sign_for_test

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


def signed(event_id: str = "e-1") -> Any:
    return sign_for_test({"event_id": event_id, "event_type": "request_novelty"}, SECRET)


class Memory(unittest.TestCase):
    def test_an_event_is_new_busy_and_done(self) -> None:
        store = MemorySeenStore()
        self.assertEqual([store.begin("a"), store.begin("a")], [Seen.NEW, Seen.BUSY])
        store.done("a")
        self.assertEqual(store.begin("a"), Seen.DONE)

    def test_a_forgotten_event_is_new(self) -> None:
        store = MemorySeenStore()
        store.begin("a")
        store.forget("a")
        self.assertEqual(store.begin("a"), Seen.NEW)

    def test_the_oldest_are_forgotten_first(self) -> None:
        store = MemorySeenStore(most=2)
        for event_id in ("a", "b", "c"):
            store.begin(event_id)
            store.done(event_id)
        self.assertEqual(len(store), 2)
        self.assertEqual([store.begin("c"), store.begin("b"), store.begin("a")], [Seen.DONE, Seen.DONE, Seen.NEW])

    def test_a_lease_ends(self) -> None:
        now = [0.0]
        store = MemorySeenStore(lease=10, clock=lambda: now[0])
        store.begin("a")
        now[0] = 9.9
        self.assertEqual(store.begin("a"), Seen.BUSY)
        now[0] = 10.0
        self.assertEqual(store.begin("a"), Seen.NEW)

    def test_of_many_threads_one_begins(self) -> None:
        store, found = MemorySeenStore(), list[Seen]()
        threads = [threading.Thread(target=lambda: found.append(store.begin("a"))) for _ in range(20)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        self.assertEqual(found.count(Seen.NEW), 1)


class Answers(unittest.TestCase):
    def test_the_second_delivery_is_answered_and_not_handled(self) -> None:
        receiver, handled = Receiver(SECRET), list[Any]()
        raw, headers = signed()
        statuses = [receiver.handle(raw, headers, handled.append).status for _ in range(2)]
        self.assertEqual((statuses, len(handled)), ([200, 200], 1))

    def test_a_handler_that_fails_gets_the_event_again(self) -> None:
        receiver, handled = Receiver(SECRET), list[Any]()
        raw, headers = signed()

        def fail(_event: object) -> None:
            raise RuntimeError("not now")

        with self.assertRaises(RuntimeError):
            receiver.handle(raw, headers, fail)
        self.assertEqual(receiver.handle(raw, headers, handled.append).status, 200)
        self.assertEqual(len(handled), 1)

    def test_a_delivery_beside_one_that_is_handled_has_to_come_again(self) -> None:
        receiver = Receiver(SECRET)
        raw, headers = signed()
        inner: List[Any] = []
        receiver.handle(raw, headers, lambda _: inner.append(receiver.handle(raw, headers, print)))
        self.assertEqual((inner[0].status, inner[0].headers), (503, {"retry-after": "5"}))

    def test_a_refusal_says_its_kind_and_no_more(self) -> None:
        receiver = Receiver(SECRET)
        raw, headers = signed()
        reply = receiver.handle(raw + b" ", headers, print)
        self.assertEqual((reply.status, reply.text), (401, "no_match"))
        self.assertEqual(receiver.handle(raw, {}, print).status, 400)
        self.assertEqual(Receiver("nonsense").handle(raw, headers, print).status, 500)

    def test_a_coroutine_function_is_awaited(self) -> None:
        receiver, handled = Receiver(SECRET), list[Any]()
        raw, headers = signed()

        async def handler(event: Any) -> None:
            await asyncio.sleep(0)
            handled.append(event)

        reply = asyncio.run(receiver.handle_async(raw, headers, handler))
        self.assertEqual((reply.status, len(handled)), (200, 1))

    def test_a_store_may_have_coroutines(self) -> None:
        class Lasting:
            def __init__(self) -> None:
                self.inner = MemorySeenStore()

            async def begin(self, event_id: str) -> Seen:
                return self.inner.begin(event_id)

            async def done(self, event_id: str) -> None:
                self.inner.done(event_id)

            async def forget(self, event_id: str) -> None:
                self.inner.forget(event_id)

        receiver, handled = Receiver(SECRET, seen=Lasting()), list[Any]()
        raw, headers = signed()

        def fail(_event: object) -> None:
            raise RuntimeError("not now")

        async def thrice() -> List[str]:
            with self.assertRaises(RuntimeError):
                await receiver.handle_async(raw, headers, fail)
            return [(await receiver.handle_async(raw, headers, handled.append)).text for _ in range(2)]

        self.assertEqual(asyncio.run(thrice()), ["ok", "seen before"])
        self.assertEqual(len(handled), 1)
