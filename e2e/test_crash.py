"""kill -9, and receivers that fail: nothing acknowledged is lost, and nothing happens twice."""

from __future__ import annotations

import socket

from support import api, signatures
from support.case import EngineCase
from support.load import Persistent, in_parallel
from support.waiting import until

REQUESTS = 500
KILL_AFTER = (150, 320)
LIFE = ["request_created", "stage_started", "decision_recorded", "stage_completed", "request_approved"]


class Crash(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.receiver = self.sink()
        self.server = self.serve()
        with self.server.admin() as admin:
            body = {"caller_service": "registry"}
            self.secret = admin.post("/admin/callback-secrets", body).expect(201)["secret"]
            api.create_policy(admin, "crash.v1", api.stage(1, "alice"))

    def create(self, client: api.Client, number: int) -> dict:
        body = api.request_body("crash.v1", f"CR-{number}", self.receiver.url)
        return client.post("/requests", body).expect(201)

    def test_kill_9_in_the_middle_of_500_decisions_loses_none_and_repeats_none(self) -> None:
        created = in_parallel(self.create, range(REQUESTS), lambda: self.server.client("registry"))
        tasks = [one["tasks"][0]["id"] for one in created]
        deciders = Persistent(api.Client.decide, tasks, within=60).start(lambda: self.server.client("alice"))
        self.kill_meanwhile(deciders)
        histories = self.database.histories()
        self.assert_all_decided_once(deciders, histories)
        events = {event["id"]: event["type"] for h in histories.values() for event in h["events"]}
        self.assert_every_webhook_came(events)
        self.assert_every_event_is_in_the_stream(histories)

    def test_kill_9_in_the_middle_of_500_decisions_with_keys_answers_each_with_its_decision(self) -> None:
        def decide(client: api.Client, task_id: str) -> api.Answer:
            return client.post(f"/tasks/{task_id}/decision", {"action": "approve"}, {"Idempotency-Key": task_id})

        created = in_parallel(self.create, range(REQUESTS), lambda: self.server.client("registry"))
        tasks = [one["tasks"][0]["id"] for one in created]
        deciders = Persistent(decide, tasks, within=60).start(lambda: self.server.client("alice"))
        self.kill_meanwhile(deciders)
        self.assertEqual(deciders.refused, {}, "a decision whose answer was lost is answered when it is repeated")
        self.assert_all_decided_once(deciders, self.database.histories())

    def kill_meanwhile(self, work: Persistent) -> None:
        """Kills and restarts the server several times in the middle of the work."""
        for count in KILL_AFTER:
            work.wait_for(count)
            self.server.kill()
            self.server.start()
        work.finish()

    def test_kill_9_in_the_middle_of_500_creates_with_keys_makes_each_once(self) -> None:
        def create(client: api.Client, number: int) -> api.Answer:
            body = api.request_body("crash.v1", f"CR-{number}", self.receiver.url)
            return client.post("/requests", body, {"Idempotency-Key": f"key-{number}"})

        creators = Persistent(create, range(REQUESTS), within=60).start(lambda: self.server.client("registry"))
        self.kill_meanwhile(creators)
        self.assertEqual(creators.refused, {})
        replayed = {n for n, answer in creators.done.items() if answer.headers.get("Idempotency-Replayed")}
        self.assertLessEqual(replayed, creators.lost, "replayed although no earlier answer was lost")
        histories = self.database.histories()
        answered = {answer.json["request_id"] for answer in creators.done.values()}
        self.assertEqual(set(histories), answered)
        self.assertEqual(len(answered), REQUESTS)
        for history in histories.values():
            self.assertEqual(self.types(history), LIFE[:2])
            self.assertEqual(len(history["tasks"]), 1)

    def assert_all_decided_once(self, deciders: Persistent, histories: dict) -> None:
        self.assertEqual(len(histories), REQUESTS)
        stored = {d["task_id"]: d["id"] for h in histories.values() for d in h["decisions"]}
        for task_id, answer in deciders.done.items():
            self.assertEqual(stored.get(task_id), answer.json["id"], "a decision that was answered 201")
        for task_id, answer in deciders.refused.items():
            self.assertEqual((answer.status, answer.code), (409, "AWE-007"), answer.raw)
            self.assertIn(task_id, deciders.lost, "refused although no earlier answer was lost")
        for history in histories.values():
            self.assertEqual(history["status"], "approved")
            self.assertEqual(len(history["decisions"]), 1, history)
            self.assertEqual(self.types(history), LIFE)
            self.assert_gapless(history)

    def assert_every_webhook_came(self, events: dict[str, str]) -> None:
        wanted = {event_id for event_id, event_type in events.items() if event_type != "decision_recorded"}

        def came(received: list) -> bool:
            return {one.headers["webhook-id"] for one in received} >= wanted

        # Leases of the killed servers end six seconds after webhook.timeout_seconds.
        received = self.receiver.wait_for(came, f"{len(wanted)} webhooks", within=40)
        self.assertEqual({one.headers["webhook-id"] for one in received}, wanted)
        bodies: dict[str, bytes] = {}
        for one in received:
            signatures.verify(one.headers, one.raw, self.secret)
            self.assertEqual(bodies.setdefault(one.headers["webhook-id"], one.raw), one.raw, "a repeated webhook")
        undelivered = "select count(*) from webhook_delivery where status <> 'delivered'"
        until(lambda: self.database.count(undelivered) == 0, "every delivery is recorded as delivered")

    def assert_every_event_is_in_the_stream(self, histories: dict) -> None:
        unpublished = "select count(*) from unpublished_event"
        until(lambda: self.database.count(unpublished) == 0, "every event is published")
        kept: dict[str, list[str]] = {request_id: [] for request_id in histories}
        for message in self.nats().stream(self.events_stream, f"{self.prefix}.events.>"):
            self.assertEqual(message.headers["Nats-Msg-Id"], message.json["event_id"])
            kept[message.json["request_id"]].append(message.json["event_id"])
        for request_id, history in histories.items():
            expected = [event["id"] for event in history["events"]]
            self.assertEqual(kept[request_id], expected, "in order, and once: the stream knows message ids")


class FailingReceiver(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()

    def test_a_webhook_that_fails_once_is_sent_again(self) -> None:
        failed: set[str] = set()

        def fail_first(event: dict) -> int:
            known = event["event_id"] in failed or event["event_type"] != "request_approved"
            failed.add(event["event_id"])
            return 200 if known else 500

        receiver = self.sink(fail_first)
        server = self.serve(webhook__backoff_seconds="[1]")
        with server.admin() as admin:
            api.create_policy(admin, "retry.v1", api.stage(1, "alice"))
            created = admin.post("/requests", api.request_body("retry.v1", "CR-1", receiver.url)).expect(201)
            admin.decide(created["tasks"][0]["id"]).expect(201)
            request_id = created["request_id"]
            good = receiver.wait_for_type("request_approved", request_id)
            tries = [one for one in receiver.received() if one.event["event_id"] == good.event["event_id"]]
            self.assertEqual([one.answered for one in tries], [500, 200])
            self.assertEqual(tries[0].raw, tries[1].raw)
            self.assertGreaterEqual(tries[1].at - tries[0].at, 0.85, "the wait of 1 s, give or take its jitter")

            def delivered() -> list:
                path = f"/admin/deliveries?request_id={request_id}&event_type=request_approved&status=delivered"
                return admin.get(path).expect(200)

            delivery = until(delivered, "the delivery is recorded")[0]
            self.assertEqual((delivery["attempt"], delivery["last_status_code"]), (2, 200))
            attempts = admin.get(f"/admin/deliveries/{delivery['id']}/attempts").expect(200)
            self.assertEqual([(a["attempt"], a["status_code"]) for a in attempts], [(1, 500), (2, 200)])

    def test_a_dead_receiver_delays_no_other(self) -> None:
        # The kernel accepts connections and no process answers, as with a process that hangs or a frozen machine.
        dead = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.addCleanup(dead.close)
        dead_url = f"http://127.0.0.1:{dead.getsockname()[1]}/webhooks"
        living = self.sink()
        # No attempt at the dead receiver ends during the test, and together they hold all permits of one endpoint.
        server = self.serve(webhook__timeout_seconds=60, webhook__endpoint_concurrency=4)
        of_dead = f"select count(*) from webhook_delivery where url = '{dead_url}'"
        with server.admin() as admin:
            api.create_policy(admin, "two.v1", api.stage(1, "alice"))
            for number in range(10):
                admin.post("/requests", api.request_body("two.v1", f"D-{number}", dead_url)).expect(201)
            # The second webhook of a request is leased with its first, and is no attempt before that one ended.
            under_way = f"{of_dead} and lease_token is not null and sequence = 1"
            until(lambda: self.database.count(under_way) == 4, "attempts at the dead receiver are under way")
            created = admin.post("/requests", api.request_body("two.v1", "L", living.url)).expect(201)
            admin.decide(created["tasks"][0]["id"]).expect(201)
        living.wait_for_type("request_approved", created["request_id"], within=10)
        self.assertEqual(self.database.count(f"{of_dead} and attempt > 0"), 0, "an attempt ended: it was not dead")
        self.assertEqual(self.database.count(under_way), 4)
        # Its connections are reset, so that the server does not wait for them when it stops.
        dead.close()
