"""Tests of deploy/teardown.sh with a kubectl and a helm that only write down how they were called. `./dev check teardown`
runs them."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "deploy" / "teardown.sh"
STAND_IN = """#!/usr/bin/env python3
import json, os, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
given = sys.stdin.read() if "-i" in words else ""
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps([name, words, given]) + "\\n")
plan = json.loads(os.environ["PLAN"])
said = " ".join([name, *words])
for part, answer in plan.items():
    if part in said:
        says = answer["says"]
        if isinstance(says, list):
            # One after the other; the last is said again and again.
            with open(os.environ["CALLS"]) as calls:
                times = sum(part in " ".join([one[0], *one[1]]) for one in map(json.loads, calls))
            says = says[min(times, len(says)) - 1]
        print(says)
        sys.exit(answer.get("code", 0))
if said.startswith("helm list "):
    print(words[-1].strip("^$"))
"""
CLAIM = {"items": [{"metadata": {"name": "data-awe"}}]}


def volume(name: str, claim: str, namespace: str = "awe", phase: str = "Released") -> dict:
    return {
        "metadata": {"name": name},
        "spec": {"claimRef": {"namespace": namespace, "name": claim}},
        "status": {"phase": phase},
    }


class Teardown(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="awe-teardown-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        for name in ("kubectl", "helm"):
            program = self.folder / name
            program.write_text(STAND_IN)
            program.chmod(0o755)

    def run_it(self, *flags: str, answer: str = "", plan: dict | None = None) -> subprocess.CompletedProcess:
        self.calls_file = self.folder / "calls"
        self.calls_file.write_text("")
        env = {
            **os.environ,
            "PATH": f"{self.folder}:{os.environ['PATH']}",
            "CALLS": str(self.calls_file),
            "PLAN": json.dumps(plan or {}),
        }
        return subprocess.run(
            ["bash", str(SCRIPT), *flags], input=answer, env=env, capture_output=True, text=True, timeout=60
        )

    def calls(self) -> list:
        return [json.loads(line) for line in self.calls_file.read_text().splitlines()]

    def changes(self) -> list:
        reads = ("list", "get")
        return [one for one in self.calls() if not set(reads) & set(one[1])]

    def words(self) -> list:
        return [" ".join([name, *words]) for name, words, _ in self.changes()]

    def test_a_rehearsal_changes_nothing_and_says_everything(self) -> None:
        done = self.run_it("--namespace", "awe", "--dry-run", "--delete-kc-clients")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.changes(), [])
        for number in range(1, 9):
            self.assertIn(f"\n== {number} ", done.stdout)
        self.assertIn("helm uninstall awe --namespace awe", done.stdout)

    def test_it_asks_for_the_name_and_takes_no_other(self) -> None:
        for answer in ("", "yes\n", "awe2\n"):
            done = self.run_it("--namespace", "awe", answer=answer)
            self.assertEqual(done.returncode, 2, answer)
            self.assertEqual(self.changes(), [])
        self.assertEqual(self.run_it("--namespace", "awe", answer="awe\n").returncode, 0)
        self.assertIn("helm uninstall awe --namespace awe --wait", self.words())

    def test_only_what_carries_the_label_goes(self) -> None:
        self.run_it("--namespace", "ns", "--release", "one", "-y")
        label = "app.kubernetes.io/instance=one"
        for words in self.words():
            if " delete " in words and " delete pv " not in words:
                self.assertIn(f"-l {label}", words)
                self.assertIn("--namespace ns", words)
        kinds = {words.split(" delete ")[1].split()[0] for words in self.words() if " delete " in words}
        self.assertEqual(kinds, {"jobs", "pods", "secrets", "configmaps", "pvc"})

    def test_the_database_is_named_by_variables_and_never_in_the_text(self) -> None:
        hostile = "x'; drop table y; --\"$(touch gone)"
        self.run_it("--namespace", "awe", "-y", "--database", hostile, "--database-user", "o'x",
                    "--postgres-release", "pg", "--postgres-namespace", "shared")  # fmt: skip
        (call,) = [one for one in self.changes() if "exec" in one[1]]
        name, words, sql = call
        self.assertEqual(words[:5], ["--namespace", "shared", "exec", "-i", "pg-0"])
        self.assertEqual(words[-3:], [hostile, "o'x", "o'x_app"])
        self.assertNotIn("drop table y", sql)
        self.assertNotIn("drop table y", words[words.index("-c") + 1])
        order = [sql.index(part) for part in ("revoke connect", "pg_terminate_backend", "drop database", "drop owned", "drop role")]
        self.assertEqual(order, sorted(order))
        self.assertFalse((Path.cwd() / "gone").exists())

    def test_the_custodians_database_goes_only_where_it_is_named(self) -> None:
        self.run_it("--namespace", "awe", "-y")
        self.assertEqual(len([one for one in self.changes() if "exec" in one[1]]), 1)
        self.run_it("--namespace", "awe", "-y", "--custodian-database", "awe_custodian")
        dropped = [words[-3:] for _, words, _ in self.changes() if "exec" in words]
        self.assertEqual(dropped, [["awe", "awe_user", "awe_user_app"], ["awe_custodian"] * 3])

    def test_names_that_are_none_are_refused_before_anything_is_called(self) -> None:
        for flags in (
            [],
            ["--namespace"],
            ["--namespace", "--yes"],
            ["--namespace", "a b"],
            ["--namespace", "n" * 64],
            ["--namespace", "awe", "--release", "r" * 54],
            ["--namespace", "awe", "--release", "x,app=other"],
            ["--namespace", "awe", "--release", "$(id)"],
            ["--namespace", "awe", "--keycloak-realm", "a/b"],
            ["--namespace", "awe", "--database", "postgres"],
            ["--namespace", "awe", "--custodian-database", "template1"],
            ["--namespace", "awe", "--nosuch"],
        ):
            done = self.run_it(*flags, "-y") if flags != ["--namespace"] else self.run_it(*flags)
            self.assertEqual(done.returncode, 2, flags)
            self.assertEqual(self.calls(), [], flags)
            self.assertIn("teardown:", done.stderr)

    def test_only_released_volumes_of_its_own_claims_go(self) -> None:
        volumes = [
            volume("mine", "data-awe"),
            volume("bound", "data-awe", phase="Bound"),
            volume("of-another-release", "data-other"),
            volume("of-another-namespace", "data-awe", namespace="other"),
        ]
        plan = {"get pvc": {"says": json.dumps(CLAIM)}, "get pv -o": {"says": json.dumps({"items": volumes})}}
        self.run_it("--namespace", "awe", "-y", plan=plan)
        gone = [words for words in self.words() if " delete pv " in words]
        self.assertEqual(gone, ["kubectl delete pv mine --ignore-not-found --timeout=120s"])
        self.run_it("--namespace", "awe", "-y", "--keep-pvs", plan=plan)
        self.assertFalse([words for words in self.words() if " delete pv " in words])

    def test_a_volume_is_waited_for_that_is_released_after_its_claim_has_gone(self) -> None:
        claim = {"items": [{"metadata": {"name": "data-awe"}, "spec": {"volumeName": "mine"}}]}
        phases = [json.dumps({"items": [volume("mine", "data-awe", phase=phase)]}) for phase in ("Bound", "Released")]
        plan = {"get pvc": {"says": json.dumps(claim)}, "get pv -o": {"says": phases}}
        done = self.run_it("--namespace", "awe", "-y", plan=plan)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue([words for words in self.words() if words.startswith("kubectl delete pv mine ")])

    def test_who_cannot_be_asked_is_no_sign_that_anything_is_gone(self) -> None:
        for silent in ("helm list", "get pvc"):
            done = self.run_it("--namespace", "awe", "-y", plan={silent: {"says": "", "code": 1}})
            self.assertEqual(done.returncode, 2, silent)
            self.assertIn("nothing was done", done.stderr)
            self.assertEqual(self.changes(), [], silent)
        done = self.run_it("--namespace", "awe", "-y", plan={"helm uninstall": {"says": "", "code": 1}})
        self.assertEqual(done.returncode, 2)
        self.assertEqual([words for words in self.words() if "uninstall" not in words], [], "the database of a live release stays")

    def test_what_waits_is_bounded(self) -> None:
        self.run_it("--namespace", "awe", "-y")
        deletes = [words for words in self.words() if " delete " in words]
        self.assertTrue(deletes and all("--timeout=120s" in words for words in deletes), deletes)

    def test_secrets_of_clients_are_kept_on_request(self) -> None:
        self.run_it("--namespace", "awe", "-y", "--keep-kc-secrets")
        secrets = [words for words in self.words() if "delete secrets" in words]
        self.assertEqual(len(secrets), 1)
        for client in ("awe-admin-portal", "awe-admin-resolver"):
            self.assertIn(f"metadata.name!={client}", secrets[0])

    def test_clients_in_keycloak_go_only_on_request(self) -> None:
        self.run_it("--namespace", "awe", "-y")
        self.assertFalse([words for words in self.words() if "kcadm" in words])
        self.run_it("--namespace", "awe", "-y", "--delete-kc-clients", "--keycloak-release", "kc",
                    "--keycloak-namespace", "sso", "--keycloak-realm", "people")  # fmt: skip
        asked = [words for name, words, _ in self.changes() if "kc-0" in words]
        self.assertEqual([words[-2:] for words in asked], [["people", "awe-admin-portal"], ["people", "awe-admin-resolver"]])
        self.assertTrue(all(words[:2] == ["--namespace", "sso"] for words in asked))

    def test_what_is_already_gone_is_passed_over_and_what_fails_is_said(self) -> None:
        done = self.run_it("--namespace", "awe", "-y", plan={"helm list": {"says": ""}})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("already gone", done.stdout)
        self.assertFalse([words for words in self.words() if "uninstall" in words])
        done = self.run_it("--namespace", "awe", "-y", plan={"delete jobs": {"says": "", "code": 1}})
        self.assertEqual(done.returncode, 1)
        self.assertIn("going on", done.stderr)
        self.assertTrue([words for words in self.words() if "delete pvc" in words])


if __name__ == "__main__":
    unittest.main()
