"""A database for one test, and SQL through psql."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from typing import Any, Optional
from urllib.parse import urlsplit

from support import children

TIMEOUT = 30.0
APP_ROLE = "awe_app"


def psql() -> str:
    place = os.environ.get("AWE_POSTGRES_BIN")
    program = (place and shutil.which("psql", path=place)) or shutil.which("psql")
    if not program:
        raise RuntimeError("psql was not found: put it on PATH, or name its directory in AWE_POSTGRES_BIN")
    return program


def command(url: str) -> list[str]:
    """The command line of psql that reads statements from its input and prints values only."""
    return [psql(), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url]


def run(url: str, sql: str) -> str:
    done = subprocess.run(command(url), input=sql, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode != 0:
        raise AssertionError(f"psql: {done.stderr.strip()}\n{sql}")
    return done.stdout.strip()


class Database:
    """A new, empty database. `drop` removes it even while servers are connected to it."""

    def __init__(self, server_url: str) -> None:
        self.server_url = server_url
        self.name = f"awe_e2e_{secrets.token_hex(6)}"
        self.url = urlsplit(server_url)._replace(path=f"/{self.name}").geturl()
        """URL for the owner."""
        host = urlsplit(server_url).netloc.rpartition("@")[2]
        self.app_url = urlsplit(self.url)._replace(netloc=f"{APP_ROLE}@{host}").geturl()
        """URL for the role that servers connect as, which may do what AWE does and nothing else."""
        make_role = f"create role {APP_ROLE} login; exception when duplicate_object or unique_violation then null;"
        run(server_url, f"do $$ begin {make_role} end $$")
        run(server_url, f"create database {self.name} template template0")

    def drop(self) -> None:
        run(self.server_url, f"drop database if exists {self.name} with (force)")

    def value(self, sql: str) -> str:
        return run(self.url, sql)

    def unguarded(self, sql: str) -> None:
        """Runs SQL with the guards of history off, for rows that look older than they are."""
        run(self.url, f"set session_replication_role = replica; {sql}")

    def count(self, sql: str) -> int:
        return int(self.value(sql))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return json.loads(self.value(f"select coalesce(json_agg(t), '[]') from ({sql}) t"))

    def histories(self, policy_key: Optional[str] = None) -> dict[str, dict[str, Any]]:
        """All requests by id: status, events in order, decisions, tasks."""
        where = f"where r.policy_key = '{policy_key}'" if policy_key else ""
        found = self.rows(f"""
            select r.id, r.status, r.last_sequence,
                (select json_agg(json_build_object('id', e.id, 'sequence', e.sequence, 'type', e.event_type,
                        'stage_order', e.stage_order) order by e.sequence)
                    from approval_event e where e.request_id = r.id) as events,
                (select coalesce(json_agg(json_build_object('id', d.id, 'task_id', d.task_id, 'actor', d.actor,
                        'action', d.action)), '[]')
                    from approval_decision d where d.request_id = r.id) as decisions,
                (select coalesce(json_agg(json_build_object('id', t.id, 'stage_order', t.stage_order,
                        'assignee', t.assignee, 'status', t.status)), '[]')
                    from approval_task t where t.request_id = r.id) as tasks
            from approval_request r {where}""")
        return {row["id"]: row for row in found}

    def lock(self, table: str) -> "Lock":
        """Locks a table exclusively, so that its writers wait."""
        return Lock(self, f"lock table {table} in access exclusive mode")

    def lock_row(self, table: str, row_id: str) -> "Lock":
        """Locks one row, so that its writers wait."""
        return Lock(self, f"do $$ begin perform 1 from {table} where id = '{row_id}' for update; end $$")

    def waiting_for_locks(self) -> int:
        return self.count(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )


class Lock:
    """The locks of a statement, held until `release`."""

    def __init__(self, database: Database, statement: str) -> None:
        pipe = subprocess.PIPE
        self.child = children.start(command(database.url), stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        self._say(f"begin; {statement}; select 'held';")
        answer = self.child.stdout.readline().strip()
        if answer != "held":
            self.release()
            raise AssertionError(f"{statement}: {answer!r}")

    def _say(self, sql: str) -> None:
        self.child.stdin.write(sql + "\n")
        self.child.stdin.flush()

    def release(self) -> None:
        """May be called twice."""
        if self.child.returncode is None:
            try:
                self.child.communicate("commit;\n", timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                pass
            children.end(self.child)
