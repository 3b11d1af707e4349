"""Changing the master key while servers run."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess

from support import api, children, server, signatures
from support.case import EngineCase
from support.waiting import until

CALLERS = 20


def new_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class MasterKey(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.receiver = self.sink()
        self.old, self.new = str(self.settings["secrets.master_key"]), new_key()
        first = self.serve()
        self.secrets = {}
        with first.admin() as admin:
            api.create_policy(admin, "key.v1", api.stage(1, "admin"))
            for number in range(CALLERS):
                caller = f"caller-{number:02}"
                made = admin.post("/admin/callback-secrets", {"caller_service": caller}).expect(201)
                self.secrets[caller] = made["secret"]
        first.stop()
        self.both = {
            **self.settings,
            "secrets.master_key": self.new,
            "secrets.previous_master_keys": json.dumps([self.old]),
        }

    def rotate(self) -> str:
        done = server.run(["secrets", "rotate-master-key"], self.both, self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def sealed_under(self) -> dict[str, int]:
        """How many secrets are sealed under each master key, by key id."""
        rows = self.database.rows(
            "select encode(substring(secret_ciphertext from 2 for 4), 'hex') as key, count(*) as secrets"
            " from callback_secret group by 1"
        )
        return {row["key"]: row["secrets"] for row in rows}

    def assert_signs(self, running: server.Server, caller: str) -> None:
        with running.client(caller) as client:
            body = api.request_body("key.v1", "CR", self.receiver.url)
            created = client.post("/requests", body).expect(201)
        one = self.receiver.wait_for_type("request_created", created["request_id"])
        signatures.verify(one.headers, one.raw, self.secrets[caller])

    def test_killed_in_the_middle_and_done_again_it_moves_every_secret_while_a_server_signs(self) -> None:
        running = self.serve(**{key.replace(".", "__"): value for key, value in self.both.items()})
        self.assert_signs(running, "caller-00")
        middle = self.database.value(f"select id from callback_secret order by id offset {CALLERS // 2} limit 1")
        lock = self.database.lock_row("callback_secret", middle)
        self.addCleanup(lock.release)
        command = [server.program(), "secrets", "rotate-master-key", "--batch-size", "1"]
        rotating = children.start(
            command,
            env=server.environment(self.both),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(children.end, rotating)
        until(self.database.waiting_for_locks, "it waits in the middle")
        children.end(rotating)
        lock.release()
        self.assertEqual(sorted(self.sealed_under().values()), [CALLERS // 2, CALLERS // 2])
        for caller in ("caller-01", f"caller-{CALLERS - 1:02}"):
            self.assert_signs(running, caller)

        self.assertIn(f"{CALLERS - CALLERS // 2} secrets", self.rotate())
        self.assertEqual(list(self.sealed_under().values()), [CALLERS])
        self.assertIn("0 secrets", self.rotate())
        self.assert_signs(running, "caller-02")
        running.stop()

        only_new = self.serve(secrets__master_key=self.new)
        for caller in ("caller-03", f"caller-{CALLERS - 2:02}"):
            self.assert_signs(only_new, caller)

    def test_secrets_under_a_key_that_nobody_names_are_left_alone_and_named(self) -> None:
        settings = {**self.settings, "secrets.master_key": self.new}
        done = server.run(["secrets", "rotate-master-key"], settings, self.folder)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(f"{CALLERS} secrets open with none", done.stdout)
        self.assertNotIn(self.new, done.stdout)
        self.assertEqual(len(self.sealed_under()), 1)
