"""Something that AWE depends on is away, full or empty: what still works, what is reported, what happens later."""

from __future__ import annotations

import calendar
import time

from support import api, database
from support.case import EngineCase
from support.load import in_parallel
from support.nats import Nats
from support.proxy import Proxy
from support.server import Server, run
from support.services import NatsServer, Postgres
from support.waiting import until

UNPUBLISHED = "select count(*) from unpublished_event"
LIFE = [1, 2, 3, 4, 5]


class Degraded(EngineCase):
    def own_nats(self, limit: str = "") -> NatsServer:
        nats = NatsServer(self.folder, limit)
        self.addCleanup(nats.stop)
        return nats

    def lifecycles(self, server: Server, key: str, count: int, callback: str | None = None) -> list[str]:
        """Creates and approves requests; returns them."""
        requests = []
        with server.client("registry") as registry, server.client("alice") as alice:
            for number in range(count):
                created = registry.post("/requests", api.request_body(key, f"CR-{number}", callback)).expect(201)
                alice.decide(created["tasks"][0]["id"]).expect(201)
                requests.append(created["request_id"])
        return requests

    def degraded(self, server: Server) -> list[str]:
        with server.client() as anybody:
            response = anybody.get("/health").expect(200)["response"]
        self.assertEqual(response["status"], "UP")
        return response.get("degraded", [])

    def parts(self, server: Server) -> dict[str, str]:
        with server.admin() as admin:
            return {one["part"]: one["status"] for one in admin.get("/admin/health").expect(200)["parts"]}

    def in_stream(self, nats: NatsServer) -> dict[str, list[int]]:
        """Waits until everything is published; returns the sequences in the order of the stream, by request."""
        until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published", 40)
        kept: dict[str, list[int]] = {}
        with Nats(nats.url) as client:
            for message in client.stream(self.events_stream, f"{self.prefix}.events.>"):
                kept.setdefault(message.json["request_id"], []).append(message.json["sequence"])
        return kept

    def assert_in_order(self, nats: NatsServer, requests: list[str]) -> None:
        """Asserts that the stream has every event of each of these requests, in order."""
        kept = self.in_stream(nats)
        for request in requests:
            self.assertEqual(kept.get(request), LIFE, request)


class NatsAway(Degraded):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.own = self.own_nats()
        self.receiver = self.sink()
        self.server = self.serve(nats__url=self.own.url)
        with self.server.admin() as admin:
            api.create_policy(admin, "down.v1", api.stage(1, "alice"))

    def test_decisions_and_webhooks_go_on_and_events_follow_in_order(self) -> None:
        before = self.lifecycles(self.server, "down.v1", 3, self.receiver.url)
        until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published")
        self.own.kill()
        until(lambda: self.degraded(self.server) == ["nats"], "health says that NATS is away")
        parts = self.parts(self.server)
        self.assertEqual((parts["postgres"], parts["nats"], parts["issuer_keys"]), ("up", "down", "off"))
        during = self.lifecycles(self.server, "down.v1", 10, self.receiver.url)
        self.receiver.wait_for_type("request_approved", during[-1])
        self.assertGreater(self.database.count(UNPUBLISHED), 0)
        self.own.start()
        self.assert_in_order(self.own, [*before, *during])
        until(lambda: self.degraded(self.server) == [], "health says that all is well again", 40)
        parts = self.parts(self.server)
        self.assertEqual((parts["nats"], parts["outbox"]), ("up", "up"))

    def test_a_wiped_server_gets_everything_again(self) -> None:
        before = self.lifecycles(self.server, "down.v1", 10)
        until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published")
        self.own.kill()
        self.own.wipe()
        self.own.start()

        def holds_all() -> bool:
            with Nats(self.own.url) as client:
                found = {m.json["event_id"] for m in client.stream(self.events_stream, f"{self.prefix}.events.>")}
            return len(found) == len(LIFE) * len(before)

        until(holds_all, "the stream holds every event again", 40)
        self.assert_in_order(self.own, before)


class NatsFull(Degraded):
    def test_a_full_disk_is_as_an_absent_server_until_there_is_room_again(self) -> None:
        self.migrate()
        own = self.own_nats(limit="200KB")
        receiver = self.sink()
        server = self.serve(nats__url=own.url)
        with server.admin() as admin:
            api.create_policy(admin, "full.v1", api.stage(1, "alice"))
        requests = self.lifecycles(server, "full.v1", 100, receiver.url)
        receiver.wait_for_type("request_approved", requests[-1])
        until(lambda: self.degraded(server) == ["outbox"], "health says that events wait", 40)
        self.assertEqual(self.parts(server)["outbox"], "degraded")
        later = self.lifecycles(server, "full.v1", 3, receiver.url)
        own.kill()
        own.limit = "200MB"
        own.start()
        self.assert_in_order(own, later)
        # A server that is just full may refuse one event and take the next, so the order is not asserted: each event is
        # there once.
        kept = self.in_stream(own)
        self.assertEqual({request: sorted(kept[request]) for request in requests}, dict.fromkeys(requests, LIFE))


