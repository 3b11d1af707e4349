"""Scenarios: people who are away, replaced, barred, or only observe."""

from __future__ import annotations

from support.scenario import Scenarios, due, observer, stage, user, users


class People(Scenarios):
    def away(self, user_id: str, delegate_to: str, starts: str = "2020-01-01", ends: str = "2120-01-01") -> str:
        window = {"starts_at": f"{starts}T00:00:00Z", "ends_at": f"{ends}T00:00:00Z"}
        body = {"user_id": user_id, "delegate_to": delegate_to, **window}
        return self.admin.post("/delegations", body).expect(201)["id"]

    def test_whoever_is_out_of_office_is_stood_in_for(self) -> None:
        self.away("d1-ann", "d1-bob")
        request = self.request(self.policy(stage(1, user("d1-ann"))))
        task = request.task("d1-bob")
        self.assertEqual((request.open(), task["delegated_from"]), (["d1-bob"], "d1-ann"))
        self.forbidden(self.client("d1-ann").decide(task["id"]))
        request.approve("d1-bob")
        self.assertEqual(request.assert_ended("approved")["actor"], "d1-bob")

    def test_a_delegation_that_has_ended_or_not_begun_moves_nobody(self) -> None:
        self.away("d2-ann", "d2-bob", ends="2021-01-01")
        self.away("d2-ann", "d2-cid", starts="2119-01-01")
        self.assertEqual(self.request(self.policy(stage(1, user("d2-ann")))).open(), ["d2-ann"])

    def test_delegations_are_followed_along_a_chain_and_a_cycle_moves_nobody(self) -> None:
        self.away("d3-ann", "d3-bob")
        self.away("d3-bob", "d3-cid")
        request = self.request(self.policy(stage(1, user("d3-ann"))))
        self.assertEqual((request.open(), request.task("d3-cid")["delegated_from"]), (["d3-cid"], "d3-ann"))
        back = self.away("d3-cid", "d3-ann")
        self.assertEqual(self.request(self.policy(stage(1, user("d3-ann")))).open(), ["d3-ann"])
        self.admin.send("DELETE", f"/delegations/{back}").expect(204)
        self.assertEqual(self.request(self.policy(stage(1, user("d3-ann")))).open(), ["d3-cid"])

    def test_a_deputy_who_has_a_seat_already_keeps_one_and_takes_over_the_duty(self) -> None:
        self.away("d4-ann", "d4-bob")
        rules = [*users("d4-bob", "d4-cid"), user("d4-ann", required=True)]
        request = self.request(self.policy(stage(1, *rules, mode="any-n", mode_value=1)))
        self.assertEqual(request.open(), ["d4-bob", "d4-cid"])
        request.approve("d4-cid")
        self.assertEqual(request.status, "in_review")
        request.approve("d4-bob")
        request.assert_ended("approved")

    def test_a_task_that_is_reassigned_belongs_to_somebody_else(self) -> None:
        request = self.request(self.policy(stage(1, user("ann", required=True), user("bob"), **due("notify"))))
        before = request.task("ann")
        moved = request.reassign("ann", "zoe").expect(200)
        self.assertEqual((moved["reassigned_from"], moved["due_at"]), ("ann", before["due_at"]))
        self.assertEqual((moved["kind"], request.statuses()["ann"]), ("approver", "reassigned"))
        self.refused(self.client("ann").decide(before["id"]))
        self.refused(request.reassign("zoe", "bob"))
        request.approve("bob", "zoe")
        request.assert_ended("approved")
        told = request.event("task_reassigned")
        self.assertEqual((told["actor"], told["payload"]["from"], told["payload"]["to"]), ("admin", "ann", "zoe"))

    def test_an_observer_sees_and_comments_and_holds_up_nothing(self) -> None:
        request = self.request(self.policy(stage(1, user("ann"), observer("olga"))))
        self.assertEqual(request.task("olga")["kind"], "observer")
        body = {"action": "reject", "comment": "I would not"}
        said = self.client("olga").post(f"/tasks/{request.task('olga')['id']}/decision", body).expect(201)
        self.assertEqual((said["comment"], request.status), ("I would not", "in_review"))
        request.approve("ann")
        request.assert_ended("approved")
        silent = self.request(self.policy(stage(1, user("ann"), observer("olga"))))
        silent.approve("ann")
        silent.assert_ended("approved")
        self.assertEqual(silent.statuses(), {"ann": "completed", "olga": "skipped"})

    def test_the_requester_may_not_approve_by_any_way(self) -> None:
        """As assignee, as delegate, after a reassignment, and as an administrator."""
        self.away("s1-ann", "clara")
        rules = [user("clara"), user("s1-ann"), user("s1-bob"), observer("clara")]
        request = self.request(self.policy(stage(1, *rules), forbid_self_approval=True), requester="clara")
        approvers = [t["assignee"] for t in request.tasks(kind="approver")]
        self.assertEqual(approvers, ["s1-ann", "s1-bob"], "a barred deputy is passed over")
        self.assertEqual(request.tasks(kind="observer")[0]["assignee"], "clara")
        self.refused(request.reassign("s1-bob", "clara"))
        clara = self.client("clara", "AWE_ADMIN")
        self.forbidden(clara.decide(request.task("s1-bob")["id"]))
        request.approve("s1-ann", "s1-bob")
        request.assert_ended("approved")

    def test_a_stage_of_the_requester_alone_blocks(self) -> None:
        request = self.request(self.policy(stage(1, user("clara")), forbid_self_approval=True), requester="clara")
        ended = request.assert_ended("rejected", "no_approvers_resolved")
        self.assertEqual(ended["payload"]["barred"], ["clara"])

    def test_whoever_approved_an_earlier_stage_may_not_approve_a_later_one_by_any_way(self) -> None:
        self.away("s2-cid", "s2-ann")
        key = self.policy(
            stage(1, *users("s2-ann", "s2-bob"), mode="any-n", mode_value=1),
            stage(2, *users("s2-ann", "s2-bob", "s2-cid")),
            forbid_repeat_approvers=True,
        )
        request = self.request(key)
        request.approve("s2-ann")
        self.assertEqual(request.open(), ["s2-bob", "s2-cid"], "ann approved before; nor does she stand in for cid")
        self.refused(request.reassign("s2-cid", "s2-ann"))
        ann = self.client("s2-ann", "AWE_ADMIN")
        self.forbidden(ann.decide(request.task("s2-cid")["id"]))
        request.approve("s2-bob", "s2-cid")
        request.assert_ended("approved")

    def test_two_stages_side_by_side_may_share_a_person(self) -> None:
        stages = [stage(1, user("ann"), parallel_group=1), stage(2, user("ann"), parallel_group=1)]
        request = self.request(self.policy(*stages, forbid_repeat_approvers=True))
        for task in request.tasks():
            self.client("ann").decide(task["id"]).expect(201)
        request.assert_ended("approved")

    def test_people_are_told_apart_by_their_id_and_not_by_what_it_looks_like(self) -> None:
        """Ids that differ in case, accents or blanks are different people, for separation of duties and for seats."""
        rules = [user("clara", required=True), user("Clara"), user("clära"), user("cla ra")]
        key = self.policy(stage(1, *rules), forbid_self_approval=True)
        request = self.request(key, requester="Clara")
        self.assertEqual(request.open(), ["clara", "clära", "cla ra"])
        task = request.task("clara")
        self.forbidden(self.client("CLARA").decide(task["id"]))
        self.client("clara").decide(task["id"]).expect(201)

    def test_an_administrator_decides_on_behalf_and_both_have_then_had_their_say(self) -> None:
        key = self.policy(stage(1, user("ann")), stage(2, *users("ann", "admin", "bob")), forbid_repeat_approvers=True)
        request = self.request(key)
        decided = self.admin.decide(request.task("ann")["id"]).expect(201)
        self.assertEqual((decided["actor"], decided["on_behalf_of"]), ("admin", "ann"))
        self.assertEqual(request.open(), ["bob"])
        request.approve("bob")
        request.assert_ended("approved")
