"""The test case that all suites extend."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

from support import server
from support.database import APP_ROLE, Database
from support.nats import Nats
from support.server import Server
from support.sink import Sink

NEEDED = ("DATABASE_URL", "NATS_URL", "AWE_BIN")


class EngineCase(unittest.TestCase):
    """Makes a database, a stream prefix, a master key and a log folder for each test, and removes them at its end."""

    maxDiff = 4000

    def setUp(self) -> None:
        missing = [name for name in NEEDED if not os.environ.get(name)]
        if missing:
            self.fail(f"{', '.join(missing)} must be set: ./dev test does it")
        self.folder = Path(tempfile.mkdtemp(prefix="awe-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.nats_url = os.environ["NATS_URL"]
        self.prefix = f"e2e{secrets.token_hex(6)}"
        self.addCleanup(self._delete_streams)
        self.database = Database(os.environ["DATABASE_URL"])
        self.addCleanup(self.database.drop)
        self.settings: dict[str, object] = {
            "database.url": self.database.app_url,
            "database.max_connections": 8,
            "nats.url": self.nats_url,
            "nats.prefix": self.prefix,
            "secrets.master_key": base64.b64encode(secrets.token_bytes(32)).decode(),
            "webhook.poll_interval_seconds": 1,
            # Leases of a server that was killed last six seconds longer than this.
            "webhook.timeout_seconds": 1,
            "webhook.max_attempts": 50,
            "webhook.backoff_seconds": "[1]",
        }

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Runs a test; prints the last log lines of its servers if it fails, and cleans up even if it is
        interrupted."""
        if result is None:
            return super().run(result)
        before = len(result.failures) + len(result.errors)
        self._logs: list[tuple[str, str]] = []
        try:
            super().run(result)
        except BaseException:
            self.doCleanups()
            raise
        if len(result.failures) + len(result.errors) > before:
            for name, text in self._logs:
                print(f"\n--- {self.id()}: {name}\n{text}", file=sys.stderr)
        return result

    @property
    def events_stream(self) -> str:
        return f"{self.prefix.upper()}_EVENTS"

    def owner_settings(self) -> dict[str, object]:
        """Settings that connect as the owner of the tables."""
        return {**self.settings, "database.url": self.database.url}

    def migrate(self) -> None:
        words, settings = ["migrate"], self.settings
        if settings["database.url"] == self.database.app_url:
            words, settings = [*words, "--app-role", APP_ROLE], self.owner_settings()
        done = server.run(words, settings, self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)

    def serve(self, log_filter: str = "info", more: dict[str, str] | None = None, **settings: object) -> Server:
        """Starts a server on the migrated database. `webhook__max_attempts=1` sets webhook.max_attempts; `more` is
        added to its environment."""
        named = {key.replace("__", "."): value for key, value in settings.items()}
        log = self.folder / f"server-{len(list(self.folder.glob('server-*.log'))) + 1}.log"
        self.addCleanup(lambda: self._logs.append((log.name, server.tail(log))))
        started = Server({**self.settings, **named}, log, log_filter, more=more)
        self.addCleanup(started.stop)
        return started

    def sink(self, *status: Any) -> Sink:
        sink = Sink(*status)
        self.addCleanup(sink.close)
        return sink

    def nats(self) -> Nats:
        client = Nats(self.nats_url)
        self.addCleanup(client.close)
        return client

    def assert_gapless(self, history: dict[str, Any]) -> None:
        """Asserts that events are numbered from 1 without gaps, and that the request has the number of the last."""
        sequences = [event["sequence"] for event in history["events"]]
        self.assertEqual(sequences, list(range(1, len(sequences) + 1)), history)
        self.assertEqual(history["last_sequence"], len(sequences), history)

    def types(self, history: dict[str, Any]) -> list[str]:
        return [event["type"] for event in history["events"]]

    def _delete_streams(self) -> None:
        with Nats(self.nats_url) as client:
            for kind in ("EVENTS", "WORK"):
                client.delete_stream(f"{self.prefix.upper()}_{kind}")
