"""`awe dev`: what it leaves behind when it is killed, and how the next run finds that."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

from support import children, server
from support.case import EngineCase
from support.waiting import until


def answers(url: str) -> bool:
    host, port = re.search(r"([^@/:]+):(\d+)", url.partition("://")[2]).groups()  # type: ignore[union-attr]
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, int(port))) == 0


class Dev(EngineCase):
    def dev(self, *words: str) -> tuple[subprocess.Popen, dict[str, str]]:
        file = self.folder / ".dev" / "env"
        file.unlink(missing_ok=True)
        env = {**server.environment({}), **{k: v for k, v in os.environ.items() if k in ("AWE_POSTGRES_BIN", "AWE_NATS_BIN")}}
        with (self.folder / "dev.log").open("a") as log:
            command = [server.program(), "dev", "--throwaway", *words]
            child = children.start(command, cwd=self.folder, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.addCleanup(children.end, child, 20)
        until(lambda: file.exists() or child.poll() is not None, "awe dev is up", 60)
        self.assertTrue(file.exists(), server.tail(self.folder / "dev.log"))
        return child, dict(line.split("=", 1) for line in file.read_text().splitlines())

    def test_its_servers_end_with_it_even_when_it_is_killed_and_their_ports_stay_the_same(self) -> None:
        child, first = self.dev("--services-only")
        urls = [first["DATABASE_URL"], first["NATS_URL"]]
        self.assertTrue(all(map(answers, urls)), urls)
        child.kill()
        child.wait(10)
        until(lambda: not any(map(answers, urls)), "PostgreSQL and NATS have ended", 20)
        _, second = self.dev("--services-only")
        self.assertEqual(second, first)

    def test_doctor_beside_it_looks_at_it_with_its_key(self) -> None:
        ports = ["--port", str(server.free_port()), "--ui-port", str(server.free_port())]
        self.dev(*ports)
        for folder in (self.folder, self.folder / ".dev" / "data"):
            done = self.doctor(folder)
            self.assertIn("looking at the `awe dev` that runs here", done.stderr)
            self.assertIn("ok      postgres: answers", done.stdout)
            self.assertIn("ok      database role", done.stdout)
            self.assertIn("ok      secrets", done.stdout)
            self.assertIn("ok      roles: each is played", done.stdout)

    def doctor(self, folder: Path) -> subprocess.CompletedProcess[Any]:
        env = server.environment({})
        return subprocess.run([server.program(), "doctor"], cwd=folder, env=env, capture_output=True, text=True, timeout=60)


class Silence(EngineCase):
    def run_apart(self, *words: str, **settings: object) -> subprocess.CompletedProcess[Any]:
        named = {**self.settings, **{key.replace("__", "."): value for key, value in settings.items()}}
        command = [server.program(), *words]
        return subprocess.run(command, env=server.environment(named), cwd=self.folder, capture_output=True, text=True, timeout=60)

    def test_tools_print_their_answer_and_nothing_else(self) -> None:
        self.migrate()
        for words in (["deliveries", "list"], ["audit", "export", "--since", "1h"], ["outbox", "status"], ["doctor"]):
            done = self.run_apart(*words)
            self.assertNotRegex(done.stdout, r"\b(INFO|WARN|DEBUG)\b", words)
            self.assertNotRegex(done.stderr, r"\b(INFO|DEBUG)\b", words)

    def test_a_failed_start_names_host_and_cause_and_not_the_password(self) -> None:
        nobody = server.free_port()
        url = f"postgres://awe:hunter2@127.0.0.1:{nobody}/awe"
        for words in (["migrate"], ["deliveries", "list"], ["outbox", "status"], ["doctor"]):
            done = self.run_apart(*words, database__url=url)
            told = done.stdout + done.stderr
            self.assertNotEqual(done.returncode, 0, told)
            self.assertIn(f"connection refused at 127.0.0.1:{nobody}", told)
            self.assertNotIn("hunter2", told)

    def test_a_server_that_waits_for_its_database_says_for_which_and_why(self) -> None:
        nobody = server.free_port()
        log = self.folder / "serve.log"
        settings = {**self.settings, "database.url": f"postgres://awe:hunter2@127.0.0.1:{nobody}/awe"}
        with log.open("w") as out:
            env = server.environment({**settings, "server.port": server.free_port()})
            child = children.start([server.program(), "serve"], env=env, cwd=self.folder, stdout=out, stderr=out)
        self.addCleanup(children.end, child)
        until(lambda: f"connection refused at 127.0.0.1:{nobody}" in log.read_text(), "the log says what it waits for")
        self.assertNotIn("hunter2", log.read_text())
