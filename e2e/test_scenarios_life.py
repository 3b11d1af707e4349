"""Scenarios: the life of a request from its creation to its end, as the calling service sees it."""

from __future__ import annotations

from support.scenario import NOT_SENT, Scenarios, due, stage, user, users


class Life(Scenarios):
    def test_a_request_is_cancelled_in_the_middle_of_its_way(self) -> None:
        request = self.request(self.policy(stage(1, user("ann")), stage(2, *users("bob", "cid"))))
        request.approve("ann")
        path = f"/requests/{request.id}/cancel"
        self.forbidden(self.client("bob").post(path, {}))
        cancelled = self.client("registry").post(path, {"reason": "withdrawn"}).expect(200)
        self.assertEqual(cancelled["status"], "cancelled")
        self.assertEqual(request.assert_ended("cancelled", "withdrawn")["actor"], "registry")
        self.assertEqual(request.statuses(), {"ann": "completed", "bob": "skipped", "cid": "skipped"})
        self.refused(self.client("registry").post(path, {}))
        self.refused(request.decide("bob"))

    def test_the_caller_hears_of_every_change_by_webhook(self) -> None:
        escalating = due("escalate", escalation_rules=[user("dora")])
        skipped = stage(2, user("nobody"), skip_if={"==": [{"var": "level"}, 1]})
        key = self.policy(stage(1, *users("ann", "bob"), **escalating), skipped, stage(3, user("eve")))
        request = self.request(key, {"level": 1})
        self.client("ann").post(f"/tasks/{request.task('ann')['id']}/claim").expect(200)
        request.reassign("bob", "zoe").expect(200)
        request.approve("ann")
        request.overdue()
        request.wait_for_people("dora")
        request.approve("dora", "eve")
        request.assert_ended("approved")
        self.assertEqual(set(request.types()) & NOT_SENT, NOT_SENT)
        wanted = ["request_created", "stage_started", "task_reassigned", "task_expired", "stage_escalated"]
        wanted += ["stage_completed", "stage_started", "stage_completed", "request_approved"]
        received = [one.event for one in self.sink.received(request.id)]
        self.assertEqual([event["event_type"] for event in received], wanted)
        by_sequence = {event["sequence"]: event for event in request.events()}
        for event in received:
            stored = by_sequence[event["sequence"]]
            self.assertEqual((event["event_id"], event["actor"]), (stored["id"], stored["actor"]))
            self.assertEqual(event["payload"], stored["payload"])
            self.assertEqual(event["payload"]["actor"], event["actor"])
            self.assertEqual(event["artifact_id"], request.row["artifact_id"])

    def test_the_caller_hears_only_of_what_it_asked_for(self) -> None:
        key = self.policy(stage(1, user("ann")))
        request = self.request(key, callback_events=["request_approved"])
        request.approve("ann")
        self.sink.wait_for_type("request_approved", request.id)
        self.assertEqual(len(self.sink.received(request.id)), 1)

    def test_creating_twice_with_one_key_makes_one_request(self) -> None:
        body = self.request_body(self.policy(stage(1, user("ann"))))
        registry, key = self.client("registry"), {"Idempotency-Key": "life-1"}
        first = registry.post("/requests", body, key)
        again = registry.post("/requests", dict(reversed(body.items())), key)
        self.assertEqual(again.expect(201), first.expect(201))
        self.assertEqual(again.headers.get("Idempotency-Replayed"), "true")
        self.assertIsNone(first.headers.get("Idempotency-Replayed"))
        other = registry.post("/requests", {**body, "artifact_id": "another"}, key)
        self.assert_refused(other, 409, "AWE-009")
        found = registry.get(f"/requests?policy_key={body['policy_key']}").expect(200)
        self.assertEqual([one["id"] for one in found], [first.json["request_id"]])

    def test_a_request_under_way_stays_with_its_version_when_a_new_one_is_activated(self) -> None:
        key = self.policy(stage(1, user("ann")), stage(2, user("bob")))
        old = self.request(key)
        self.admin.send("PUT", f"/policies/{key}", self.policy_body(key, stage(1, user("zoe")))).expect(201)
        self.admin.post(f"/policies/{key}/versions/2/activate").expect(200)
        new = self.request(key)
        self.assertEqual((old.row["policy_version"], new.row["policy_version"]), (1, 2))
        self.assertEqual((old.open(), new.open()), (["ann"], ["zoe"]))
        old.approve("ann", "bob")
        old.assert_ended("approved")
        new.approve("zoe")
        new.assert_ended("approved")
        versions = self.viewer.get(f"/policies/{key}/versions").expect(200)
        self.assertEqual([(v["version"], v["status"]) for v in versions], [(2, "active"), (1, "archived")])

    def test_a_policy_without_stages_approves_at_once(self) -> None:
        request = self.request(self.policy())
        self.assertEqual((request.created["status"], request.created["tasks"]), ("approved", []))
        self.assertEqual(request.assert_ended("approved", "no_stages")["actor"], "registry")


