"""`awe doctor`, `awe outbox`, retention and the example subscribers, run as operators and integrators run them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from support import api, server
from support.case import EngineCase
from support.waiting import until

ROOT = Path(__file__).resolve().parent.parent
UNPUBLISHED = "select count(*) from unpublished_event"


class Doctor(EngineCase):
    def findings(self, **settings: object) -> tuple[int, dict[str, list[dict[str, Any]]]]:
        """The exit code of `awe doctor`, and its findings by check."""
        named = {key.replace("__", "."): value for key, value in settings.items()}
        done = server.run(["doctor", "--json"], {**self.settings, **named}, self.folder)
        told = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])
        self.assertEqual(told["ok"], done.returncode == 0, done.stdout)
        found: dict[str, list[dict[str, Any]]] = {}
        for finding in told["findings"]:
            self.assertTrue(finding["status"] == "ok" or finding["advice"], finding)
            found.setdefault(finding["check"], []).append(finding)
        return done.returncode, found

    def test_a_healthy_installation_passes(self) -> None:
        self.migrate()
        started = self.serve()
        with started.admin() as admin:
            admin.post("/admin/callback-secrets", {"caller_service": "registry"}).expect(201)
            api.create_policy(admin, "well.v1", api.stage(1, "alice"))
            admin.post("/requests", api.request_body("well.v1", "CR-1")).expect(201)
        until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published")
        code, found = self.findings()
        # The PostgreSQL of a test run may have durability switched off, which doctor rightly refuses.
        failed = {check for check, all_ in found.items() for one in all_ if one["status"] == "failure"}
        self.assertLessEqual(failed, {"postgres durability"}, found)
        self.assertEqual(code, 1 if failed else 0)
        for check in ("postgres clock", "migrations", "secrets", "nats", "nats clock", "nats streams", "stuck"):
            self.assertTrue(all(one["status"] == "ok" for one in found[check]), found[check])

    def test_what_is_away_or_wrong_fails_and_is_named(self) -> None:
        self.migrate()
        started = self.serve()
        with started.admin() as admin:
            admin.post("/admin/callback-secrets", {"caller_service": "registry"}).expect(201)
        nobody = f"127.0.0.1:{server.free_port()}"
        other_key = base64.b64encode(bytes(32)).decode()
        code, found = self.findings(nats__url=f"nats://{nobody}", secrets__master_key=other_key)
        self.assertEqual(code, 1)
        self.assertEqual(found["nats"][0]["status"], "failure")
        self.assertEqual(found["secrets"][0]["status"], "failure")
        code, found = self.findings(database__url=f"postgres://awe@{nobody}/awe", nats__duplicate_window_seconds=60)
        self.assertEqual(code, 1)
        self.assertEqual(found["postgres"][0]["status"], "failure")
        self.assertIn("duplicate_window", found["nats streams"][0]["message"])

    def test_a_database_without_schema_is_told_to_migrate(self) -> None:
        code, found = self.findings()
        self.assertEqual(code, 1)
        self.assertIn("awe migrate", found["migrations"][0]["advice"])


class Outbox(EngineCase):
    def test_events_are_published_again_from_a_sequence(self) -> None:
        self.migrate()
        started = self.serve(nats__duplicate_window_seconds=1)
        with started.admin() as admin:
            api.create_policy(admin, "again.v1", api.stage(1, "alice"))
            created = admin.post("/requests", api.request_body("again.v1", "CR-1")).expect(201)
            admin.decide(created["tasks"][0]["id"]).expect(201)
        until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published")
        status = server.run(["outbox", "status"], self.settings, self.folder)
        self.assertEqual(status.returncode, 0, status.stdout)
        self.assertIn("outbox: 0 events wait", status.stdout)
        self.assertIn("sequences 1 to 5", status.stdout)

        def sequences() -> list[int]:
            kept = self.nats().stream(self.events_stream, f"{self.prefix}.events.>")
            return [message.json["sequence"] for message in kept]

        def republished() -> bool:
            """Must be tried several times: the server drops a repetition within its duplicate window."""
            done = server.run(["outbox", "republish", "--from", "4"], self.settings, self.folder)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn("all events are published", done.stdout)
            return sequences()[:5] == [1, 2, 3, 4, 5] and sequences()[5:7] == [4, 5]

        until(republished, "the last two events are in the stream again", 40)
        refused = server.run(["outbox", "republish", "--from", "yesterday"], self.settings, self.folder)
        self.assertNotEqual(refused.returncode, 0)


class Retention(EngineCase):
    def test_old_requests_and_keys_are_forgotten_and_young_ones_kept(self) -> None:
        self.migrate()
        started = self.serve(retention__requests_days=30, retention__check_interval_seconds=1)
        with started.admin() as admin, started.client("registry") as registry:
            api.create_policy(admin, "old.v1", api.stage(1, "alice"))
            ids = []
            for number in range(2):
                body, key = api.request_body("old.v1", f"CR-{number}"), {"Idempotency-Key": f"key-{number}"}
                created = registry.post("/requests", body, key).expect(201)
                admin.decide(created["tasks"][0]["id"]).expect(201)
                ids.append(created["request_id"])
            until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published")
            self.database.unguarded(
                f"update approval_request set created_at = created_at - interval '40 days',"
                f" completed_at = completed_at - interval '40 days' where id = '{ids[0]}';"
                f"update idempotency_key set created_at = created_at - interval '40 days' where key = 'key-0'"
            )
            until(lambda: registry.get(f"/requests/{ids[0]}").status == 404, "the old request is forgotten")
            keys = "select string_agg(key, ' ') from idempotency_key"
            until(lambda: self.database.value(keys) == "key-1", "the old key is forgotten")
            registry.get(f"/requests/{ids[1]}").expect(200)


class Subscribers(EngineCase):
    def test_both_examples_print_the_events_of_a_decision(self) -> None:
        self.migrate()
        started = self.serve()
        with started.admin() as admin:
            api.create_policy(admin, "seen.v1", api.stage(1, "alice"))
            created = admin.post("/requests", api.request_body("seen.v1", "CR-1")).expect(201)
            admin.decide(created["tasks"][0]["id"]).expect(201)
        until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published")
        request = created["request_id"]
        rust = Path(os.environ["AWE_BIN"]).parent / "examples" / "subscribe"
        python = [sys.executable, str(ROOT / "examples" / "subscribe.py"), "--url", self.nats_url, "--count", "5"]
        told = [
            self.run_example([str(rust), self.nats_url, "5", request, self.events_stream]),
            self.run_example([*python, "--request", request, "--prefix", self.prefix]),
        ]
        types = ["request_created", "stage_started", "decision_recorded", "stage_completed", "request_approved"]
        for lines in told:
            self.assertEqual([line.split()[:3] for line in lines], [["event", str(n + 1), t] for n, t in enumerate(types)])

    def run_example(self, command: list[str]) -> list[str]:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()


class OutboxForMachines(EngineCase):
    def status(self, **settings: object) -> tuple[int, dict[str, Any]]:
        named = {key.replace("__", "."): value for key, value in settings.items()}
        done = server.run(["outbox", "status", "--json"], {**self.settings, **named}, self.folder)
        return done.returncode, json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])

    def test_status_is_json_and_its_exit_code_says_whether_all_is_well(self) -> None:
        self.migrate()
        started = self.serve()
        with started.admin() as admin:
            api.create_policy(admin, "status.v1", api.stage(1, "alice"))
            admin.post("/requests", api.request_body("status.v1", "CR-1")).expect(201)
        until(lambda: self.database.count(UNPUBLISHED) == 0, "every event is published")
        code, told = self.status()
        self.assertEqual((code, told["ok"], told["unpublished"], told["stream"]["last"]), (0, True, 0, 2), told)
        code, told = self.status(nats__url=f"nats://127.0.0.1:{server.free_port()}")
        self.assertEqual((code, told["ok"], told["stream"]), (3, False, None), told)
        started.terminate()
        started.exit_code()
        self.database.unguarded(
            "insert into outbox_again select position from approval_event;"
            "update approval_event set created_at = now() - interval '1 min'"
        )
        code, told = self.status()
        self.assertEqual((code, told["unpublished"]), (3, 2), told)
