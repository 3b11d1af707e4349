"""Webhooks that fail, wait, or go to an endpoint beside a bad one, and what an operator does about them."""

from __future__ import annotations

import json
import threading

from support import api, server
from support.case import EngineCase
from support.waiting import until

HELD_REQUESTS, OTHER_REQUESTS = 100, 15


class Isolation(EngineCase):
    def test_an_endpoint_gets_everything_while_another_hangs_and_is_owed_much(self) -> None:
        self.migrate()
        goes_on = threading.Event()
        self.addCleanup(goes_on.set)

        def hang(_event: dict) -> int:
            goes_on.wait(120)
            return 200

        hanging, other = self.sink(hang), self.sink()
        # No attempt at the hanging endpoint ends during the test.
        running = self.serve(webhook__timeout_seconds=120, webhook__endpoint_concurrency=4)
        with running.admin() as admin:
            api.create_policy(admin, "two.v1", api.stage(1, "admin"))
            for number in range(HELD_REQUESTS):
                admin.post("/requests", api.request_body("two.v1", f"A-{number}", hanging.url)).expect(201)
            for number in range(OTHER_REQUESTS):
                body = api.request_body("two.v1", f"B-{number}", other.url)
                admin.decide(admin.post("/requests", body).expect(201)["tasks"][0]["id"]).expect(201)
        other.wait_for(lambda received: len(received) == 4 * OTHER_REQUESTS, "all webhooks of the other endpoint")
        open_ = f"select count(*) from webhook_delivery where url = '{hanging.url}' and status = 'pending'"
        self.assertEqual(self.database.count(open_), 2 * HELD_REQUESTS)
        # The second webhook of a request is leased with its first, and is no attempt before that one ended.
        self.assertLessEqual(self.database.count(f"{open_} and lease_token is not null and sequence = 1"), 4)
        goes_on.set()
        until(lambda: self.database.count(open_) == 0, "the hanging endpoint gets its webhooks too", within=60)


class Operator(EngineCase):
    """Each delivery is attempted once, and then waits for an hour or is given up."""

    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.receiver = self.sink(500)

    def owe(self, count: int, **settings: object) -> None:
        """Makes `count` deliveries that have failed once."""
        running = self.serve(webhook__backoff_seconds="[3600]", **settings)
        with running.admin() as admin:
            api.create_policy(admin, "op.v1", api.stage(1, "admin"))
            for number in range(count // 2):
                admin.post("/requests", api.request_body("op.v1", f"CR-{number}", self.receiver.url)).expect(201)
        failed = "select count(*) from webhook_delivery where attempt = 1 and last_status_code = 500"
        until(lambda: self.database.count(failed) == count, f"{count} deliveries have failed once")
        self.receiver.status = 200

    def wait_until_delivered(self, count: int) -> None:
        delivered = "select count(*) from webhook_delivery where status = 'delivered'"
        until(lambda: self.database.count(delivered) == count, f"{count} deliveries are delivered")

    def command(self, *words: str) -> str:
        done = server.run(list(words), self.settings, self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_flipping_next_attempt_at_by_sql_sends_a_delivery_at_once(self) -> None:
        self.owe(2)
        said = "status = 'pending' and last_error = 'answered 500' and next_attempt_at > now() + interval '50 minutes'"
        self.assertEqual(self.database.count(f"select count(*) from webhook_delivery where {said}"), 2)
        self.database.value("update webhook_delivery set next_attempt_at = now() where status = 'pending'")
        self.wait_until_delivered(2)

    def test_resetting_status_and_attempt_by_sql_sends_what_was_exhausted(self) -> None:
        self.owe(2, webhook__max_attempts=1)
        self.assertEqual(self.database.count("select count(*) from webhook_delivery where status = 'exhausted'"), 2)
        self.database.value("update webhook_delivery set status = 'pending', attempt = 0 where status = 'exhausted'")
        self.wait_until_delivered(2)

    def test_a_flip_is_obeyed_while_the_endpoint_rests_after_failures(self) -> None:
        self.owe(2, webhook__endpoint_open_after_failures=2, webhook__endpoint_open_seconds=3600)
        self.database.value(
            "update webhook_delivery set next_attempt_at = now()"
            " where id = (select id from webhook_delivery order by sequence limit 1)"
        )
        self.wait_until_delivered(1)

    def test_the_command_line_lists_and_retries_what_was_exhausted(self) -> None:
        self.owe(6, webhook__max_attempts=1)
        lines = self.command("deliveries", "list", "--status", "exhausted").splitlines()
        header = lines.pop(0).split()
        self.assertEqual(header[:7], ["DELIVERY", "CREATED", "STATUS", "ATTEMPT", "EVENT", "REQUEST", "ARTIFACT"])
        self.assertEqual(len(lines), 6)
        request, artifact = lines[0].split()[5:7]
        self.assertRegex(artifact, r"^change_request/CR-")
        of_one = self.command("deliveries", "list", "--request", request, "--since", "1h").splitlines()[1:]
        self.assertTrue(of_one and all(request in line for line in of_one), of_one)
        shown = self.command("deliveries", "show", lines[0].split()[0])
        self.assertIn("attempt 1 at", shown)
        self.assertIn("answered 500", shown)
        attempts = json.loads(self.command("deliveries", "show", "--json", lines[0].split()[0]))["attempts"]
        self.assertEqual([attempt["status_code"] for attempt in attempts], [500])
        self.assertIn("no such deliveries", self.command("deliveries", "list", "--url", "https://elsewhere.example/"))
        self.assertTrue(all("answered 500" in line and self.receiver.url in line for line in lines), lines)
        shown = self.command("deliveries", "list", "--json", "--limit", "4").splitlines()
        self.assertEqual([json.loads(line)["status"] for line in shown], ["exhausted"] * 4)
        words = ("deliveries", "retry", "--since", "2020-01-01T00:00:00Z", "--status", "exhausted")
        self.assertIn("0 deliveries", self.command(*words, "--url", "https://elsewhere.example/"))
        self.assertIn("6 deliveries", self.command(*words, "--url", self.receiver.url))
        self.wait_until_delivered(6)
        self.assertIn("0 deliveries", self.command(*words), "what was delivered is not retried")
        audited = "select count(*) from audit_action where action = 'delivery.retry' and actor "
        self.assertEqual(self.database.count(audited + "like 'awe-cli:%@%'"), 1)
        self.database.value("update webhook_delivery set status = 'exhausted'")
        self.command("--as", "amina@example.org", *words)
        self.assertEqual(self.database.count(audited + "= 'amina@example.org'"), 1)

    def test_the_command_line_refuses_what_makes_no_sense(self) -> None:
        for words in (["--since", "yesterday"], ["--status", "delivered"], ["--as", "system:sla"], ["--as", "awe-cli"]):
            done = server.run(["deliveries", "retry", *words], self.settings, self.folder)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertIn(words[1], done.stdout)
