"""Approvers by role and group of a real Keycloak."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

from support.keycloak import Realm
from support.scenario import stage, user
from support.staff import Staff, group, role
from support.waiting import until


class Approvers(Staff):
    def asked_of(self, *rules: dict[str, Any], **more: Any) -> Any:
        return self.request(self.policy(stage(1, *rules, **more)))

    def test_a_role_is_held_directly_and_through_roles_that_include_it_at_any_remove(self) -> None:
        request = self.asked_of(role("finance-approver"))
        # carol leads approvers, erin leads the leads; dora's account is disabled.
        self.assert_asked(request, "alice", "bob", "carol", "erin")
        for name in ("alice", "bob", "carol", "erin"):
            self.decide(request, name).expect(201)
        request.assert_ended("approved")

    def test_a_role_of_a_group_is_held_by_its_members_and_those_of_groups_below(self) -> None:
        self.assert_asked(self.asked_of(role("auditor")), "frank", "grace")

    def test_a_role_of_a_client_is_held_directly_and_through_a_group_whose_role_includes_it(self) -> None:
        self.assert_asked(self.asked_of(role("registrar", client="registry")), "grace", "heidi")

    def test_names_of_any_characters_are_found(self) -> None:
        self.assert_asked(self.asked_of(role("chief R&D/Ops 100% #1")), "frank")
        self.assert_asked(self.asked_of(group("/finance/approvers/south & west")), "erin")

    def test_a_group_is_its_members_and_with_subgroups_those_of_groups_below(self) -> None:
        self.assert_asked(self.asked_of(group("/finance/approvers")), "alice")
        self.assert_asked(self.asked_of(group("/finance/approvers", include_subgroups=False)), "alice")
        below = self.asked_of(group("/finance/approvers", include_subgroups=True))
        self.assert_asked(below, "alice", "carol", "erin")

    def test_a_role_of_450_is_read_to_its_last_page(self) -> None:
        request = self.asked_of(role("field-officer"), mode="any-n", mode_value=1)
        seats = f"select count(distinct assignee) from approval_task where request_id = '{request.id}'"
        until(lambda: self.database.count(seats) == 450, "450 people are asked")
        self.realm.set_password("officer-450")
        self.decide(request, "officer-450").expect(201)
        request.assert_ended("approved")

    def test_a_role_that_nobody_holds_names_nobody(self) -> None:
        request = self.asked_of(role("nobody-yet"))
        request.wait_for_status("rejected")
        request.assert_ended("rejected", "no_approvers_resolved")

    def test_somebody_named_twice_is_asked_once(self) -> None:
        alice = user(self.realm.user_id("alice"))
        self.assert_asked(self.asked_of(alice, group("/finance/approvers"), role("finance-lead")), "alice", "carol", "erin")

    def test_the_pickers_find_people_roles_groups_and_clients(self) -> None:
        def found(what: str, key: str) -> list[str]:
            return [one[key] for one in self.viewer.get(f"/admin/directory/{what}").expect(200)]

        self.assertEqual(found("users?q=alice", "username"), ["alice"])
        self.assertIn("finance-approver", found("roles?q=finance", "name"))
        self.assertEqual(sorted(found("roles?client=registry", "name")), ["registrar", "registry-lead"])
        self.assertIn("/finance/approvers/north", found("groups?q=north", "path"))
        self.assertIn("registry", found("clients", "client_id"))


class ChangingDirectory(Staff):
    """The directory changes, or is away. The class has a realm of its own."""

    @classmethod
    def make_realm(cls) -> Realm:
        realm = Realm.create("changing")
        cls.addClassCleanup(realm.remove)
        return realm

    def test_who_was_disabled_is_not_asked_any_more(self) -> None:
        key = self.policy(stage(1, role("registrar", client="registry")))
        self.assert_asked(self.request(key), "grace", "heidi")
        self.realm.change_user("grace", enabled=False)
        self.addCleanup(self.realm.change_user, "grace", enabled=True)
        self.assert_asked(self.request(key), "heidi")

    def health(self) -> dict[str, str]:
        parts = self.viewer.get("/admin/health").expect(200)["parts"]
        return {one["part"]: one["status"] for one in parts if one["part"] in ("issuer_keys", "directory")}

    def test_with_keycloak_away_a_request_waits_and_its_tasks_appear_by_themselves(self) -> None:
        key = self.policy(stage(1, group("/audit")))
        self.client("registry"), self.client("frank")
        self.assertEqual(self.health(), {"issuer_keys": "up", "directory": "up"})
        self.proxy.refuse(True)
        self.proxy.cut()
        self.assertEqual(self.health(), {"issuer_keys": "up", "directory": "down"})
        request = self.request(key)
        self.assertEqual((request.created["status"], request.created["tasks"]), ("pending", []))
        self.assertTrue(request.wait_for("stage_resolution_failed")["reason"])
        simulated = self.viewer.post(f"/policies/{key}/versions/1/simulate", {"context": {}})
        self.assert_refused(simulated, 503, "AWE-007")
        self.proxy.heal()
        self.assert_asked(request, "frank", within=60)
        self.decide(request, "frank").expect(201)
        request.assert_ended("approved")

    def test_a_token_that_the_directory_no_longer_takes_is_replaced(self) -> None:
        key = self.policy(stage(1, group("/audit")))
        self.assert_asked(self.request(key), "frank")
        # All tokens issued before the next second become invalid, that of the resolver too.
        issued = int(time.time())
        until(lambda: int(time.time()) > issued, "the next second")
        self.realm.admin("PUT", "", {"notBefore": int(time.time())})
        self.addCleanup(self.realm.admin, "PUT", "", {"notBefore": 0})
        request = self.request(key)
        self.assert_asked(request, "frank")
        self.assertEqual(request.events("stage_resolution_failed"), [])


class CachedDirectory(Staff):
    settings = {"resolver__cache_seconds": 3}

    @classmethod
    def make_realm(cls) -> Realm:
        realm = Realm.create("cached")
        cls.addClassCleanup(realm.remove)
        return realm

    def test_an_answer_is_used_again_until_it_is_too_old(self) -> None:
        key = self.policy(stage(1, role("registrar", client="registry")))
        self.assert_asked(self.request(key), "grace", "heidi")
        self.realm.change_user("grace", enabled=False)
        self.assert_asked(self.request(key), "grace", "heidi")
        until(lambda: self.request(key).open() == self.ids("heidi"), "the directory is asked again")


class Programs(Staff):
    """Service accounts, and people whom the directory does not know. The class has a realm of its own."""

    UNKNOWN = "00000000-0000-4000-8000-000000000000"

    @classmethod
    def make_realm(cls) -> Realm:
        realm = Realm.create("programs")
        cls.addClassCleanup(realm.remove)
        return realm

    def unknown_users(self, request: Any) -> Any:
        return request.wait_for("stage_started")["payload"].get("unknown_users")

    def test_a_service_account_that_holds_a_role_or_sits_in_a_group_is_not_asked(self) -> None:
        program = self.realm.user_id("service-account-registry")
        held = self.realm.admin("GET", "roles/nobody-yet")
        for holder in (program, self.realm.user_id("alice")):
            self.realm.admin("POST", f"users/{holder}/role-mappings/realm", [held])
        audit = self.realm.admin("GET", "group-by-path/audit")
        self.realm.admin("PUT", f"users/{program}/groups/{audit['id']}", {})
        self.assert_asked(self.request(self.policy(stage(1, role("nobody-yet")))), "alice")
        self.assert_asked(self.request(self.policy(stage(1, group("/audit")))), "frank")
        found = self.viewer.get(f"/admin/directory/users?id={program}").expect(200)
        self.assertEqual([one["service_account"] for one in found], [True])
        alice = self.realm.user_id("alice")
        asked = ",".join((program, self.UNKNOWN, "no id", alice, "id:"))
        found = self.viewer.get(f"/admin/directory/users?ids={quote(asked)}").expect(200)
        self.assertEqual({one["id"]: one["service_account"] for one in found}, {program: True, alice: False})
        found = self.viewer.get("/admin/directory/users?q=alice").expect(200)
        self.assertEqual([one["service_account"] for one in found], [False])

    def test_whoever_is_unknown_or_disabled_is_not_waited_for_and_is_told(self) -> None:
        alice, dora = self.ids("alice", "dora")
        key = self.policy(stage(1, user(alice), user(dora), user(self.UNKNOWN)))
        request = self.request(key)
        self.assert_asked(request, "alice")
        self.assertEqual(self.unknown_users(request), [dora, self.UNKNOWN])
        simulated = self.viewer.post(f"/policies/{key}/versions/1/simulate", {"context": {}}).expect(200)
        self.assertEqual(simulated["stages"][0]["unknown_users"], [dora, self.UNKNOWN])
        task = request.task(alice)["id"]
        for nobody in (dora, self.UNKNOWN):
            moved = self.client("admin").post(f"/tasks/{task}/reassign", {"new_assignee": nobody})
            self.assert_refused(moved, 422, "AWE-010")
            away = {"user_id": alice, "delegate_to": nobody, "starts_at": "2190-01-01T00:00:00Z", "ends_at": "2191-01-01T00:00:00Z"}
            self.assert_refused(self.client("alice").post("/delegations", away), 422, "AWE-010")
        self.decide(request, "alice").expect(201)
        request.assert_ended("approved")

    def test_with_keycloak_away_people_are_seated_unchecked_and_nobody_waits_for_long(self) -> None:
        key = self.policy(stage(1, user(self.ids("bob")[0]), user("11111111-1111-4111-8111-111111111111")))
        self.client("registry"), self.client("bob")
        self.proxy.refuse(True)
        self.proxy.cut()
        began = time.monotonic()
        requests = [self.request(key) for _ in range(5)]
        self.assertLess(time.monotonic() - began, 10)
        for request in requests:
            self.assertEqual(len(request.created["tasks"]), 2)
            self.assertIsNone(self.unknown_users(request))
