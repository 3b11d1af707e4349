"""`awe audit export`, and the hash that an auditor computes from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Callable

from support import api, server
from support.case import EngineCase

PAGE = Path(__file__).resolve().parent.parent / "docs" / "audit.md"


def recomputed() -> Callable[[dict[str, Any]], str]:
    """The function that docs/audit.md gives to auditors."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}
    exec(code.group(1), names)
    return names["text_sha256"]


class Export(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.started = self.serve()
        self.requests = []
        with self.started.admin() as admin, self.started.client("registry") as registry:
            more = {"name": "Prüfung", "sla_hours": 48, "skip_if": {"==": [{"var": "kind"}, "none"]}}
            stage = {**api.stage(1, "alice"), **more}
            api.create_policy(admin, "audited.v1", stage, api.stage(2, "bob"))
            for number in range(3):
                created = registry.post("/requests", api.request_body("audited.v1", f"CR-{number}")).expect(201)
                self.requests.append(created["request_id"])
            task = created["tasks"][0]["id"]
            admin.decide(task).expect(201)

    def export(self, *words: str) -> str:
        done = server.run(["audit", "export", *words], self.settings, self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_one_request_is_exported_with_the_hash_that_an_auditor_computes(self) -> None:
        evidence = json.loads(self.export("--request", self.requests[-1]))
        hash_ = recomputed()(evidence["policy"])
        self.assertEqual(hash_, evidence["policy"]["text_sha256"])
        self.assertEqual(hash_, evidence["policy_text_sha256"])
        self.assertEqual(hash_, evidence["events"][0]["payload"]["policy_sha256"])
        self.assertEqual([event["sequence"] for event in evidence["events"]], list(range(1, len(evidence["events"]) + 1)))
        self.assertEqual([decision["actor"] for decision in evidence["decisions"]], ["admin"])
        self.assertIn("task.decide_override", [one["action"] for one in evidence["audit"]])
        with self.started.client("viewer", "AWE_VIEWER") as viewer:
            told = viewer.get(f"/requests/{self.requests[-1]}/evidence").expect(200)
        self.assertEqual({**told, "as_of": ""}, {**evidence, "as_of": ""})

    def test_a_period_is_json_lines_that_say_when_they_are_complete(self) -> None:
        lines = [json.loads(line) for line in self.export("--since", "1h").splitlines()]
        self.assertEqual((lines[0]["type"], lines[0]["format"]), ("header", "awe-evidence/1"))
        requests = [line["request"]["id"] for line in lines if line["type"] == "request"]
        self.assertEqual(requests, self.requests)
        actions = [line["action"] for line in lines if line["type"] == "audit"]
        self.assertEqual(actions, ["policy.create", "policy.activate", "task.decide_override"])
        self.assertEqual(lines[-1], {"type": "end", "requests": 3, "audit": 3})
        none = [json.loads(line) for line in self.export("--since", "2020-01-01T00:00:00Z", "--until", "30d").splitlines()]
        self.assertEqual(none[-1], {"type": "end", "requests": 0, "audit": 0})

    def test_what_makes_no_sense_is_refused(self) -> None:
        unknown = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10"
        for words, code, told in (
            ((), 2, "--request"),
            (("--since", "yesterday"), 2, "RFC 3339"),
            (("--since", "1h", "--request", unknown), 2, "cannot be used"),
            (("--since", "1h", "--until", "2h"), 1, "--until must be after --since"),
            (("--request", unknown), 1, "does not exist"),
        ):
            done = server.run(["audit", "export", *words], self.settings, self.folder)
            self.assertEqual(done.returncode, code, done.stdout)
            self.assertIn(told, done.stdout)

    def test_a_policy_that_was_changed_past_the_guards_fails_the_doctor(self) -> None:
        self.database.unguarded("""update approver_rule set rule_value = '{"user_id": "eve"}'""")
        done = server.run(["doctor", "--json"], self.settings, self.folder)
        found = json.loads(done.stdout[done.stdout.index("{") : done.stdout.rindex("}") + 1])["findings"]
        texts = [one for one in found if one["check"] == "policy texts"]
        self.assertEqual(texts[0]["status"], "failure", texts)
        self.assertIn("audited.v1 version 1", texts[0]["message"])