class Combined(Scenarios):
    def test_three_stages_with_quorum_escalation_and_separation_of_duties(self) -> None:
        key = self.policy(
            stage(1, *users("ann", "bob", "cid", "clara"), mode="any-n", mode_value=2),
            stage(2, *users("ann", "dan"), **due("escalate", escalation_rules=users("ann", "bob", "eve"))),
            stage(3, *users("ann", "bob", "dora", "eve"), mode="percentage", mode_value=100),
            forbid_self_approval=True,
            forbid_repeat_approvers=True,
        )
        request = self.request(key, requester="clara")
        self.assertEqual(request.open(), ["ann", "bob", "cid"])
        request.approve("ann", "bob")
        self.assertEqual(request.open(), ["dan"], "ann has approved before")
        request.overdue()
        request.wait_for_people("eve")
        self.refused(request.decide("dan"))
        request.approve("eve")
        self.assertEqual(request.open(), ["dora"], "ann, bob and eve have approved before")
        request.approve("dora")
        self.assertEqual(request.assert_ended("approved")["actor"], "dora")

    def test_a_disbursement_passes_the_tiers_that_its_amount_asks_for(self) -> None:
        def unless_at_least(amount: int) -> dict:
            return {"<": [{"var": "amount"}, amount]}

        board = users("board-1", "board-2", "board-3")
        key = self.policy(
            stage(1, *users("clerk-1", "clerk-2"), mode="any-n", mode_value=1),
            stage(2, user("manager"), skip_if=unless_at_least(10_000)),
            stage(3, *board, mode="any-n", mode_value=2, skip_if=unless_at_least(100_000)),
            stage(4, user("treasurer", required=True)),
            forbid_repeat_approvers=True,
        )
        way = {
            500: ["clerk-1", "treasurer"],
            10_000: ["clerk-2", "manager", "treasurer"],
            250_000: ["clerk-1", "manager", "board-3", "board-1", "treasurer"],
        }
        for amount, people in way.items():
            with self.subTest(amount=amount):
                request = self.request(key, {"amount": amount})
                request.approve(*people)
                self.assertEqual(request.assert_ended("approved")["actor"], "treasurer")
                deciders = [event["actor"] for event in request.events("decision_recorded")]
                self.assertEqual(deciders, people)

    def test_the_legal_and_finance_gate_lets_through_only_what_both_approve(self) -> None:
        key = self.policy(
            stage(1, *users("legal-1", "legal-2"), mode="any-n", mode_value=1, parallel_group=1),
            stage(2, *users("fin-1", "fin-2"), parallel_group=1, **due("auto_reject")),
            stage(3, user("director")),
            forbid_self_approval=True,
        )
        through = self.request(key)
        through.approve("fin-1", "legal-2", "fin-2")
        self.assertEqual(through.open(), ["director"])
        through.approve("director")
        through.assert_ended("approved")
        vetoed = self.request(key)
        vetoed.approve("fin-1")
        vetoed.reject("legal-1")
        vetoed.assert_ended("rejected", "rejected_by_approver")
        late = self.request(key)
        late.approve("legal-1", "fin-1")
        late.overdue()
        late.wait_for_status("rejected")
        late.assert_ended("rejected", "auto_reject")
