"""Scenarios: the shapes of stages and the modes in which they are approved."""

from __future__ import annotations

from support.scenario import Scenarios, observer, stage, user, users

FIVE = ("ann", "bob", "cid", "dan", "eve")


class Shapes(Scenarios):
    def test_a_single_approver_approves_the_request(self) -> None:
        request = self.request(self.policy(stage(1, user("ann"))))
        self.assertEqual((request.created["status"], request.open()), ("in_review", ["ann"]))
        request.approve("ann")
        ended = request.assert_ended("approved")
        self.assertEqual(ended["actor"], "ann")
        life = ["request_created", "stage_started", "decision_recorded", "stage_completed", "request_approved"]
        self.assertEqual(request.types(), life)

    def test_sequential_stages_are_asked_one_after_the_other(self) -> None:
        people = ("ann", "bob", "cid")
        request = self.request(self.policy(*(stage(n, user(who)) for n, who in enumerate(people, 1))))
        for order, who in enumerate(people, 1):
            self.assertEqual((request.row["current_stage_order"], request.open()), (order, [who]))
            request.approve(who)
        self.assertEqual(request.assert_ended("approved")["actor"], "cid")
        started = [event["payload"]["stage_name"] for event in request.events("stage_started")]
        self.assertEqual(started, ["stage 1", "stage 2", "stage 3"])

    def test_legal_and_finance_approve_side_by_side_and_then_the_director(self) -> None:
        legal, finance = stage(1, user("lea"), parallel_group=1), stage(2, user("fin"), parallel_group=1)
        request = self.request(self.policy(legal, finance, stage(3, user("dora"))))
        self.assertEqual(request.open(), ["lea", "fin"])
        request.approve("fin")
        self.assertEqual((request.open(), request.status), (["lea"], "in_review"))
        request.approve("lea")
        self.assertEqual((request.open(), request.row["current_stage_order"]), (["dora"], 3))
        request.approve("dora")
        request.assert_ended("approved")

    def test_a_reject_of_finance_ends_the_request_and_leaves_legal_nothing_to_do(self) -> None:
        legal, finance = stage(1, user("lea"), parallel_group=1), stage(2, user("fin"), parallel_group=1)
        request = self.request(self.policy(legal, finance, stage(3, user("dora"))))
        request.reject("fin")
        self.assertEqual(request.assert_ended("rejected", "rejected_by_approver")["actor"], "fin")
        self.assertEqual(request.statuses(), {"lea": "skipped", "fin": "completed"})
        self.refused(self.client("lea").decide(request.task("lea")["id"]))

    def test_sequential_and_parallel_stages_mix(self) -> None:
        key = self.policy(
            stage(1, user("ann")),
            stage(2, *users("bob", "cid"), parallel_group=7, mode="any-n", mode_value=1),
            stage(3, *users("dan", "eve"), parallel_group=7),
            stage(4, user("fay")),
        )
        request = self.request(key)
        request.approve("ann")
        self.assertEqual(request.open(), ["bob", "cid", "dan", "eve"])
        request.approve("cid", "eve")
        self.assertEqual(request.open(), ["dan"])
        request.approve("dan")
        self.assertEqual(request.open(), ["fay"])
        request.approve("fay")
        request.assert_ended("approved")
        self.assertEqual(request.statuses()["bob"], "skipped")

    def test_stages_of_one_parallel_group_that_are_not_neighbours_are_refused_when_written(self) -> None:
        first, last = stage(1, user("ann"), parallel_group=1), stage(3, user("cid"), parallel_group=1)
        stages = [first, stage(2, user("bob")), last]
        answer = self.admin.post("/policies", self.policy_body("apart.v1", *stages))
        self.assert_refused(answer, 400, "AWE-010")
        self.assertIn("parallel_group", answer.json["errors"][0]["message"])
        self.assertIn("stage 3", answer.json["errors"][0]["message"])


