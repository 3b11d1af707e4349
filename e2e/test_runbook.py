"""docs/operate.md executed: the commands of the runbook, read from the page and run as they stand there."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import textwrap
from pathlib import Path
from urllib.parse import urlsplit

from support import api, children, server, signatures
from support.case import EngineCase
from support.database import Database
from support.directory import Directory
from support.nats import Nats
from support.proxy import Proxy
from support.services import NatsServer
from support.waiting import until

PAGE = Path(__file__).resolve().parent.parent / "docs" / "operate.md"
WITHIN = 60.0
BLOCK = re.compile(r"^( *)<!-- run: ([a-z-]+) -->\n *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks() -> dict[str, str]:
    """The commands of the page by their name."""
    return {name: textwrap.dedent(text) for _, name, text in BLOCK.findall(PAGE.read_text())}


class Runbook(EngineCase):
    """One server, as an operator has it; `follow` does what the page says."""

    def setUp(self) -> None:
        super().setUp()
        tools = self.folder / "bin"
        tools.mkdir()
        (tools / "awe").symlink_to(server.program())
        place = os.environ.get("AWE_POSTGRES_BIN", "")
        self.path = os.pathsep.join(filter(None, [str(tools), place, os.environ["PATH"]]))

    def words(self, running: server.Server | None, **more: str) -> dict[str, str]:
        """What the page presumes in the environment."""
        settings = running.settings if running else self.settings
        known = {"OWNER_URL": self.database.url, "TOKEN": api.token("admin", api.ADMIN), "PATH": self.path}
        if running:
            known["AWE"] = f"http://127.0.0.1:{running.port}/v1/awe"
        return {**server.environment(settings), **known, **more}

    def follow(self, name: str, running: server.Server | None = None, code: int = 0, **more: str) -> str:
        """Runs a block; returns what it prints."""
        done = subprocess.run(
            ["bash", "-eu", "-c", blocks()[name]],
            env=self.words(running, **more),
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=WITHIN,
        )
        self.assertEqual(done.returncode, code, f"{name}: {done.stdout}{done.stderr}")
        return done.stdout

    def look(self, name: str, running: server.Server, **more: str) -> list[str]:
        """Runs a block that ends with `awe doctor`; returns what that says has failed."""
        done = subprocess.run(
            ["bash", "-c", blocks()[name]],
            env=self.words(running, **more),
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=WITHIN,
        )
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        self.assertIn("ok      migrations", done.stdout, done.stderr)
        failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
        # The database of tests does not wait for its disk, which is said and is right.
        return [line for line in failed if "postgres durability" not in line]

    def begin(self, **settings: object) -> server.Server:
        self.migrate()
        started = self.serve(**settings)
        with started.admin() as admin:
            api.create_policy(admin, "run.v1", api.stage(1, "alice"))
        return started

    def create(self, running: server.Server, callback: str | None = None, artifact: str = "CR-1") -> dict:
        with running.client("registry") as registry:
            return registry.post("/requests", api.request_body("run.v1", artifact, callback)).expect(201)


class Page(EngineCase):
    def test_every_block_of_the_page_is_run_by_a_test(self) -> None:
        source = Path(__file__).read_text()
        marks = re.findall(r"<!-- run: (\S+) -->", PAGE.read_text())
        self.assertEqual(sorted(marks), sorted(blocks()), "a mark stands before a block, once")
        for name in marks:
            self.assertRegex(source, rf'"{name}"', f"nothing runs the block {name}")


class Webhooks(Runbook):
    def test_one_that_is_stuck_is_explained_and_sent_at_once_when_its_receiver_is_well(self) -> None:
        receiver = self.sink(500)
        running = self.begin(webhook__backoff_seconds="[3600]")
        created = self.create(running, receiver.url)
        tried = "select count(*) from webhook_delivery where event_type = 'request_created' and attempt = 1"
        until(lambda: self.database.count(tried) == 1, "an attempt was recorded")
        said = self.follow("pending", running)
        self.assertIn("request_created", said)
        self.assertIn('"status_code":500', said)
        receiver.status = 200
        self.follow("pending-again", running)
        receiver.wait_for_type("request_created", created["request_id"])

    def test_what_was_given_up_is_sent_when_it_is_asked_for(self) -> None:
        receiver = self.sink(500)
        running = self.begin(webhook__max_attempts=1)
        created = self.create(running, receiver.url)
        until(
            lambda: self.database.count("select count(*) from webhook_delivery where status = 'exhausted'") >= 1,
            "it was given up",
        )
        receiver.status = 200
        self.assertIn("exhausted", self.follow("exhausted", running))
        receiver.wait_for_type("request_created", created["request_id"])

    def test_while_a_secret_is_rotated_every_webhook_verifies_with_the_one_that_the_receiver_has(self) -> None:
        receiver = self.sink()
        running = self.begin()
        with running.admin() as admin:
            made = admin.post("/admin/callback-secrets", {"caller_service": "registry"}).expect(201)
        first = self.create(running, receiver.url, "CR-1")
        before = receiver.wait_for_type("request_created", first["request_id"])
        answer = json.loads(self.follow("rotate-secret", running, SECRET_ID=made["id"]))
        second = self.create(running, receiver.url, "CR-2")
        after = receiver.wait_for_type("request_created", second["request_id"])
        signatures.verify(before.headers, before.raw, made["secret"])
        self.assertNotEqual(answer["secret"], made["secret"])
        # By the standard header either secret verifies; by the older one only the new.
        self.assertEqual(len(after.headers["webhook-signature"].split()), 2)
        signatures.verify(after.headers, after.raw, answer["secret"])

    def test_what_waits_is_counted_and_another_process_sends_it(self) -> None:
        receiver = self.sink()
        self.migrate()
        running = server.Server(self.settings, self.folder / "api.log", roles="api,relay,resolver,sla")
        self.addCleanup(running.stop)
        with running.admin() as admin:
            api.create_policy(admin, "run.v1", api.stage(1, "alice"))
        self.assertEqual(self.follow("backlog", running).strip(), "0")
        created = self.create(running, receiver.url)
        self.assertEqual(self.follow("backlog", running).strip(), "1")
        child = children.start(
            ["bash", "-c", blocks()["delivery"]],
            # On this machine the first one has the port.
            env=self.words(running, AWE__SERVER__PORT=str(server.free_port())),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(children.end, child)
        receiver.wait_for_type("request_created", created["request_id"])
        until(lambda: self.follow("backlog", running).strip() == "0", "nothing waits any more")


class Tasks(Runbook):
    def test_a_stage_without_tasks_is_explained_and_gets_them_when_the_directory_is_back(self) -> None:
        directory = Directory(["alice"])
        self.addCleanup(directory.close)
        self.migrate()
        self.settings.update(directory.settings)
        running = self.serve()
        directory.away = True
        with running.admin() as admin:
            rules = [{"rule_type": "role", "rule_value": {"role": "officer"}}]
            stage = {"name": "One", "stage_order": 1, "mode": "any-n", "mode_value": 1, "rules": rules}
            api.create_policy(admin, "run.v1", stage)
        created = self.create(running)
        self.assertEqual(created["tasks"], [])
        said = self.follow("tasks", running, 1, REQUEST=created["request_id"])
        self.assertIn("Waiting for a directory", said)
        self.assertIn("warning directory: 1 requests wait", said)
        directory.away = False
        until(lambda: self.database.count("select count(*) from approval_task") >= 1, "tasks appear by themselves")
        self.assertEqual(self.look("tasks", running, REQUEST=created["request_id"]), [])

    def test_no_request_is_in_review_with_nobody_left_to_decide(self) -> None:
        running = self.begin()
        created = self.create(running)
        with running.client("alice") as alice:
            alice.decide(created["tasks"][0]["id"]).expect(201)
        self.create(running, artifact="CR-2")
        self.assertRegex(self.follow("decided", running), "^ok ")
        # What cannot come about by itself is found.
        which = f"where id = '{created['request_id']}'"
        self.database.unguarded(f"update approval_request set status = 'in_review', completed_at = null {which}")
        self.assertRegex(self.follow("decided", running), "^FAILED ")


class Keys(Runbook):
    def test_a_new_master_key_opens_everything_and_the_old_one_can_go(self) -> None:
        receiver = self.sink()
        running = self.begin()
        with running.admin() as admin:
            secret = admin.post("/admin/callback-secrets", {"caller_service": "registry"}).expect(201)["secret"]
        old, new = str(self.settings["secrets.master_key"]), self.follow("new-key").strip()
        self.assertEqual(len(base64.b64decode(new)), 32)
        for current, previous in ((old, [new]), (new, [old])):
            running.stop()
            keys = {"secrets__master_key": current, "secrets__previous_master_keys": json.dumps(previous)}
            running = self.serve(**keys)
        self.assertEqual(self.look("rotate-master-key", running), [])
        self.assertEqual(self.database.count("select count(*) from callback_secret"), 1)
        running.stop()
        running = self.serve(secrets__master_key=new)
        created = self.create(running, receiver.url)
        one = receiver.wait_for_type("request_created", created["request_id"])
        signatures.verify(one.headers, one.raw, secret)
        self.assertEqual(self.look("restored", running), [])


class Bus(Runbook):
    def test_events_wait_while_nats_is_away_and_go_when_it_is_back(self) -> None:
        parts = urlsplit(self.nats_url)
        proxy = Proxy(parts.port or 4222)
        self.addCleanup(proxy.close)
        host = parts.netloc.rpartition("@")[0]
        netloc = f"{host}@127.0.0.1:{proxy.port}" if host else f"127.0.0.1:{proxy.port}"
        self.settings["nats.url"] = parts._replace(netloc=netloc).geturl()
        running = self.begin()
        proxy.refuse(True)
        proxy.cut()
        self.create(running)
        self.follow("outbox", running, 3)
        proxy.refuse(False)
        until(lambda: self.is_settled(running), "everything has gone to the stream", 60)
        self.follow("outbox", running)

    def is_settled(self, running: server.Server) -> bool:
        words = ["bash", "-c", blocks()["outbox"]]
        return subprocess.run(words, env=self.words(running), cwd=self.folder, capture_output=True, timeout=WITHIN).returncode == 0

    def test_a_lost_stream_is_filled_again(self) -> None:
        running = self.begin(nats__reconcile_interval_seconds=1)
        self.create(running)
        until(lambda: self.is_settled(running), "the stream holds everything")
        with self.nats() as nats:
            nats.delete_stream(self.events_stream)
            until(lambda: self.is_settled(running), "the stream holds everything again", 60)

    def test_another_nats_is_filled_with_what_the_old_one_had(self) -> None:
        receiver = self.sink()
        running = self.begin()
        with running.admin() as admin:
            admin.post("/admin/callback-secrets", {"caller_service": "registry"}).expect(201)
        created = self.create(running, receiver.url)
        until(lambda: self.is_settled(running), "the stream holds everything")
        running.stop()
        other = NatsServer(self.folder)
        self.addCleanup(other.stop)
        moved = self.serve(nats__url=other.url)
        until(lambda: self.is_settled(moved), "the new stream holds everything", 60)
        with moved.client("alice") as alice:
            alice.decide(created["tasks"][0]["id"]).expect(201)
        receiver.wait_for_type("request_approved", created["request_id"])
        until(lambda: self.is_settled(moved), "the new stream holds what came since", 60)
        with Nats(other.url) as nats:
            told = [message.json for message in nats.stream(self.events_stream, f"{self.prefix}.events.>")]
        own = [event["sequence"] for event in told if event["request_id"] == created["request_id"]]
        self.assertEqual(own, [1, 2, 3, 4, 5])


class Life(Runbook):
    def test_a_schema_is_looked_at_brought_up_to_date_and_newer_ones_are_left_alone(self) -> None:
        self.migrate()
        newest = self.database.value("select max(version) from _sqlx_migrations")
        running = self.begin()
        said = self.follow("upgrade", running)
        self.assertIn("up to date", said)
        # The next release has migrated: the program from before goes on serving, and starts.
        self.database.value(
            "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)"
            f" values ({int(newest) + 1}, 'of the next release', now(), true, '\\x00', 1)"
        )
        self.create(running)
        running.stop()
        running.start()
        self.create(running, artifact="CR-2")

    def test_what_is_restored_is_whole_and_receivers_see_duplicates_only(self) -> None:
        receiver = self.sink()
        running = self.begin()
        with running.admin() as admin:
            secret = admin.post("/admin/callback-secrets", {"caller_service": "registry"}).expect(201)["secret"]
        created = self.create(running, receiver.url)
        receiver.wait_for_type("request_created", created["request_id"])
        self.follow("backup", running)
        before = self.database.histories()
        running.stop()
        for stream in ("empty", "old"):
            with self.subTest(stream=stream):
                if stream == "empty":
                    self._delete_streams()
                lost, self.database = self.database, Database(os.environ["DATABASE_URL"])
                self.addCleanup(self.database.drop)
                self.addCleanup(lost.drop)
                self.settings["database.url"] = self.database.app_url
                self.follow("restore")
                self.assertEqual(self.database.histories(), before)
                restored = self.serve()
                until(lambda: self.look("restored", restored) == [], "awe doctor finds nothing wrong", 60)
                with restored.client("alice") as alice:
                    alice.decide(created["tasks"][0]["id"]).expect(201)
                one = receiver.wait_for_type("request_approved", created["request_id"])
                signatures.verify(one.headers, one.raw, secret)
                restored.stop()
        ids = [received.event["event_id"] for received in receiver.received() if received.event["event_type"] == "request_created"]
        self.assertEqual(len(set(ids)), 1, "only what the receiver has seen already")
