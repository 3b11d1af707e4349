"""The feed of all events: every reader has each of them once, in order, whatever breaks."""

from __future__ import annotations

import time

from support import api, database
from support.case import EngineCase
from support.follower import Follower, Puller, Reader, Stream, wait_for_all
from support.load import Persistent
from support.server import Server
from support.services import NatsServer
from support.waiting import until

EVENTS = "select count(*) from approval_event"
LIFECYCLES = 240


class Broken(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.own = NatsServer(self.folder)
        self.addCleanup(self.own.stop)
        # Two processes that both serve and relay: when one is killed, the other publishes.
        self.servers = [self.serve(nats__url=self.own.url), self.serve(nats__url=self.own.url)]
        self.ports = [server.port for server in self.servers]
        with self.servers[0].admin() as admin:
            api.create_policy(admin, "feed.v1", api.stage(1, "alice"), api.stage(2, "bob"))
            self.start = admin.get("/events?after=now").headers["X-Next-Cursor"]

    def readers(self) -> list[Reader]:
        found: list[Reader] = [Follower(self.ports, seed, self.start) for seed in range(6)]
        found += [Puller(self.ports, seed) for seed in range(2)]
        for reader in found:
            self.addCleanup(reader.finish)
            reader.start()
        return found

    def load(self) -> Persistent:
        """Requests that go through both stages, each call at one server or the other."""

        def lifecycle(client: api.Client, number: int) -> api.Answer:
            key = {"Idempotency-Key": f"key-{number}"}
            made = client.post("/requests", api.request_body("feed.v1", f"CR-{number}"), key)
            if made.status != 201:
                return made
            for person in ("alice", "bob"):
                with api.Client(self.ports[number % 2], person) as approver:
                    mine = approver.get(f"/tasks?request_id={made.json['request_id']}&status=open")
                    if mine.status != 200:
                        return mine
                    for task in mine.json["items"]:
                        answer = approver.decide(task["id"])
                        if answer.status not in (201, 409):
                            return answer
            return made

        turn = iter(range(1_000_000))
        return Persistent(lifecycle, range(LIFECYCLES), 150).start(
            lambda: api.Client(self.ports[next(turn) % 2], "registry")
        )

    def assert_complete(self, readers: list[Reader]) -> None:
        """Asserts that each reader has what the database has, in that order, which is the order of each request."""
        wanted = [row["id"] for row in self.database.rows("select id from approval_event order by position")]
        wait_for_all(readers, len(wanted), until)
        time.sleep(0.5)  # whoever reads an event twice has had the time for it
        for reader in readers:
            self.assertIsNone(reader.failure)
            self.assertEqual([event["event_id"] for event in reader.events], wanted, type(reader).__name__)
            last: dict[str, int] = {}
            for event in reader.events:
                self.assertEqual(event["sequence"], last.get(event["request_id"], 0) + 1)
                last[event["request_id"]] = event["sequence"]


class CutAndResumed(Broken):
    def test_every_reader_has_every_event_once_across_restarts_a_change_of_relay_and_without_nats(self) -> None:
        readers, load = self.readers(), self.load()
        first, second = self.servers
        load.wait_for(LIFECYCLES // 8)
        first.kill()
        first.start()
        load.wait_for(LIFECYCLES // 4)
        self.own.kill()
        load.wait_for(LIFECYCLES // 2)
        # The relay changes hands, and one process begins without NATS.
        begun = time.monotonic()
        second.terminate()
        self.assertEqual(second.exit_code(), 0)
        self.assertLess(time.monotonic() - begun, 15, "open streams do not hold up the end of a process")
        second.start()
        load.wait_for(3 * LIFECYCLES // 4)
        self.own.start()
        load.finish()
        self.assertEqual(len(load.done), LIFECYCLES)
        self.assert_complete(readers)
        followers = [reader for reader in readers if isinstance(reader, Follower)]
        self.assertTrue(all(reader.begun > 3 for reader in followers), "streams were cut and taken up again")
        self.assertTrue(any("stopping" in reader.reasons for reader in followers), "a stop is told")


class Alone(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.server = self.serve()
        with self.server.admin() as admin:
            api.create_policy(admin, "alone.v1", api.stage(1, "alice"))

    def create(self, server: Server) -> str:
        with server.client("registry") as registry:
            return registry.post("/requests", api.request_body("alone.v1", "CR-1")).expect(201)["request_id"]

    def test_an_open_transaction_that_writes_something_else_stops_nobody(self) -> None:
        stream = Stream(self.server.port)
        self.addCleanup(stream.close)
        blocks = iter(stream)
        self.assertIn("id", next(blocks))
        # It has an id, is older than what follows, and goes on.
        held = self.database.lock("callback_secret")
        self.addCleanup(held.release)
        request = self.create(self.server)
        self.assertIn(request, next(block for block in blocks if "data" in block)["data"])

    def test_a_silent_stream_says_that_it_lives_and_where_it_is(self) -> None:
        stream = Stream(self.server.port, "types=request_cancelled")
        self.addCleanup(stream.close)
        blocks = iter(stream)
        first, begun = next(blocks), time.monotonic()
        self.create(self.server)
        second = next(blocks)
        self.assertAlmostEqual(time.monotonic() - begun, 15, delta=3)
        self.assertIn("", second, "a comment")
        self.assertNotEqual(first["id"], second["id"], "what does not fit was looked at")
        with self.server.admin() as admin:
            self.assertEqual(admin.get(f"/events?after={second['id']}").expect(200), [])

    def test_events_of_a_process_without_streams_come_soon(self) -> None:
        other = self.serve()
        stream = Stream(self.server.port)
        self.addCleanup(stream.close)
        blocks = iter(stream)
        next(blocks)
        for _ in range(3):
            request, begun = self.create(other), time.monotonic()
            while request not in next(blocks).get("data", ""):
                pass
            self.assertLess(time.monotonic() - begun, 5)
        self.assertEqual(database.run(self.database.url, EVENTS), "6")
