"""Scenarios: a directory or a service of the caller names approvers."""

from __future__ import annotations

from typing import Any

from support.directory import Directory
from support.scenario import Scenarios, stage, user
from support.waiting import until


def role(name: str, client: str = "") -> dict[str, Any]:
    return {"rule_type": "role", "rule_value": {"role": name, **({"client": client} if client else {})}}


def group(path: str) -> dict[str, Any]:
    return {"rule_type": "group", "rule_value": {"group": path}}


class Resolution(Scenarios):
    directory: Directory

    @classmethod
    def setUpClass(cls) -> None:
        cls.directory = Directory()
        cls.addClassCleanup(cls.directory.close)
        cls.settings = {key.replace(".", "__"): value for key, value in cls.directory.settings.items()}
        super().setUpClass()

    def setUp(self) -> None:
        self.addCleanup(setattr, self.directory, "away", False)

    def http(self) -> dict[str, Any]:
        return {"rule_type": "http", "rule_value": {"url": f"{self.directory.base_url}/who"}}

    def test_the_holders_of_a_realm_role_are_asked(self) -> None:
        self.directory.roles["head of branch"] = ["ann", "bob", "gone-gus"]
        request = self.request(self.policy(stage(1, role("head of branch"))))
        request.wait_for_people("ann", "bob")
        request.approve("ann", "bob")
        request.assert_ended("approved")

    def test_the_holders_of_a_role_of_a_client_are_asked(self) -> None:
        self.directory.client_roles[("ledger", "auditor")] = ["cora"]
        self.directory.roles["auditor"] = ["rob"]
        request = self.request(self.policy(stage(1, role("auditor", client="ledger"))))
        request.wait_for_people("cora")
        request.approve("cora")
        request.assert_ended("approved")

    def test_the_members_of_a_group_are_asked_by_its_path(self) -> None:
        self.directory.groups["/finance/payments"] = ["fay", "finn"]
        request = self.request(self.policy(stage(1, group("/finance/payments"))))
        request.wait_for_people("fay", "finn")
        request.approve("fay", "finn")
        request.assert_ended("approved")

    def test_a_service_of_the_caller_names_who_is_asked(self) -> None:
        self.directory.rule = lambda context: [context["owner"], "hal"]
        request = self.request(self.policy(stage(1, self.http())), {"owner": "olga"})
        request.wait_for_people("olga", "hal")
        self.assertIn("webhook-id", self.directory.asked[-1])
        request.approve("olga", "hal")
        request.assert_ended("approved")

    def test_several_rules_ask_everybody_they_name_once(self) -> None:
        self.directory.roles["chief"] = ["ann", "uma"]
        self.directory.groups["/legal"] = ["lea", "ann"]
        self.directory.rule = lambda context: ["uma", "zoe"]
        rules = (user("ann"), role("chief"), group("/legal"), self.http())
        request = self.request(self.policy(stage(1, *rules)))
        request.wait_for_people("ann", "uma", "lea", "zoe")
        request.approve("ann", "uma", "lea", "zoe")
        request.assert_ended("approved")

    def test_a_role_of_many_is_read_to_its_last_page(self) -> None:
        self.directory.roles["crowd"] = [f"person-{number}" for number in range(450)]
        request = self.request(self.policy(stage(1, role("crowd"), mode="any-n", mode_value=1)))
        seats = f"select count(*) from approval_task where request_id = '{request.id}'"
        until(lambda: self.database.count(seats) == 450, "450 people are asked")
        request.approve("person-449")
        request.assert_ended("approved")

    def test_with_the_directory_away_a_request_waits_and_goes_on_by_itself(self) -> None:
        self.directory.roles["patient"] = ["pat"]
        key = self.policy(stage(1, role("patient")))
        self.directory.away = True
        request = self.request(key)
        self.assertEqual((request.created["status"], request.created["tasks"]), ("pending", []))
        self.assertTrue(request.wait_for("stage_resolution_failed")["reason"])
        simulated = self.viewer.post(f"/policies/{key}/versions/1/simulate", {"context": {}})
        self.assert_refused(simulated, 503, "AWE-007")
        self.directory.away = False
        until(lambda: request.open() == ["pat"], "the task appears by itself", within=40)
        request.approve("pat")
        request.assert_ended("approved")

    def test_with_the_directory_away_a_running_stage_is_decided(self) -> None:
        self.directory.roles["steady"] = ["sue", "sam"]
        request = self.request(self.policy(stage(1, role("steady"))))
        request.wait_for_people("sue", "sam")
        self.directory.away = True
        request.approve("sue", "sam")
        request.assert_ended("approved")

    def test_a_request_that_waits_for_the_directory_can_be_cancelled(self) -> None:
        self.directory.away = True
        request = self.request(self.policy(stage(1, role("nobody knows"))))
        self.client("registry").post(f"/requests/{request.id}/cancel", {}).expect(200)
        request.assert_ended("cancelled")