class ClockAhead(Degraded):
    def test_webhooks_go_out_at_once_by_the_clock_of_the_database(self) -> None:
        self.migrate()
        clock = self.folder / "clock"
        clock.write_text("600")
        receiver = self.sink()
        server = self.serve(more={"AWE_TEST_CLOCK": str(clock)})
        with server.admin() as admin:
            api.create_policy(admin, "ahead.v1", api.stage(1, "alice"))
        requests = self.lifecycles(server, "ahead.v1", 1, receiver.url)
        told = receiver.wait_for_type("request_approved", requests[0])
        occurred = calendar.timegm(time.strptime(told.event["occurred_at"][:19], "%Y-%m-%dT%H:%M:%S"))
        self.assertGreater(occurred - time.time(), 300, "the server's clock is ahead, or this test shows nothing")


class PostgresStranded(EngineCase):
    def test_connections_that_fall_silent_are_given_up_and_all_goes_on_without_a_restart(self) -> None:
        own = Postgres(self.folder)
        self.addCleanup(own.stop)
        proxy = Proxy(own.port)
        self.addCleanup(proxy.close)
        self.settings["database.url"] = own.url_of("awe", proxy.port)
        self.migrate()
        receiver = self.sink()
        server = self.serve()
        with server.admin() as admin, server.client("registry") as registry, server.client("alice") as alice:
            api.create_policy(admin, "silent.v1", api.stage(1, "alice"))
            created = registry.post("/requests", api.request_body("silent.v1", "CR-1", receiver.url)).expect(201)
            in_parallel(lambda client, _: client.get("/tasks").expect(200), range(100), lambda: server.client("bob"))
            proxy.strand()

            def decided() -> bool:
                answer = alice.decide(created["tasks"][0]["id"])
                return answer.status in (201, 409)

            until(decided, "a decision is taken again", 60)
            receiver.wait_for_type("request_approved", created["request_id"], 60)
            until(lambda: registry.get("/health").status == 200, "the server is well again", 40)
        with server.client("registry") as registry:
            for number in range(20):
                registry.post("/requests", api.request_body("silent.v1", f"CR-{number}")).expect(201)


    def test_a_relay_whose_connections_fell_silent_gives_way_to_another(self) -> None:
        own = Postgres(self.folder)
        self.addCleanup(own.stop)
        proxy = Proxy(own.port)
        self.addCleanup(proxy.close)
        self.settings["database.url"] = own.url_of("awe", proxy.port)
        self.migrate()
        first = self.serve()
        with first.admin() as admin:
            api.create_policy(admin, "relay.v1", api.stage(1, "alice"))
            admin.post("/requests", api.request_body("relay.v1", "CR-1")).expect(201)
        waiting = "select count(*) from unpublished_event"
        until(lambda: database.run(own.url, waiting) == "0", "the first relays")
        second = self.serve(database__url=own.url)
        proxy.strand()
        # PostgreSQL does not notice, so the session with the relay's lock stays.
        first.kill()
        with second.client("registry") as registry:
            registry.post("/requests", api.request_body("relay.v1", "CR-2")).expect(201)
        until(lambda: database.run(own.url, waiting) == "0", "the second relays", 60)


class PostgresAway(EngineCase):
    def test_callers_are_told_soon_and_all_goes_on_without_a_restart(self) -> None:
        own = Postgres(self.folder)
        self.addCleanup(own.stop)
        self.settings["database.url"] = own.url
        self.migrate()
        server = self.serve()
        with server.admin() as admin:
            api.create_policy(admin, "away.v1", api.stage(1, "alice"))
        body = api.request_body("away.v1", "CR-1")
        with server.client("registry") as registry:
            created = registry.post("/requests", body).expect(201)
            pid = server.pid
            own.kill()
            took = []
            for number in range(5):
                begun = time.monotonic()
                key = {"Idempotency-Key": f"key-{number}"}
                answer = registry.post("/requests", body, key)
                took.append(time.monotonic() - begun)
                self.assertEqual((answer.status, answer.code), (503, "AWE-006"), answer.raw)
                self.assertTrue(int(answer.headers["Retry-After"]) > 0)
            with server.admin() as admin:
                parts = {one["part"]: one["status"] for one in admin.get("/admin/health").expect(200)["parts"]}
            self.assertEqual((parts["postgres"], parts["outbox"]), ("down", "down"))
            at = f"http://127.0.0.1:{server.port}"
            # Whoever ends what does not answer must not end this one.
            asked = [run(["health", "--url", at, *how], {}, self.folder).returncode for how in ([], ["--live"])]
            self.assertEqual(asked, [1, 0])
            # The fastest of several tries counts, because the machine does other work too.
            self.assertLess(min(took), 2.0, took)
            health = registry.get("/health")
            self.assertEqual((health.status, health.code), (503, "AWE-006"))
            own.start()
            until(lambda: registry.get("/health").status == 200, "the server is well again", 40)
            again = registry.post("/requests", body, {"Idempotency-Key": "key-0"}).expect(201)
            self.assertNotEqual(again["request_id"], created["request_id"])
            with server.client("alice") as alice:
                alice.decide(created["tasks"][0]["id"]).expect(201)
        self.assertEqual(server.pid, pid)
