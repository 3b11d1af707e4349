"""The Registry under kills, lost answers and an AWE that is away: each approved change is written exactly once."""

from __future__ import annotations

import json
import random
import threading
import uuid
from typing import Any

from support import api, registry
from support.proxy import TO_CLIENT, Proxy
from support.registry import RegistryCase, approval, code, event, standard
from support.waiting import until

KILLS = 50


class Killed(RegistryCase):
    """kill -9 between receiving a webhook and answering it."""

    def storm(self, told: list[dict[str, Any]]) -> list[threading.Thread]:
        """Sends each event twice at once, in any order; answers are lost when the Registry dies."""

        def send(one: dict[str, Any], form: Any) -> None:
            try:
                self.send(one, form=form)
            except api.LOST:
                pass

        both = [(one, form) for one in told for form in (standard, approval)]
        self.random.shuffle(both)
        threads = [threading.Thread(target=send, args=pair) for pair in both]
        for thread in threads:
            thread.start()
        return threads

    def test_fifty_kills_under_duplicates_and_reordering_write_each_change_once(self) -> None:
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        self.random = random.Random(seed)
        changes = [self.create(f"F-{n}") for n in range(KILLS)]
        told: list[dict[str, Any]] = []
        for number, change in enumerate(changes):
            request = change["awe_request_id"]
            mine = [event(request, kind) for kind in ("stage_started", "stage_completed", "request_approved")]
            told += mine
            # Of every two kills one comes while the effect waits for a lock, one at any moment.
            held = self.lock(change["change_request_id"]) if number % 2 else None
            threads = self.storm(mine + self.random.sample(told, min(4, len(told))))
            if held:
                until(lambda: self.records.waiting_for_locks() > 0, "a webhook is being handled")
            else:
                threading.Event().wait(self.random.uniform(0, 0.03))
            self.registry.kill()
            for thread in threads:
                thread.join(30)
            if held:
                held.release()
            self.registry.start()
        # AWE sends again what was not answered; here everything comes again, twice, in any order.
        for thread in self.storm(told):
            thread.join(60)
        for one in told:
            self.send(one).expect(200)
        self.assertEqual({self.status(change["change_request_id"]) for change in changes}, {"APPROVED"})
        self.assertEqual([(row["record_id"], row["version"]) for row in self.written()], sorted((f"F-{n}", 1) for n in range(KILLS)))
        applied = self.records.rows("select request_id, event_type from awe_webhook_event_log where applied")
        self.assertEqual(sorted(row["request_id"] for row in applied), sorted(one["awe_request_id"] for one in changes))
        self.assertEqual({row["event_type"] for row in applied}, {"request_approved"})
        known = {row["event_id"] for row in self.records.rows("select event_id from awe_webhook_event_log")}
        self.assertLessEqual({one["event_id"] for one in told}, known)
        self.assertEqual(self.records.count("select count(*) from register_record"), KILLS)

    def test_a_stop_signal_finishes_what_is_in_flight(self) -> None:
        change = self.create("F-1")
        held = self.lock(change["change_request_id"])
        answers: list[api.Answer] = []
        told = event(change["awe_request_id"])
        thread = threading.Thread(target=lambda: answers.append(self.send(told)))
        thread.start()
        until(lambda: self.records.waiting_for_locks() > 0, "a webhook is being handled")
        ended: list[int] = []
        stopping = threading.Thread(target=lambda: ended.append(self.registry.terminate()))
        stopping.start()
        until(lambda: "stopping" in self.registry.log.read_text(), "it stops")
        held.release()
        thread.join(30)
        stopping.join(60)
        self.assertEqual([one.status for one in answers], [200])
        self.assertEqual(ended, [0])
        self.assertEqual(self.status(change["change_request_id"]), "APPROVED")

    def test_tables_of_a_newer_program_are_served_after_a_rollback(self) -> None:
        self.registry.kill()
        self.records.value(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)"
            " values (99990101000000, 'of a newer program', true, '', 0)"
        )
        done = self.registry.run("migrate")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.registry.start()
        self.create("F-1")


