"""Scenarios: acts of administrators are audited with the state before and after; people's own delegations."""

from __future__ import annotations

from typing import Any

from support.scenario import Scenarios, stage, user

WINDOW = {"starts_at": "2020-01-01T00:00:00Z", "ends_at": "2100-01-01T00:00:00Z"}
# What an action leaves empty: there was nothing before it, or there is nothing after it.
MADE = {"policy.create", "policy.add_version", "delegation.create", "callback_secret.create"}
GONE = {"delegation.delete"}


class Auditing(Scenarios):
    def rows(self, action: str) -> list[dict[str, Any]]:
        return self.viewer.get(f"/admin/audit?action={action}").expect(200)

    def test_every_administrative_action_leaves_a_row_with_before_and_after(self) -> None:
        admin = self.admin
        key = self.policy(stage(1, user("ann"), user("bob"), user("cy")))
        body = self.policy_body(key, stage(1, user("ann")))
        admin.send("PUT", f"/policies/{key}", body).expect(201)
        admin.send("PATCH", f"/policies/{key}/versions/2", {**body, "name": "renamed"}).expect(200)
        request = self.request(key)
        request.reassign("ann", "dee").expect(200)
        admin.decide(request.task("bob")["id"]).expect(201)
        admin.post(f"/requests/{request.id}/cancel", {"reason": "stop"}).expect(200)
        admin.post(f"/policies/{key}/versions/1/deactivate").expect(200)
        away = admin.post("/delegations", {"user_id": "ann", "delegate_to": "eve", **WINDOW}).expect(201)
        admin.send("DELETE", f"/delegations/{away['id']}").expect(204)
        made = admin.post("/admin/callback-secrets", {"caller_service": "audited"}).expect(201)
        turned = admin.post(f"/admin/callback-secrets/{made['id']}/rotate", {"grace_hours": 1}).expect(201)
        admin.send("DELETE", f"/admin/callback-secrets/{turned['id']}").expect(204)
        self.sink.wait_for_type("request_cancelled", request.id)
        sent = self.viewer.get(f"/admin/deliveries?request_id={request.id}").expect(200)[0]
        self.database.value(f"update webhook_delivery set status = 'exhausted' where id = '{sent['id']}'")
        admin.post(f"/admin/deliveries/{sent['id']}/retry").expect(200)

        for action in (
            "policy.create policy.add_version policy.update policy.activate policy.deactivate request.cancel "
            "task.reassign task.decide_override delegation.create delegation.delete delivery.retry "
            "callback_secret.create callback_secret.rotate callback_secret.revoke"
        ).split():
            with self.subTest(action):
                row = self.rows(action)[0]
                self.assertEqual(row["actor"], "admin")
                self.assertEqual(row["resource_type"], action.split(".")[0], row)
                self.assertTrue(row["resource_id"], row)
                if row["resource_type"] == "policy":
                    self.assertRegex(row["resource_id"], r"^[a-z0-9._-]+:[0-9]+$", row)
                self.assertEqual(row["before"] is None, action in MADE, row)
                self.assertEqual(row["after"] is None, action in GONE, row)
                self.assertNotEqual(row["before"], row["after"], row)
                for secret in (made["secret"], turned["secret"]):
                    self.assertNotIn(secret, str(row))

    def test_a_person_manages_their_own_delegations_and_nobody_elses(self) -> None:
        ann, bob = self.client("ann"), self.client("bob")
        mine = ann.post("/delegations", {"user_id": "ann", "delegate_to": "eve", **WINDOW}).expect(201)
        self.forbidden(bob.post("/delegations", {"user_id": "ann", "delegate_to": "bob", **WINDOW}))
        refused = bob.send("DELETE", f"/delegations/{mine['id']}")
        self.assertIn(refused.status, (403, 404), refused.raw)
        self.assertNotIn(mine["id"], [row["id"] for row in bob.get("/delegations").expect(200)])
        request = self.request(self.policy(stage(1, user("ann"))))
        self.assertEqual(request.open(), ["eve"])
        ann.send("DELETE", f"/delegations/{mine['id']}").expect(204)
        self.assertEqual(self.request(self.policy(stage(1, user("ann")))).open(), ["ann"])
