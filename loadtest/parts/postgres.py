"""Queries to the database that the bench started, over psql."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from parts import Failed

# Rows inserted and rows updated so far, by table. They are counted in the tables, because statistics are ten seconds
# late.
WRITTEN = """
    select json_build_object(
        'approval_request',
        (select json_build_array(count(*), coalesce(sum(row_version - 1), 0)) from approval_request),
        'approval_task',
        (select json_build_array(count(*), count(*) filter (where status <> 'open')) from approval_task),
        'approval_decision', (select json_build_array(count(*), 0) from approval_decision),
        'approval_event', (select json_build_array(count(*), 0) from approval_event),
        'outbox_batch', (select json_build_array(count(*), 0) from outbox_batch),
        'open_request', (select json_build_array(count(*), 0) from open_request),
        'open_task', (select json_build_array(count(*), 0) from open_task),
        'idempotency_key', (select json_build_array(count(*), 0) from idempotency_key),
        'webhook_delivery', (select json_build_array(count(*), count(last_attempt_at)) from webhook_delivery),
        'webhook_attempt', (select json_build_array(count(*), 0) from webhook_attempt),
        'audit_action', (select json_build_array(count(*), 0) from audit_action))
"""
SIZES = """
    select json_build_object(
        'approval_request', (select avg(pg_column_size(t)) from (select * from approval_request limit 1000) t),
        'approval_task', (select avg(pg_column_size(t)) from (select * from approval_task limit 1000) t),
        'approval_decision', (select avg(pg_column_size(t)) from (select * from approval_decision limit 1000) t),
        'approval_event', (select avg(pg_column_size(t)) from (select * from approval_event limit 5000) t))
"""
PUBLISHED_WITHIN = 30.0
DURABILITY = ("fsync", "synchronous_commit", "full_page_writes")


class Postgres:
    """The server, its programs, and databases on it."""

    def __init__(self, url: str, programs: Path | None) -> None:
        self._url = url
        self._programs = programs

    def program(self, name: str) -> str:
        """Path of a client program of the server's own version, else of the one on PATH."""
        found = shutil.which(name, path=str(self._programs)) if self._programs else None
        found = found or shutil.which(name)
        if found is None:
            raise Failed(f"{name} was not found beside the PostgreSQL server nor on PATH")
        return found

    def url(self, database: str | None = None) -> str:
        parts = urlsplit(self._url)
        return urlunsplit(parts._replace(path=f"/{database}")) if database else self._url

    def run(self, program: str, *words: object, seconds: float = 120) -> str:
        """Runs one of the server's client programs and returns what it prints."""
        command = [self.program(program), *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
        if done.returncode != 0:
            raise Failed(f"{program} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def psql(self, *words: object, database: str | None = None, seconds: float = 120) -> str:
        return self.run("psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *words, self.url(database), seconds=seconds)

    def ask(self, sql: str, database: str | None = None) -> str:
        return self.psql("-c", sql, database=database)

    def run_file(self, database: str, file: Path) -> None:
        self.psql("-f", file, database=database)

    def create(self, database: str) -> None:
        self.ask(f"create database {database}")

    def settle(self) -> None:
        """Every measurement starts right after this, so that it does not pay for the one before.

        The limit writes several times the rows of the server. Without this, autovacuum would process them a minute
        later, in the middle of the load that is compared with the limit.
        """
        self.run("vacuumdb", "--all", "--analyze", "--quiet", "--maintenance-db", self.url())
        self.ask("checkpoint")

    def version(self) -> str:
        return self.ask("show server_version")

    def settings(self) -> dict:
        """The server's settings. Refuses a server that is fast only because it is not durable."""
        found = {name: self.ask(f"show {name}") for name in DURABILITY}
        off = [name for name, value in found.items() if value != "on"]
        if off:
            raise Failed(f"PostgreSQL runs without {', '.join(off)}: nothing that it does counts")
        return {**found, "shared_buffers": self.ask("show shared_buffers")}

    def written(self, database: str | None = None) -> dict:
        """Rows inserted and rows updated so far, by table."""
        return json.loads(self.ask(WRITTEN, database))

    def wait_until_published(self) -> None:
        """Waits until all events are marked as published, which happens a moment after the server's answer."""
        deadline = time.monotonic() + PUBLISHED_WITHIN
        while self.ask("select exists (select from unpublished_event)") != "f":
            if time.monotonic() > deadline:
                raise Failed(f"events were still not published after {PUBLISHED_WITHIN:.0f} s")
            time.sleep(0.1)

    def row_sizes(self, database: str | None = None) -> dict:
        """Average bytes of a row, by table."""
        found = json.loads(self.ask(SIZES, database))
        return {table: round(float(size)) for table, size in found.items() if size is not None}


def per_lifecycle(before: dict, after: dict, lifecycles: float) -> dict:
    """Rows inserted and updated for one lifecycle, by table; untouched tables are left out."""
    found = {}
    for table, counts in after.items():
        earlier = before.get(table, [0, 0])
        each = [round((now - then) / lifecycles, 2) for now, then in zip(counts, earlier)]
        if any(each):
            found[table] = each
    return found