class Away(RegistryCase):
    """AWE, or the way to it, fails."""

    def registry_settings(self) -> dict[str, object]:
        self.proxy = Proxy(self.awe.port)
        self.addCleanup(self.proxy.close)
        settings = super().registry_settings()
        return {**settings, "awe.base_url": f"http://127.0.0.1:{self.proxy.port}", "awe.timeout_seconds": 2}

    def post(self, key: str, record_id: str) -> api.Answer:
        with self.staff() as staff:
            path = "/change-requests/create_change_request"
            return staff.post(path, self.body(record_id), {"Idempotency-Key": key})

    def count(self) -> int:
        return self.records.count("select count(*) from g2p_register_change_request")

    def requests(self) -> list[dict[str, Any]]:
        return self.database.rows("select id, artifact_id, status from approval_request")

    def age(self) -> None:
        """What is open in AWE looks older than any creation may take."""
        older = "created_at = created_at - interval '11 minutes'"
        self.database.unguarded(f"update approval_request set {older}; update open_request set {older}")

    def reconcile(self) -> None:
        done = self.registry.run("reconcile")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_without_awe_nothing_is_written_and_a_retry_is_the_same_change(self) -> None:
        self.proxy.refuse(True)
        self.proxy.cut()
        refused = self.post("k-1", "F-1")
        self.assertEqual((refused.status, code(refused)), (503, "REG-011"))
        self.assertTrue(int(refused.headers["Retry-After"]) > 0)
        self.assertEqual((self.count(), self.requests()), (0, []))
        self.proxy.refuse(False)
        made = self.post("k-1", "F-1").expect(201)
        self.assertEqual(self.post("k-1", "F-1").expect(201), made)
        self.assertEqual((self.count(), len(self.requests())), (1, 1))
        reused = self.post("k-1", "F-2")
        self.assertEqual((reused.status, code(reused)), (409, "REG-013"))

    def test_a_lost_answer_leaves_an_orphan_that_the_retry_finds(self) -> None:
        self.create("F-0")
        self.proxy.cut_mid(TO_CLIENT)
        # The SDK sends the call again with its key, so the caller does not even notice.
        self.post("k-1", "F-1").expect(201)
        self.assertEqual(len(self.requests()), 2)
        self.proxy.stall(True)
        refused = self.post("k-2", "F-2")
        self.assertEqual((refused.status, code(refused)), (503, "REG-011"))
        self.assertEqual(self.count(), 2)
        self.proxy.stall(False)
        made = self.post("k-2", "F-2").expect(201)
        self.assertEqual([one["id"] for one in self.requests() if one["artifact_id"] == made["change_request_id"]], [made["awe_request_id"]])

    def test_awe_killed_during_creations_leaves_no_half_of_anything(self) -> None:
        answers: dict[str, api.Answer] = {}

        def post(number: int) -> None:
            answers[f"k-{number}"] = self.post(f"k-{number}", f"F-{number}")

        threads = [threading.Thread(target=post, args=(number,)) for number in range(24)]
        for thread in threads[:12]:
            thread.start()
        until(lambda: self.requests(), "AWE has begun")
        self.awe.kill()
        for thread in threads[12:]:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.awe.start()
        statuses = {one.status for one in answers.values()}
        self.assertLessEqual(statuses, {201, 503})
        self.assertIn(503, statuses)
        made = [one.json["change_request_id"] for one in answers.values() if one.status == 201]
        self.assertEqual(self.count(), len(made))
        self.age()
        self.reconcile()
        gated = self.records.rows("select change_request_id, awe_request_id from g2p_register_change_request")
        self.assertTrue(all(row["awe_request_id"] for row in gated))
        known = {row["awe_request_id"] for row in gated}
        for one in self.requests():
            self.assertTrue(one["id"] in known or one["status"] == "cancelled", one)

    def test_an_orphan_is_cancelled_and_what_belongs_to_others_is_left_alone(self) -> None:
        admin = self.awe.admin()
        self.addCleanup(admin.close)
        body = {"policy_key": "farmer.section-farmer-edit", "artifact_type": "registry.change_request", "context": {"district": "north"}}
        hook = self.registry.settings["awe.default_callback_url"]
        mine = admin.post("/requests", {**body, "artifact_id": str(uuid.uuid4()), "callback_url": hook}).expect(201)
        young = self.create("F-1")["awe_request_id"]
        other = admin.post("/requests", {**body, "artifact_id": str(uuid.uuid4())}).expect(201)
        self.reconcile()
        self.assertEqual({one["status"] for one in self.requests()}, {"in_review"})
        self.age()
        self.reconcile()
        found = {one["id"]: one["status"] for one in self.requests()}
        self.assertEqual((found[mine["request_id"]], found[young], found[other["request_id"]]), ("cancelled", "in_review", "in_review"))
        events = admin.get(f"/requests/{mine['request_id']}/events").expect(200)
        self.assertEqual(events[-1]["reason"], "orphan")

    def test_what_a_lost_webhook_missed_is_applied_at_the_next_start(self) -> None:
        changes = [self.create(f"F-{n}")["change_request_id"] for n in range(3)]
        self.registry.kill()
        self.registry.settings["awe.callback_hmac_secret"] = registry.new_secret()  # every webhook is refused
        self.registry.start()
        self.approve_all(changes[0])
        self.decide(self.decider("officer-1"), changes[1], "reject", reason="no").expect(200)
        admin = self.awe.admin()
        self.addCleanup(admin.close)
        self.registry.kill()
        self.registry.start()
        self.becomes(changes[0], "APPROVED")
        self.becomes(changes[1], "REJECTED")
        self.assertEqual(self.status(changes[2]), "PENDING")
        rows = self.records.rows("select event_type, applied, error from awe_webhook_event_log order by event_type")
        self.assertEqual([row["event_type"] for row in rows if row["applied"]], ["reconciled:approved", "reconciled:rejected"])
        detail = self.staff().get(f"/change-requests/{changes[1]}").expect(200)
        self.assertEqual((detail["reason"], detail["rejected_by"]), ("no", "officer-1"))
        self.assertEqual(len(self.written()), 1)

    def test_break_glass_with_awe_there_names_the_person_on_both_sides(self) -> None:
        made = self.create("F-1")
        change = made["change_request_id"]
        refused = self.decide(self.boss(), change, override=True)
        self.assertEqual((refused.status, code(refused)), (422, "REG-010"))
        done = self.decide(self.boss(), change, override=True, reason="flood").expect(200)
        self.assertEqual((done["approval_status"], done["awe"]), ("APPROVED", None))
        detail = self.staff().get(f"/change-requests/{change}").expect(200)
        self.assertEqual((detail["override_by"], detail["override_reason"], detail["approved_by"]), ("boss-1", "flood", "boss-1"))
        admin = self.awe.admin()
        self.addCleanup(admin.close)
        self.assertEqual(admin.get(f"/requests/{made['awe_request_id']}").expect(200)["status"], "cancelled")
        events = admin.get(f"/requests/{made['awe_request_id']}/events").expect(200)
        self.assertEqual((events[-1]["reason"], events[-1]["actor"]), ("override by boss-1: flood", "registry-service"))
        audit = admin.get(f"/admin/audit?resource_id={made['awe_request_id']}").expect(200)
        self.assertIn("registry-service", [row["actor"] for row in audit])
        self.assertIn("override by boss-1: flood", json.dumps(audit))
        until(lambda: any(row["event_type"] == "request_cancelled" for row in self.log_of(made["awe_request_id"])), "the webhook came")
        self.assertEqual([row["applied"] for row in self.log_of(made["awe_request_id"]) if row["applied"]], [])
        self.assertEqual(self.status(change), "APPROVED")
        self.assertEqual([row["changed_by"] for row in self.written()], ["boss-1"])

    def test_break_glass_with_awe_away_applies_and_owes_the_cancel(self) -> None:
        approved, rejected = self.create("F-1"), self.create("F-2")
        self.proxy.refuse(True)
        self.proxy.cut()
        self.decide(self.boss(), approved["change_request_id"], override=True, reason="flood").expect(200)
        self.decide(self.boss(), rejected["change_request_id"], "reject", override=True, reason="fraud").expect(200)
        self.assertEqual({one["status"] for one in self.requests()}, {"in_review"})
        self.assertEqual(self.records.count("select count(*) from g2p_register_change_request where awe_cancel_owed is not null"), 2)
        self.assertNotEqual(self.registry.run("reconcile").returncode, 0)
        refused = self.staff().post("/change-requests/cancel_change_request", {"change_request_id": approved["change_request_id"]})
        self.assertEqual((refused.status, code(refused)), (409, "REG-007"))
        self.proxy.refuse(False)
        self.reconcile()
        self.assertEqual({one["status"] for one in self.requests()}, {"cancelled"})
        self.assertEqual(self.records.count("select count(*) from g2p_register_change_request where awe_cancel_owed is not null"), 0)
        self.assertEqual(len(self.written()), 1)

    def test_a_cancel_that_comes_too_late_takes_the_outcome_of_awe(self) -> None:
        made = self.create("F-1")
        self.registry.kill()
        self.registry.settings["awe.callback_hmac_secret"] = registry.new_secret()
        self.registry.start()
        self.approve_all(made["change_request_id"])
        refused = self.staff().post("/change-requests/cancel_change_request", {"change_request_id": made["change_request_id"]})
        self.assertEqual((refused.status, code(refused)), (409, "REG-007"))
        self.assertEqual(self.status(made["change_request_id"]), "APPROVED")
        self.assertEqual(len(self.written()), 1)

    def test_decisions_and_cancels_are_refused_while_awe_is_away_and_reads_go_on(self) -> None:
        made = self.create("F-1")
        change = made["change_request_id"]
        self.proxy.stall(True)
        refused = self.decide(self.decider("officer-1"), change)
        self.assertEqual((refused.status, code(refused)), (503, "REG-011"))
        refused = self.staff().post("/change-requests/cancel_change_request", {"change_request_id": change})
        self.assertEqual((refused.status, code(refused)), (503, "REG-011"))
        self.assertEqual(self.status(change), "PENDING")
        # Creations that wait for AWE leave connections to everybody else.
        waiting = [threading.Thread(target=self.post, args=(f"w-{n}", f"W-{n}")) for n in range(40)]
        for thread in waiting:
            thread.start()
        self.staff().get(f"/change-requests/{change}").expect(200)
        self.create("F-2", "section-farmer-contact", phone="1")
        self.send(event(made["awe_request_id"])).expect(200)
        for thread in waiting:
            thread.join(60)
        self.proxy.stall(False)
        self.assertEqual(self.status(change), "APPROVED")