class Modes(Scenarios):
    def test_all_waits_for_everybody(self) -> None:
        request = self.request(self.policy(stage(1, *users("ann", "bob", "cid"))))
        request.approve("cid", "ann")
        self.assertEqual((request.status, request.open()), ("in_review", ["bob"]))
        request.approve("bob")
        self.assertEqual(request.assert_ended("approved")["actor"], "bob")

    def test_any_2_of_5_are_enough_and_the_others_need_not_decide(self) -> None:
        request = self.request(self.policy(stage(1, *users(*FIVE), mode="any-n", mode_value=2)))
        request.approve("bob")
        self.assertEqual(request.status, "in_review")
        request.approve("eve")
        request.assert_ended("approved")
        skipped = dict.fromkeys(("ann", "cid", "dan"), "skipped")
        self.assertEqual(request.statuses(), {**skipped, "bob": "completed", "eve": "completed"})
        self.refused(self.client("ann").decide(request.task("ann")["id"]))

    def test_60_percent_of_5_are_3(self) -> None:
        request = self.request(self.policy(stage(1, *users(*FIVE), mode="percentage", mode_value=60)))
        request.approve("ann", "bob")
        self.assertEqual(request.status, "in_review")
        request.approve("cid")
        request.assert_ended("approved")

    def test_60_percent_are_counted_of_those_who_do_not_abstain(self) -> None:
        request = self.request(self.policy(stage(1, *users(*FIVE), mode="percentage", mode_value=60)))
        request.abstain("dan", "eve")
        request.approve("ann")
        self.assertEqual(request.status, "in_review")
        request.approve("bob")
        request.assert_ended("approved")

    def test_any_n_waits_for_the_mandatory_signature(self) -> None:
        rules = [*users("ann", "bob", "cid"), user("dora", required=True)]
        request = self.request(self.policy(stage(1, *rules, mode="any-n", mode_value=2)))
        request.approve("ann", "bob")
        self.assertEqual((request.status, request.open()), ("in_review", ["cid", "dora"]))
        request.approve("dora")
        request.assert_ended("approved")
        self.assertEqual(request.statuses()["cid"], "skipped")

    def test_a_mandatory_signature_that_is_withheld_rejects(self) -> None:
        rules = [*users("ann", "bob"), user("dora", required=True)]
        request = self.request(self.policy(stage(1, *rules, mode="any-n", mode_value=1)))
        request.approve("ann")
        request.abstain("dora")
        request.assert_ended("rejected", "required_abstained")

    def test_one_veto_ends_the_request(self) -> None:
        request = self.request(self.policy(stage(1, *users(*FIVE), mode="any-n", mode_value=2)))
        request.approve("ann")
        request.reject("bob")
        request.assert_ended("rejected", "rejected_by_approver")
        completed = request.event("stage_completed")["payload"]
        self.assertEqual((completed["outcome"], completed["rejections"]), ("rejected", 1))

    def test_with_unreachable_a_stage_is_rejected_when_the_quorum_is_out_of_reach_and_not_before(self) -> None:
        fields = {"mode": "any-n", "mode_value": 3, "reject_mode": "unreachable"}
        key = self.policy(stage(1, *users(*FIVE), **fields))
        request = self.request(key)
        request.reject("ann")
        request.reject("bob")
        self.assertEqual(request.status, "in_review")
        request.reject("cid")
        request.assert_ended("rejected", "quorum_unreachable")
        request = self.request(key)
        request.reject("ann")
        request.reject("bob")
        request.approve("cid", "dan", "eve")
        request.assert_ended("approved")

    def test_everybody_abstaining_rejects_in_every_mode(self) -> None:
        modes = [{"mode": "all"}, {"mode": "any-n", "mode_value": 1}, {"mode": "percentage", "mode_value": 50}]
        for mode in modes:
            with self.subTest(mode):
                request = self.request(self.policy(stage(1, *users("ann", "bob"), **mode)))
                request.abstain("ann", "bob")
                request.assert_ended("rejected", "all_abstained")

    def test_an_observers_reject_is_recorded_and_neither_vetoes_nor_counts(self) -> None:
        request = self.request(self.policy(stage(1, *users("ann", "bob"), observer("olga"))))
        decision = request.decide("olga", "reject").expect(201)
        self.assertEqual((decision["actor"], decision["action"]), ("olga", "reject"))
        self.assertEqual((request.status, request.open()), ("in_review", ["ann", "bob"]))
        request.approve("ann", "bob")
        request.assert_ended("approved")
        counted = request.event("stage_completed")["payload"]
        self.assertEqual((counted["seats"], counted["approvals"], counted["rejections"]), (2, 2, 0))
