"""A first request as in the README: policy, request, decision, webhook, event."""

from __future__ import annotations

from support import api, signatures
from support.case import EngineCase

LIFE = ["request_created", "stage_started", "decision_recorded", "stage_completed", "request_approved"]
SENT = [event_type for event_type in LIFE if event_type != "decision_recorded"]


class Smoke(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.receiver = self.sink()
        self.server = self.serve()
        self.admin = self.server.admin()
        self.addCleanup(self.admin.close)
        body = {"caller_service": "admin"}
        self.secret = self.admin.post("/admin/callback-secrets", body).expect(201)["secret"]
        api.create_policy(self.admin, "demo.v1", api.stage(1, "alice"))

    def create(self) -> dict:
        body = api.request_body("demo.v1", "CR-1", self.receiver.url)
        return self.admin.post("/requests", body).expect(201)

    def approve(self) -> str:
        """Creates a request and decides it with the admin's token."""
        created = self.create()
        self.assertEqual((created["status"], len(created["tasks"])), ("in_review", 1))
        decision = self.admin.decide(created["tasks"][0]["id"]).expect(201)
        self.assertEqual((decision["actor"], decision["on_behalf_of"]), ("admin", "alice"))
        return created["request_id"]

    def test_a_request_is_approved_and_its_history_says_how(self) -> None:
        request_id = self.approve()
        read = self.admin.get(f"/requests/{request_id}").expect(200)
        self.assertEqual(read["status"], "approved")
        events = self.admin.get(f"/requests/{request_id}/events").expect(200)
        self.assertEqual([event["event_type"] for event in events], LIFE)
        self.assertEqual([event["sequence"] for event in events], [1, 2, 3, 4, 5])

    def test_every_webhook_is_signed_and_they_come_in_order(self) -> None:
        request_id = self.approve()
        self.receiver.wait_for_type("request_approved", request_id)
        received = self.receiver.received(request_id)
        for one in received:
            signatures.verify(one.headers, one.raw, self.secret)
            self.assertEqual(one.headers["x-approval-event-id"], one.event["event_id"])
            self.assertEqual(one.headers["webhook-id"], one.event["event_id"])
            self.assertEqual(one.headers["content-type"], "application/json")
        self.assertEqual([one.event["event_type"] for one in received], SENT)
        self.assertEqual([one.event["sequence"] for one in received], [1, 2, 4, 5])

    def test_a_changed_body_or_another_secret_does_not_verify(self) -> None:
        one = self.receiver.wait_for_type("request_approved", self.approve())
        with self.assertRaises(AssertionError):
            signatures.verify(one.headers, one.raw.replace(b"approved", b"rejected"), self.secret)
        with self.assertRaises(AssertionError):
            signatures.verify(one.headers, one.raw, "whsec_" + "A" * 43 + "=")

    def test_the_event_on_the_bus_is_the_one_in_the_webhook(self) -> None:
        subscriber = self.nats()
        subscriber.subscribe(f"{self.prefix}.events.request_approved.>")
        request_id = self.approve()
        message = subscriber.next(within=20)
        webhook = self.receiver.wait_for_type("request_approved", request_id)
        self.assertEqual(
            message.subject, f"{self.prefix}.events.request_approved.change_request.{request_id}"
        )
        self.assertEqual(message.json, webhook.event)
        self.assertEqual(message.body, webhook.raw)
        event_id = webhook.event["event_id"]
        expected = {
            "Nats-Msg-Id": event_id,
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-type": "org.openg2p.awe.request_approved",
            "ce-subject": request_id,
            "ce-time": webhook.event["occurred_at"],
        }
        self.assertEqual({name: message.headers.get(name) for name in expected}, expected)
        self.assertIn("ce-source", message.headers)

    def test_the_stream_keeps_every_event_in_order(self) -> None:
        subscriber = self.nats()
        subscriber.subscribe(f"{self.prefix}.events.request_approved.>")
        request_id = self.approve()
        subscriber.next(within=20)
        kept = list(subscriber.stream(self.events_stream, f"{self.prefix}.events.*.*.{request_id}"))
        self.assertEqual([message.json["event_type"] for message in kept], LIFE)
        history = self.database.histories()[request_id]
        self.assertEqual([message.json["event_id"] for message in kept], [e["id"] for e in history["events"]])
        self.assert_gapless(history)

    def test_a_second_decision_of_the_same_task_is_refused(self) -> None:
        task_id = self.create()["tasks"][0]["id"]
        self.admin.decide(task_id).expect(201)
        again = self.admin.decide(task_id)
        self.assertEqual((again.status, again.code), (409, "AWE-007"))
