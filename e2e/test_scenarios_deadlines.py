"""Scenarios: a deadline passes. It is moved into the past by SQL, so that no test waits for it."""

from __future__ import annotations

from support.scenario import Scenarios, due, expression, observer, stage, user, users

MODES = (
    {"mode": "all"},
    {"mode": "any-n", "mode_value": 2},
    {"mode": "percentage", "mode_value": 60},
    {"mode": "any-n", "mode_value": 3, "reject_mode": "unreachable"},
)


class Deadlines(Scenarios):
    def test_after_notify_a_late_decision_still_counts_and_is_marked(self) -> None:
        request = self.request(self.policy(stage(1, *users("ann", "bob"), **due("notify"))))
        request.approve("ann")
        request.overdue()
        expired = request.wait_for("task_expired")
        self.assertEqual((expired["payload"]["assignee"], expired["actor"]), ("bob", "system:sla"))
        self.assertEqual((request.status, request.statuses()["bob"]), ("in_review", "expired"))
        late = request.decide("bob").expect(201)
        self.assertTrue(late["late"])
        self.assertEqual(request.assert_ended("approved")["actor"], "bob")
        by_late = {e["payload"]["assignee"]: e["payload"]["late"] for e in request.events("decision_recorded")}
        self.assertEqual(by_late, {"ann": False, "bob": True})

    def test_after_notify_the_stage_can_still_be_finished_in_every_mode_and_by_a_reject(self) -> None:
        for mode in MODES:
            with self.subTest(mode):
                key = self.policy(stage(1, *users("ann", "bob", "cid"), **mode, **due("notify")))
                request = self.request(key)
                request.overdue()
                request.wait_for("task_expired")
                for who in ("ann", "bob", "cid"):
                    if request.status == "in_review":
                        request.approve(who)
                request.assert_ended("approved")
        request = self.request(self.policy(stage(1, *users("ann", "bob"), **due("notify"))))
        request.overdue()
        request.wait_for("task_expired")
        request.reject("bob")
        request.assert_ended("rejected", "rejected_by_approver")

    def test_an_escalation_asks_others_with_a_fresh_deadline(self) -> None:
        rules = due("escalate", escalation_rules=[user("dora")])
        request = self.request(self.policy(stage(1, *users("ann", "bob"), **rules)))
        request.approve("ann")
        request.overdue()
        request.wait_for_people("dora")
        escalated = request.event("stage_escalated")
        self.assertEqual((escalated["actor"], escalated["payload"]["left"]), ("system:sla", ["bob"]))
        self.assertIsNotNone(request.task("dora")["due_at"])
        self.assertGreater(request.task("dora")["due_at"], request.task("bob")["due_at"])
        self.refused(request.decide("bob"))
        request.approve("dora")
        self.assertEqual(request.assert_ended("approved")["actor"], "dora")

    def test_an_escalation_to_nobody_is_told_and_the_late_may_still_decide(self) -> None:
        rules = due("escalate", escalation_rules=[expression({"var": "boss"})])
        request = self.request(self.policy(stage(1, user("ann"), **rules)))
        request.overdue()
        failed = request.wait_for("stage_escalation_failed")
        self.assertEqual(failed["reason"], "no_approvers_resolved")
        self.assertTrue(request.decide("ann").expect(201)["late"])
        request.assert_ended("approved")

    def test_auto_approve_approves_in_every_mode_though_the_tasks_have_just_expired(self) -> None:
        for mode in MODES:
            with self.subTest(mode):
                rules = [*users("ann", "bob"), user("cid", required=True)]
                first = stage(1, *rules, **mode, **due("auto_approve"))
                request = self.request(self.policy(first, stage(2, user("dan"))))
                request.approve("ann")
                request.overdue()
                request.wait_for_people("dan")
                completed = request.event("stage_completed")
                self.assertEqual((completed["reason"], completed["actor"]), ("auto_approve", "system:sla"))
                decisions = self.decisions(request.id)
                self.assertEqual(decisions, [("ann", "approve"), ("bob", "approve"), ("cid", "approve")])
                # The deadline approved for bob and cid, who have not decided themselves.
                request.approve("dan")
                request.assert_ended("approved")

    def decisions(self, request_id: str) -> list[tuple[str, str]]:
        """Each decision, with the person who made it or for whom the deadline did, in order of names."""
        rows = self.database.rows(
            f"select coalesce(on_behalf_of, actor) as who, action from approval_decision"
            f" where request_id = '{request_id}' order by 1"
        )
        return [(row["who"], row["action"]) for row in rows]

    def test_auto_approve_of_the_last_stage_approves_the_request_in_the_name_of_the_clock(self) -> None:
        request = self.request(self.policy(stage(1, *users("ann", "bob"), **due("auto_approve"))))
        request.overdue()
        request.wait_for_status("approved")
        self.assertEqual(request.assert_ended("approved")["actor"], "system:sla")

    def test_auto_reject_rejects_and_closes_what_is_open_beside_it(self) -> None:
        key = self.policy(
            stage(1, *users("ann", "bob"), parallel_group=1, **due("auto_reject")),
            stage(2, user("cid"), parallel_group=1),
        )
        request = self.request(key)
        request.overdue()
        request.wait_for_status("rejected")
        self.assertEqual(request.assert_ended("rejected", "auto_reject")["actor"], "system:sla")
        self.assertEqual(request.statuses()["cid"], "skipped")
        self.assertEqual(self.decisions(request.id), [("ann", "reject"), ("bob", "reject")])

    def test_all_completes_after_a_reassignment_an_expiry_with_escalation_and_an_abstention(self) -> None:
        rules = due("escalate", escalation_rules=[user("dora")])
        request = self.request(self.policy(stage(1, *users("ann", "bob", "cid"), **rules)))
        moved = request.reassign("ann", "zoe").expect(200)
        self.assertEqual((moved["assignee"], moved["reassigned_from"]), ("zoe", "ann"))
        request.abstain("bob")
        request.approve("zoe")
        request.overdue()
        request.wait_for_people("dora")
        request.approve("dora")
        request.assert_ended("approved")
        counted = request.event("stage_completed")["payload"]
        self.assertEqual((counted["seats"], counted["approvals"], counted["abstentions"]), (3, 2, 1))

    def test_an_observers_deadline_breaches_nothing(self) -> None:
        request = self.request(self.policy(stage(1, user("ann"), observer("olga"), **due("auto_reject"))))
        self.database.value(
            f"update approval_task set due_at = now() where request_id = '{request.id}' and kind = 'observer'"
        )
        self.assertEqual(request.wait_for("task_expired")["payload"]["assignee"], "olga")
        self.assertEqual((request.status, request.open()), ("in_review", ["ann"]))
        request.approve("ann")
        request.assert_ended("approved")

    def test_a_deadline_that_an_operator_puts_off_is_the_one_that_counts(self) -> None:
        request = self.request(self.policy(stage(1, *users("ann", "bob"), **due("auto_reject"))))
        put_off = f"update approval_task set due_at = now() + interval '9 h' where request_id = '{request.id}'"
        self.database.value(put_off)
        self.assertFalse(request.decide("ann").expect(201)["late"])
        self.assertEqual((request.status, request.open()), ("in_review", ["bob"]))
        request.overdue()
        request.wait_for_status("rejected")
        request.assert_ended("rejected", "auto_reject")

    def test_a_request_expires_when_its_own_time_is_up(self) -> None:
        request = self.request(self.policy(stage(1, user("ann"))), expires_at="2120-01-01T00:00:00Z")
        self.database.value(f"update approval_request set expires_at = now() where id = '{request.id}'")
        request.wait_for_status("expired")
        self.assertEqual(request.assert_ended("expired")["actor"], "system")
        self.assertEqual(request.statuses(), {"ann": "skipped"})
        self.refused(request.decide("ann"))
