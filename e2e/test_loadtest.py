"""The scenarios for k6 in loadtest/, for a few seconds each: none may rot."""

from __future__ import annotations

from typing import Any

from support.api import ADMIN
from support.case import EngineCase
from support.issuer import Issuer
from support.k6 import SCENARIOS, THRESHOLD_MISSED, run_scenario
from support.server import Server


class Loadtest(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()

    def assert_runs(self, name: str, server: Server, **more: Any) -> str:
        """Asserts that the scenario ends well, and leaves nothing open and no policy active."""
        done = run_scenario(name, server.port, **more)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("MISSED", done.stdout)
        left = "select count(*) from approval_request where status in ('pending', 'in_review')"
        self.assertEqual(self.database.count(left), 0, done.stdout)
        self.assertEqual(self.database.count("select count(*) from approval_policy where status = 'active'"), 0)
        self.assertGreater(self.database.count("select count(*) from approval_request"), 0, done.stdout)
        return done.stdout

    def test_each_scenario_runs_and_leaves_nothing_open(self) -> None:
        server, receiver = self.serve("warn"), self.sink()
        short = {
            "lifecycle": {"DURATION": "1s"},
            "two_stage": {"DURATION": "1s"},
            "inbox": {"DURATION": "2s", "OPEN": 20, "READERS": 2},
            "burst": {"COUNT": 50, "CALLBACK_URL": receiver.url},
            "sla": {"COUNT": 20, "LEAD": "4s", "AFTER": "1s"},
            "soak": {"DURATION": "3s"},
        }
        names = {file.stem for file in SCENARIOS.glob("*/*.js")} - {file.stem for file in SCENARIOS.glob("shared/*.js")}
        self.assertEqual(names, set(short), "each scenario is run here")
        for name, settings in short.items():
            with self.subTest(name):
                self.assertTrue((SCENARIOS / name / "README.md").is_file(), f"{name} has a README")
                self.assert_runs(name, server, **settings)

    def test_with_an_issuer_all_callers_are_one_client_whose_token_is_renewed(self) -> None:
        issuer = Issuer("load-service", (ADMIN,), seconds=2)
        self.addCleanup(issuer.close)
        self.settings.update(issuer.settings())
        server = self.serve("warn")
        signed = {"ISSUER": issuer.base_url, "CLIENT_ID": issuer.client_id, "CLIENT_SECRET": issuer.client_secret}
        for name in ("lifecycle", "two_stage", "inbox"):
            with self.subTest(name):
                self.assert_runs(name, server, DURATION="3s", OPEN=4, VUS=1, RATE=5, **signed)
        callers = self.database.value("select string_agg(distinct source_service, ' ') from approval_request")
        self.assertEqual(callers, "load-service")
        # Three runs with at least one user each, all longer than a token lives.
        self.assertGreaterEqual(issuer.granted, 6)

    def test_a_bound_that_is_missed_fails_the_run(self) -> None:
        done = run_scenario("lifecycle", self.serve("warn").port, ITERATIONS=20, P95_MS=0.001)
        self.assertEqual(done.returncode, THRESHOLD_MISSED, done.stdout + done.stderr)
        self.assertIn("MISSED", done.stdout)

    def test_a_policy_that_is_named_is_used_and_left_alone(self) -> None:
        server = self.serve("warn")
        with server.admin() as admin:
            rules = [{"rule_type": "user", "rule_value": {"user_id": "somebody"}}]
            stage = {"name": "Review", "stage_order": 1, "mode": "any-n", "mode_value": 1, "rules": rules}
            body = {"policy_key": "ours", "name": "Ours", "artifact_type": "thing", "stages": [stage]}
            admin.post("/policies", body).expect(201)
            admin.post("/policies/ours/versions/1/activate").expect(200)
        named = {"POLICY_KEY": "ours", "ARTIFACT_TYPE": "thing", "APPROVER": "somebody"}
        done = run_scenario("lifecycle", server.port, ITERATIONS=5, **named)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        states = "select string_agg(policy_key || ' ' || status, ' ') from approval_policy"
        self.assertEqual(self.database.value(states), "ours active")
