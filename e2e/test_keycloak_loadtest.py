"""The scenarios for k6 in loadtest/ with the tokens of a real Keycloak."""

from __future__ import annotations

from support.k6 import run_scenario
from support.keycloak import REGISTRY, REGISTRY_SECRET
from support.scenario import stage, user
from support.staff import Staff


class Loadtest(Staff):
    def test_a_service_creates_and_decides_with_its_token(self) -> None:
        service = self.realm.user_id(f"service-account-{REGISTRY}")
        key = self.policy(stage(1, user(service)))
        signed = {"ISSUER": self.realm.issuer, "CLIENT_ID": REGISTRY, "CLIENT_SECRET": REGISTRY_SECRET}
        named = {"POLICY_KEY": key, "ARTIFACT_TYPE": "change_request"}
        done = run_scenario("lifecycle", self.server.port, ITERATIONS=20, **named, **signed)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        decided = f"select count(*) from approval_request where policy_key = '{key}' and source_service = '{service}'"
        self.assertEqual(self.database.count(f"{decided} and status = 'approved'"), 20)
