"""PostgreSQL and nats-server as child processes on fixed ports, so that tests may kill and wipe them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Optional

from support import children, database
from support.server import free_port, tail
from support.waiting import until

READY_WITHIN = 60.0
NAMES = ("postgres", "nobody")
"""Users that PostgreSQL runs as when the tests run as root, which it refuses."""


def _account() -> dict[str, Any]:
    """Arguments that start a child as a user that may run PostgreSQL."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in NAMES:
        if name in known:
            return {"user": known[name].pw_uid, "group": known[name].pw_gid, "extra_groups": []}
    raise AssertionError(f"PostgreSQL does not run as root, and there is no user {' or '.join(NAMES)}")


class Postgres:
    """A server with a database `awe` that survives kill -9. It runs without fsync, which only a power cut would need,
    unless it is to be as durable and as slow as by default."""

    def __init__(self, folder: Path, durable: bool = False) -> None:
        self.durable = durable
        self.data, self.log = folder / "postgres", folder / "postgres.log"
        self.port = free_port()
        self.child: Optional[subprocess.Popen] = None
        self._account = _account()
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        self._environment.update(LC_ALL="C.UTF-8", HOME=str(folder))
        folder.chmod(0o755)
        self.bin = self._programs(folder)
        self.data.mkdir(mode=0o700)
        self.log.touch(mode=0o666)
        if self._account:
            os.chown(self.data, self._account["user"], self._account["group"])
        words = ["-D", str(self.data), "--username=awe", "--auth=trust", "--encoding=UTF8", "--no-sync"]
        self._run("initdb", *words, "--lc-collate=C", "--lc-ctype=C.UTF-8")
        self.start()
        database.run(self.url_of("postgres"), "create database awe")

    @property
    def url(self) -> str:
        return self.url_of("awe")

    def url_of(self, name: str, port: Optional[int] = None) -> str:
        return f"postgres://awe@127.0.0.1:{port or self.port}/{name}"

    def start(self) -> None:
        """Starts the server; waits while processes of a killed one are still ending."""
        until(self._started, "PostgreSQL answers", READY_WITHIN)

    def kill(self) -> None:
        """kill -9 of the server; its sessions notice and end."""
        if self.child is not None:
            children.end(self.child)

    def kill_session(self) -> bool:
        """kill -9 of one session of AWE, so that the server ends all and recovers. Returns whether there was one."""
        sql = "select pid from pg_stat_activity where application_name = 'awe' order by random() limit 1"
        pid = database.run(self.url_of("postgres"), sql)
        if pid:
            os.kill(int(pid), signal.SIGKILL)
        return bool(pid)

    def is_ready(self) -> bool:
        try:
            return database.run(self.url_of("postgres"), "select 1") == "1"
        except AssertionError:
            return False

    def stop(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGINT)
            children.end(self.child, patience=10)

    def _started(self) -> bool:
        if self.child is None or self.child.poll() is not None:
            settings = {
                "listen_addresses": "127.0.0.1",
                "port": self.port,
                "unix_socket_directories": "",
                "max_connections": 100,
                "fsync": "on" if self.durable else "off",
            }
            words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
            with self.log.open("a") as out:
                self.child = children.start(
                    [str(self.bin / "postgres"), "-D", str(self.data), *words],
                    env=self._environment, cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out, **self._account,
                )  # fmt: skip
        return self.is_ready()

    def _programs(self, folder: Path) -> Path:
        """The folder of initdb and postgres; a copy of it if the user that runs them cannot read it."""
        place = os.environ.get("AWE_POSTGRES_BIN") or ""
        found = shutil.which("postgres", path=place or None)
        if not found:
            raise AssertionError("postgres was not found: put it on PATH, or name its directory in AWE_POSTGRES_BIN")
        bin_dir = Path(found).resolve().parent
        if self._may_run(bin_dir):
            return bin_dir
        # The PostgreSQL is relocatable, so its libraries beside it are copied too.
        package = bin_dir.parent.parent
        shutil.copytree(package.parent, folder / "programs", symlinks=True)
        return folder / "programs" / bin_dir.relative_to(package.parent)

    def _may_run(self, bin_dir: Path) -> bool:
        try:
            command = [str(bin_dir / "initdb"), "--version"]
            return subprocess.run(command, capture_output=True, cwd="/", timeout=30, **self._account).returncode == 0
        except PermissionError:
            return False

    def _run(self, program: str, *words: str) -> None:
        command = [str(self.bin / program), *words]
        done = subprocess.run(
            command, env=self._environment, cwd="/", capture_output=True, text=True, timeout=120, **self._account
        )
        if done.returncode != 0:
            raise AssertionError(f"{program} failed:\n{done.stdout}{done.stderr}")


class NatsServer:
    """A server with JetStream and a folder of its own; `limit` bounds its disk space."""

    def __init__(self, folder: Path, limit: str = "") -> None:
        self.log, self.config = folder / "nats.log", folder / "nats.conf"
        self.store, self.copy = folder / "jetstream", folder / "jetstream.copy"
        self.port = free_port()
        self.child: Optional[subprocess.Popen] = None
        self.limit = limit
        self.start()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        until(self._started, "nats-server answers", READY_WITHIN)

    def kill(self) -> None:
        if self.child is not None:
            children.end(self.child)

    def wipe(self) -> None:
        """Deletes what it has stored. Only while it is down."""
        shutil.rmtree(self.store, ignore_errors=True)

    def remember(self) -> None:
        """Copies what it has stored, for `go_back`. Only while it is down."""
        shutil.rmtree(self.copy, ignore_errors=True)
        if self.store.exists():
            shutil.copytree(self.store, self.copy)

    def go_back(self) -> bool:
        """Restores the copy of `remember`, like a backup. Returns whether there was a copy."""
        if not self.copy.exists():
            return False
        self.wipe()
        shutil.copytree(self.copy, self.store)
        return True

    def stop(self) -> None:
        if self.child is not None:
            children.end(self.child, patience=10)

    def _started(self) -> bool:
        if self.child is None or self.child.poll() is not None:
            limit = f", max_file_store: {self.limit}" if self.limit else ""
            self.config.write_text(
                f'listen: "127.0.0.1:{self.port}"\njetstream {{ store_dir: "{self.store}"{limit} }}\n'
            )
            program = os.environ.get("AWE_NATS_BIN") or shutil.which("nats-server")
            if not program:
                raise AssertionError("nats-server was not found: put it on PATH, or name it in AWE_NATS_BIN")
            with self.log.open("a") as out:
                self.child = children.start(
                    [program, "-c", str(self.config)], cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out
                )
        return self._greets()

    def _greets(self) -> bool:
        """Whether a NATS server greets on the port; its log says whether JetStream is ready."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                return probe.recv(5) == b"INFO "
        except OSError:
            return False


def last_words(*logs: Path) -> str:
    return "\n".join(f"--- {log.name}\n{tail(log)}" for log in logs)


def rss_mib(pid: int) -> float:
    """Resident memory of a process; 0 when it has ended."""
    command = ["ps", "-o", "rss=", "-p", str(pid)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    return int(told) / 1024 if told else 0.0


def pause(seconds: float) -> None:
    """Pauses between the steps of a schedule; this is not a wait for something."""
    time.sleep(seconds)
