"""The Registry and AWE in one realm of a real Keycloak: signed tokens, forwarded as they are."""

from __future__ import annotations

import time

from support import keycloak
from support.api import Answer
from support.keycloak import DEMO_CLI, Realm
from support.registry import Client, RegistryCase, code
from support.waiting import until

SERVICE, SERVICE_SECRET = "registry-service", "demo-registry-service"


class Trusting(RegistryCase):
    """AWE and a Registry that trust one realm."""

    def setUp(self) -> None:
        self.realm = self.make_realm()
        super().setUp()

    def make_realm(self) -> Realm:
        return Realm()

    def awe_settings(self) -> dict[str, object]:
        return {key.replace(".", "__"): value for key, value in self.realm.settings().items()}

    def registry_settings(self) -> dict[str, object]:
        return {
            **super().registry_settings(),
            "auth.issuer": self.realm.issuer,
            "auth.audience": keycloak.AUDIENCE,
            "awe.service_client_id": SERVICE,
            "awe.service_client_secret": SERVICE_SECRET,
        }

    def caller(self, subject: str, *roles: str) -> Client:
        """The realm knows the roles."""
        client = Client(self.registry.port).bearing(self.realm.token(subject))
        self.addCleanup(client.close)
        return client

    def boss(self) -> Client:
        return self.caller("registrar-1")

    def refused(self, answer: Answer) -> tuple[int, str]:
        return answer.status, code(answer)


class People(Trusting):
    def test_a_change_goes_its_way_with_the_tokens_of_people(self) -> None:
        made = self.create("F-1")
        change = made["change_request_id"]
        detail = self.staff().get(f"/change-requests/{change}").expect(200)
        self.assertEqual(detail["requester"], "staff-1")
        self.assertEqual(self.refused(self.decide(self.boss(), change)), (403, "REG-005"))
        self.assertEqual(self.refused(self.decide(self.staff(), change)), (403, "REG-005"))
        self.approve_all(change)
        self.becomes(change, "APPROVED")
        approval = self.staff().get(f"/change-requests/{change}/approval").expect(200)
        actors = [event["actor"] for event in approval["events"] if event["event_type"] == "decision_recorded"]
        self.assertEqual(actors, ["officer-1", "director-1", "director-2"])

    def test_the_service_account_cancels_what_was_overridden_and_reconciles(self) -> None:
        made, lost = self.create("F-1"), self.create("F-2")
        self.decide(self.boss(), made["change_request_id"], override=True, reason="flood").expect(200)
        self.registry.kill()
        self.approve_all_in_awe(lost["awe_request_id"])
        self.registry.start()
        self.becomes(lost["change_request_id"], "APPROVED")
        statuses = self.database.rows("select id, status from approval_request")
        self.assertEqual({one["id"]: one["status"] for one in statuses}[made["awe_request_id"]], "cancelled")

    def approve_all_in_awe(self, request_id: str) -> None:
        for person in ("officer-1", "director-1", "director-2"):
            with self.awe.client().bearing(self.realm.token(person)) as client:
                (task,) = client.get(f"/tasks?request_id={request_id}&status=open").expect(200)["items"]
                client.decide(task["id"]).expect(201)

    def test_an_expired_token_is_401_here_and_passed_on_from_awe(self) -> None:
        change = self.create("F-1")["change_request_id"]
        # The Registry tolerates a clock that is behind, AWE does not: so the token is good here and expired there.
        self.registry.stop()
        self.registry.settings["auth.leeway_seconds"] = 600
        self.registry.start()
        (cli,) = self.realm.admin("GET", f"clients?clientId={DEMO_CLI}")
        mappers = [{key: value for key, value in one.items() if key != "id"} for one in cli["protocolMappers"]]
        more = {"clientId": "hasty", "attributes": {"access.token.lifespan": "1"}, "protocolMappers": mappers}
        hasty = {key: value for key, value in {**cli, **more}.items() if key != "id"}
        made = self.realm.admin("POST", "clients", hasty)
        self.addCleanup(self.realm.admin, "DELETE", f"clients/{made}")
        client, staff = (
            self.caller(person).bearing(self.realm.token(person, "hasty")) for person in ("officer-1", "staff-1")
        )

        def by_awe() -> bool:
            tokens = [one.headers["Authorization"].partition(" ")[2] for one in (client, staff)]
            with self.awe.client() as direct:
                return all(direct.bearing(token).get("/tasks").status == 401 for token in tokens)

        until(by_awe, "AWE refuses both tokens", 90)
        refused = self.decide(client, change)
        self.assertEqual(self.refused(refused), (401, "REG-006"))
        self.assertIn("AWE", refused.json["message"])
        refused = staff.post("/change-requests/create_change_request", self.body("F-2"))
        self.assertEqual(self.refused(refused), (401, "REG-006"))
        self.assertEqual(self.records.count("select count(*) from g2p_register_change_request"), 1)
        self.registry.stop()
        self.registry.settings["auth.leeway_seconds"] = 0
        self.registry.start()
        client.close()  # its connection ended with the Registry; the next call makes another
        for answer in (self.decide(client, change), client.get("/my-approvals")):
            self.assertEqual(self.refused(answer), (401, "REG-006"))
            self.assertIn("expired", answer.json["message"])
        self.assertEqual(self.status(change), "PENDING")


class Keys(Trusting):
    def make_realm(self) -> Realm:
        realm = Realm.create(f"registry-{time.time_ns()}")
        self.addCleanup(realm.remove)
        return realm

    def test_tokens_that_nobody_signed_or_somebody_else_are_401(self) -> None:
        good = self.realm.token("staff-1")
        header, claims, signature = good.split(".")
        other = Realm.create(f"other-{time.time_ns()}")
        self.addCleanup(other.remove)
        none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
        for token in (f"{none}.{claims}.", f"{header}.{claims}.{'A' * len(signature)}", other.token("staff-1"), f"{header}.{claims}."):
            with Client(self.registry.port).bearing(token) as client:
                self.assertEqual(self.refused(client.get("/change-requests")), (401, "REG-006"))
        self.realm.new_signing_key()
        until(lambda: self.staff().get("/change-requests").status == 200, "a new key is fetched", 20)
