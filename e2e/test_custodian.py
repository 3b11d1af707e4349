"""Grants that AWE approves: the data custodian, AWE, PostgreSQL and NATS as processes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import threading
import uuid
from datetime import datetime, timedelta, timezone
from typing import Callable

from support import api, server
from support.custodian import RESOURCE, U1, CustodianCase, client, customer, grant
from support.proxy import Proxy
from support.waiting import until


class Approval(CustodianCase):
    def setUp(self) -> None:
        super().setUp()
        self.one = self.custodian()

    def pending(self, **changes: object) -> tuple[str, str]:
        """The ids of a stored grant and of its request."""
        answer = self.one.provision(grant(**changes)).expect(202)
        self.assertEqual(sorted(answer), ["authorization_id", "authorization_uri", "awe_request_id", "status"])
        self.assertEqual(answer["status"], "PENDING")
        return answer["authorization_id"], answer["awe_request_id"]

    def test_a_gated_grant_waits_and_awe_is_asked_with_its_digest(self) -> None:
        id_, request_id = self.pending()
        self.assertEqual(self.one.authorization(id_)["status"], "PENDING")
        request = self.request(request_id)
        self.assertEqual((request["artifact_type"], request["artifact_id"]), ("espi.authorization", id_))
        self.assertEqual(request["policy_key"], "custodian.gated_party")
        asked = {key: value for key, value in grant().items() if key != "correlation_id"}
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()
        self.assertEqual(request["context"]["grant_digest"], hashlib.sha256(canonical).hexdigest())
        ends = datetime.fromisoformat(request["expires_at"].replace("Z", "+00:00"))
        self.assertAlmostEqual(ends - datetime.now(timezone.utc), timedelta(hours=72), delta=timedelta(minutes=2))

    def test_an_approved_grant_becomes_active_and_only_then_its_subscription_can_be_read(self) -> None:
        id_, request_id = self.pending()
        subscription = self.own.value("select id from subscriptions")
        path = f"{RESOURCE}/Subscription/{subscription}"
        self.assertEqual(self.one.call("GET", path, client("gated_party")).status, 404)
        self.decide(request_id)
        self.until_status(self.one, id_, "ACTIVE")
        read = self.one.call("GET", path, client("gated_party")).expect(200)
        self.assertEqual((read["kind"], read["usage_point_ids"]), ("resource", [U1]))
        self.assertEqual(self.changes(id_), ["PENDING", "ACTIVE"])

    def test_a_rejected_a_cancelled_and_an_expired_grant_are_revoked_without_subscriptions(self) -> None:
        rejected, cancelled, expired = self.pending(), self.pending(), self.pending()
        self.decide(rejected[1], "reject")
        with self.awe.client("data-custodian") as owner:
            owner.post(f"/requests/{cancelled[1]}/cancel", {"reason": "no longer wanted"}).expect(200)
        self.database.value(
            f"update approval_request set expires_at = now() - interval '1 second' where id = '{expired[1]}'"
        )
        for id_, _ in (rejected, cancelled, expired):
            self.until_status(self.one, id_, "REVOKED")
            self.assertEqual(self.changes(id_), ["PENDING", "REVOKED"])
        self.assertEqual(self.own.count("select count(*) from subscriptions"), 0)

    def test_while_awe_is_away_a_gated_grant_is_503_without_a_row_and_others_go_on(self) -> None:
        self.awe.stop()
        answer = self.one.provision(grant())
        self.assertEqual((answer.status, answer.json["error"]), (503, "temporarily_unavailable"))
        self.assertIn("Retry-After", answer.headers)
        self.assertEqual(self.stored(), 0)
        self.one.provision(grant(client_id="third_party")).expect(201)

    def test_without_a_policy_a_gated_grant_is_503_without_a_row(self) -> None:
        self.own.value("update registered_clients set awe_policy_key = 'nobody.wrote.this' where requires_approval")
        self.assertEqual(self.one.provision(grant()).json["error"], "temporarily_unavailable")
        self.assertEqual(self.stored(), 0)

    def test_a_withdrawal_while_it_waits_cancels_the_request(self) -> None:
        id_, request_id = self.pending()
        path = f"{RESOURCE}/Authorization/{id_}"
        self.assertEqual(self.one.call("DELETE", path, customer(42)).status, 204)
        until(lambda: self.request(request_id)["status"] == "cancelled", "the request is cancelled")
        self.assertEqual(self.changes(id_), ["PENDING", "REVOKED"])
        self.assertEqual(self.own.count("select count(*) from authorizations where cancel_owed"), 0)

    def test_an_approval_after_the_withdrawal_changes_nothing(self) -> None:
        id_, request_id = self.pending()
        cut_off = self.custodian(awe__url="", nats__url="")
        self.one.kill()
        self.assertEqual(cut_off.call("DELETE", f"{RESOURCE}/Authorization/{id_}", client("gated_party")).status, 204)
        self.decide(request_id)
        self.one.start()
        applied = f"select count(*) from applied_events where awe_request_id = '{request_id}'"
        until(lambda: self.own.count(applied) == 1, "the approval has come")
        self.assertEqual(self.one.authorization(id_)["status"], "REVOKED")
        self.assertEqual(self.changes(id_), ["PENDING", "REVOKED"])

    def test_a_withdrawal_is_told_on_the_stream_as_the_public_read(self) -> None:
        answer = self.one.provision(grant(client_id="third_party")).expect(201)
        id_ = answer["authorization_id"]
        self.assertEqual(self.one.call("DELETE", f"{RESOURCE}/Authorization/{id_}", customer(42)).status, 204)
        until(lambda: self.own.count("select count(*) from outbox") == 0, "NATS has taken the event")
        told = list(self.nats().stream(f"{self.subjects.upper()}_EVENTS", f"{self.subjects}.>"))
        self.assertEqual([one.subject for one in told], [f"{self.subjects}.authorization.revoked.{id_}"])
        self.assertEqual(told[0].json, self.one.authorization(id_))
        self.assertEqual(told[0].json["status"], "REVOKED")

    def test_what_the_stream_lost_is_reconciled(self) -> None:
        self.one.stop()
        deaf = self.custodian(nats__url="", awe__reconcile_interval_seconds=1)
        self.one = deaf
        approved, rejected = self.pending(), self.pending()
        self.decide(approved[1])
        self.decide(rejected[1], "reject")
        self.until_status(deaf, approved[0], "ACTIVE")
        self.until_status(deaf, rejected[0], "REVOKED")
        self.assertEqual(self.changes(approved[0]), ["PENDING", "ACTIVE"])

    def test_events_that_come_again_are_applied_once(self) -> None:
        id_, request_id = self.pending()
        self.decide(request_id)
        self.until_status(self.one, id_, "ACTIVE")
        self.one.stop()
        # Another durable name begins with the oldest event that is kept.
        second = self.custodian(nats__durable=f"again-{self.prefix}")
        later_id, later_request = self.pending_at(second)
        self.decide(later_request)
        self.until_status(second, later_id, "ACTIVE")
        self.assertEqual(self.changes(id_), ["PENDING", "ACTIVE"])
        self.assertEqual(self.own.count("select count(*) from applied_events"), 2)

    def pending_at(self, custodian) -> tuple[str, str]:
        answer = custodian.provision(grant()).expect(202)
        return answer["authorization_id"], answer["awe_request_id"]

    def test_an_event_that_awe_never_sent_changes_nothing(self) -> None:
        id_, request_id = self.pending()
        forged = {
            "event_id": secrets.token_hex(16), "event_type": "request_approved", "request_id": request_id,
            "sequence": 9, "artifact_type": "espi.authorization", "artifact_id": id_, "policy_key": "custodian.gated_party",
            "policy_version": 1, "status": "approved", "occurred_at": "2026-01-01T00:00:00Z", "payload": {},
        }  # fmt: skip
        subject = f"{self.prefix}.events.request_approved.espi_authorization.{request_id}"
        nobodys = {**forged, "event_id": secrets.token_hex(16), "request_id": str(uuid.uuid4())}
        for event in (forged, nobodys):
            self.nats().request(subject, event)
        until(lambda: self.one.metric("events_forged_total") == 2, "the forged events were looked at")
        self.assertEqual(self.one.authorization(id_)["status"], "PENDING")
        self.assertEqual(self.changes(id_), ["PENDING"])
        self.decide(request_id)
        self.until_status(self.one, id_, "ACTIVE")

    def test_it_starts_and_answers_while_nats_is_away_and_says_so(self) -> None:
        lonely = self.custodian(nats__url="nats://127.0.0.1:1")
        lonely.provision(grant(client_id="third_party")).expect(201)
        self.assertIn(lonely.call("GET", "/health").expect(200)["status"], ("ok", "degraded"))


class LostAnswers(CustodianCase):
    """AWE has made a request, and nobody learns of it."""

    def setUp(self) -> None:
        super().setUp()
        self.between = Proxy(self.awe.port)
        self.addCleanup(self.between.close)
        url = f"http://127.0.0.1:{self.between.port}"
        self.one = self.custodian(awe__url=url, awe__reconcile_interval_seconds=1)

    def requests(self) -> list[dict]:
        with self.awe.admin() as admin:
            return admin.get("/requests?artifact_type=espi.authorization").expect(200)

    def until_cancelled(self) -> None:
        """The one request is cancelled, and nothing is owed any more."""
        until(lambda: [one["status"] for one in self.requests()] == ["cancelled"], "the orphan is cancelled", 40)
        until(lambda: self.own.count("select count(*) from approvals_asked") == 0, "it is forgotten")
        self.assertEqual(self.stored(), 0)

    def test_a_request_whose_answer_was_lost_is_cancelled_and_a_second_call_makes_its_own(self) -> None:
        self.between.lose_answers(True)
        answer = self.one.provision(grant())
        self.assertEqual((answer.status, answer.json["error"]), (503, "temporarily_unavailable"))
        self.assertEqual([one["status"] for one in self.requests()], ["in_review"])
        self.between.lose_answers(False)
        self.until_cancelled()
        self.assertEqual(self.one.metric("orphans_cancelled_total"), 1)
        stored = self.one.provision(grant()).expect(202)
        self.decide(stored["awe_request_id"])
        self.until_status(self.one, stored["authorization_id"], "ACTIVE")

    def test_a_request_whose_custodian_died_before_it_was_stored_is_cancelled(self) -> None:
        self.between.lose_answers(True)
        asking = threading.Thread(target=lambda: self.lost(lambda: self.one.provision(grant())))
        asking.start()
        until(self.requests, "AWE has the request")
        self.one.kill()
        asking.join(30)
        self.between.lose_answers(False)
        asked = "update approvals_asked set asked_at = now() - interval '1 hour' where not given_up"
        self.own.value(asked)
        self.one.start()
        self.until_cancelled()

    def lost(self, call: Callable[[], object]) -> None:
        with contextlib.suppress(*api.LOST):
            call()

    def test_while_awe_is_away_nothing_is_owed_for_calls_that_never_reached_it(self) -> None:
        self.awe.stop()
        lonely = self.custodian(awe__url=f"http://127.0.0.1:{server.free_port()}")
        self.assertEqual(lonely.provision(grant()).status, 503)
        self.assertEqual(self.own.count("select count(*) from approvals_asked"), 0)
