"""Scenarios: the context of a request decides who is asked and which stages run."""

from __future__ import annotations

from support.scenario import Scenarios, expression, observer, stage, user, users

AMOUNT = {"var": "amount"}


class Routing(Scenarios):
    def test_a_literal_user_is_asked(self) -> None:
        request = self.request(self.policy(stage(1, user("ann"))))
        self.assertEqual([(t["assignee"], t["kind"]) for t in request.tasks()], [("ann", "approver")])
        request.approve("ann")
        request.assert_ended("approved")

    def test_an_expression_on_the_context_names_who_is_asked(self) -> None:
        key = self.policy(stage(1, expression({"var": "manager"})))
        request = self.request(key, {"manager": "max"})
        self.assertEqual(request.open(), ["max"])
        request.approve("max")
        request.assert_ended("approved")
        several = self.request(key, {"manager": ["max", "mia", "max"]})
        self.assertEqual(several.open(), ["max", "mia"])

    def test_an_expression_that_names_nobody_blocks_and_says_why(self) -> None:
        key = self.policy(stage(1, expression({"/": [1, {"var": "zero"}]})))
        for context in ({"zero": None}, {"zero": "naught"}):
            with self.subTest(context):
                request = self.request(key, context)
                ended = request.assert_ended("rejected", "no_approvers_resolved")
                self.assertTrue(ended["payload"]["resolution_errors"], ended)

    def test_a_stage_is_skipped_by_the_amount(self) -> None:
        key = self.policy(stage(1, user("ann"), skip_if={"<": [AMOUNT, 1000]}), stage(2, user("bob")))
        small = self.request(key, {"amount": 999})
        self.assertEqual(small.open(), ["bob"])
        skipped = small.event("stage_skipped")
        self.assertEqual((skipped["reason"], skipped["payload"]["stage_name"]), ("skip_if", "stage 1"))
        small.approve("bob")
        self.assertIsNone(small.assert_ended("approved")["reason"])
        self.assertEqual(self.request(key, {"amount": 1000}).open(), ["ann"])

    def test_when_all_stages_are_skipped_the_request_is_approved_at_once(self) -> None:
        first, second = ({"skip_if": {"<": [AMOUNT, least]}} for least in (10, 5))
        key = self.policy(stage(1, user("ann"), **first), stage(2, user("bob"), **second))
        request = self.request(key, {"amount": 1})
        self.assertEqual((request.created["status"], request.created["tasks"]), ("approved", []))
        request.assert_ended("approved", "all_stages_skipped")
        some = self.request(key, {"amount": 7})
        some.approve("bob")
        some.assert_ended("approved")

    def test_an_empty_stage_that_may_be_skipped_is_skipped(self) -> None:
        key = self.policy(stage(1, expression({"var": "reviewer"}), on_empty="skip"), stage(2, user("bob")))
        request = self.request(key)
        self.assertEqual((request.open(), request.event("stage_skipped")["reason"]), (["bob"], "on_empty"))
        request.approve("bob")
        request.assert_ended("approved")

    def test_an_empty_stage_blocks_and_leaves_no_open_task_beside_it(self) -> None:
        key = self.policy(
            stage(1, user("ann"), parallel_group=1), stage(2, expression({"var": "reviewer"}), parallel_group=1)
        )
        request = self.request(key)
        self.assertEqual((request.created["status"], request.tasks()), ("rejected", []))
        request.assert_ended("rejected", "no_approvers_resolved")
        self.assertEqual(request.types(), ["request_created", "request_rejected"])

    def test_three_exclusive_conditions_route_each_amount_to_one_tier(self) -> None:
        key = self.policy(
            stage(1, user("clerk"), skip_if={">=": [AMOUNT, 1000]}),
            stage(2, user("manager"), skip_if={"!": [{"and": [{">=": [AMOUNT, 1000]}, {"<": [AMOUNT, 10000]}]}]}),
            stage(3, user("director"), skip_if={"<": [AMOUNT, 10000]}),
        )
        tiers = {0: "clerk", 999: "clerk", 1000: "manager", 9999: "manager", 10000: "director"}
        for amount, who in tiers.items():
            with self.subTest(amount=amount):
                request = self.request(key, {"amount": amount})
                self.assertEqual(request.open(), [who])
                request.approve(who)
                request.assert_ended("approved")
                self.assertEqual(len(request.events("stage_skipped")), 2)

    def test_a_simulation_shows_the_stages_as_the_request_then_runs_them_and_writes_nothing(self) -> None:
        self.delegate("sim-away", "sim-deputy")
        key = self.policy(
            stage(1, *users("clara", "sim-away"), observer("sim-olga"), parallel_group=1),
            stage(2, expression({"var": "reviewer"}), on_empty="skip", parallel_group=1),
            stage(3, user("dora"), skip_if={"<": [AMOUNT, 10]}),
            stage(4, user("sim-away")),
            forbid_self_approval=True,
        )
        before = self.database.count("select count(*) from approval_request")
        stages = self.simulate(key, {"amount": 1}, requester="clara")
        self.assertEqual(self.database.count("select count(*) from approval_request"), before)
        seen = [(s["resolved_approvers"], s["resolved_observers"], s["skipped"], s["skip_reason"]) for s in stages]
        wanted = [
            (["sim-deputy"], ["sim-olga"], False, None),
            ([], [], True, "on_empty"),
            ([], [], True, "skip_if"),
            (["sim-deputy"], [], False, None),
        ]
        self.assertEqual(seen, wanted)

        request = self.request(key, {"amount": 1}, requester="clara")
        request.approve("sim-deputy")
        request.approve("sim-deputy")
        started = {e["payload"]["stage_name"]: e["payload"] for e in request.events("stage_started")}
        skipped = {e["payload"]["stage_name"]: e["reason"] for e in request.events("stage_skipped")}
        for simulated in stages:
            name = simulated["name"]
            self.assertEqual(skipped.get(name), simulated["skip_reason"])
            if not simulated["skipped"]:
                self.assertEqual(started[name]["approvers"], simulated["resolved_approvers"])
                self.assertEqual(started[name]["observers"], simulated["resolved_observers"])
        request.assert_ended("approved")

    def delegate(self, away: str, deputy: str) -> None:
        window = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2120-01-01T00:00:00Z"}
        self.admin.post("/delegations", {"user_id": away, "delegate_to": deputy, **window}).expect(201)
