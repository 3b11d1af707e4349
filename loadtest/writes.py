#!/usr/bin/env python3
"""Counts what one create and one approval write: rows, and the records of PostgreSQL's write-ahead log.

`./dev bench writes` builds the release and runs this. The counts do not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from parts import Failed
from parts.ours import Ours, in_threads
from parts.postgres import Postgres
from parts.server import Client, apply_policy, lifecycle
from scripts.shell import say

WARM_UP = 50
SETTLES_WITHIN = 60.0
ROWS = """
    select json_build_object('inserted', sum(n_tup_ins), 'updated', sum(n_tup_upd), 'hot', sum(n_tup_hot_upd),
        'dead', sum(n_tup_upd) + sum(n_tup_del))
    from pg_stat_user_tables where relname ~ '^(approval|open|outbox|webhook)_|^(idempotency_key|audit_action)$'
"""
# A line of pg_waldump --stats=record: name, count and its percentage, record bytes, bytes of page images, all of them.
RECORD = re.compile(r"^(\S+)\s+(\d+)\s+\([^)]*\)\s+(\d+)\s+\([^)]*\)\s+(\d+)\s+\([^)]*\)")
TOTAL = re.compile(r"^Total\s+(\d+)\s+(\d+)\s+\[[^]]*\]\s+(\d+)")


def options(words: list) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev bench writes", description=__doc__.splitlines()[0])
    parser.add_argument("--lifecycles", type=int, default=320, help="how many are counted (320)")
    found = parser.parse_args(words)
    if found.lifecycles < 50:
        parser.error("--lifecycles: at least 50, or what runs beside them counts too much")
    return found


def settled(postgres: Postgres) -> dict:
    """Rows written so far, once all events are published and PostgreSQL's own counts stand still."""
    postgres.wait_until_published()
    deadline, before = time.monotonic() + SETTLES_WITHIN, {}
    while True:
        found = json.loads(postgres.ask(ROWS))
        if found == before:
            return found
        if time.monotonic() > deadline:
            raise Failed(f"PostgreSQL was still writing after {SETTLES_WITHIN:.0f} s")
        before = found
        # Statistics of a session come up to ten seconds late.
        time.sleep(11)


def wal_records(postgres: Postgres, start: str, end: str) -> dict:
    """Number of records of each type, and their number and bytes together, without full-page images."""
    folder = postgres.ask("show data_directory")
    command = [postgres.program("pg_waldump"), "--stats=record", "-p", folder, "-s", start, "-e", end]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Failed(f"pg_waldump failed: {done.stderr.strip()}")
    found = {"types": {}}
    for line in done.stdout.splitlines():
        if match := RECORD.match(line):
            found["types"][match[1]] = int(match[2])
        elif match := TOTAL.match(line):
            found.update(records=int(match[1]), bytes=int(match[2]))
    if "records" not in found:
        raise Failed(f"pg_waldump printed no total:\n{done.stdout}")
    return found


def count(ours: Ours, postgres: Postgres, lifecycles: int) -> dict:
    server = ours.serve("")
    client = Client(server.port)
    apply_policy(client)
    client.close()
    in_threads(lambda client, number: lifecycle(client, f"warm-{number}"), server.port, count=WARM_UP)
    rows_before = settled(postgres)
    postgres.ask("checkpoint")
    start = postgres.ask("select pg_current_wal_insert_lsn()")
    in_threads(lambda client, number: lifecycle(client, number), server.port, count=lifecycles)
    postgres.wait_until_published()
    end = postgres.ask("select pg_current_wal_flush_lsn()")
    rows = {name: value - rows_before[name] for name, value in settled(postgres).items()}
    return {"rows": rows, "wal": wal_records(postgres, start, end)}


def table(found: dict, lifecycles: int) -> str:
    rows, wal = found["rows"], found["wal"]
    of_type = wal["types"].get
    hot = f"{rows['hot'] / rows['updated']:.0%} HOT" if rows["updated"] else "none"
    lines = {
        "rows inserted": rows["inserted"] / lifecycles,
        f"rows updated ({hot})": rows["updated"] / lifecycles,
        "dead row versions": rows["dead"] / lifecycles,
        "entries in B-tree leaves": of_type("Btree/INSERT_LEAF", 0) / lifecycles,
        "row locks": (of_type("Heap/LOCK", 0) + of_type("Heap2/LOCK_UPDATED", 0)) / lifecycles,
        "records in the log": wal["records"] / lifecycles,
        "bytes in the log, without page images": wal["bytes"] / lifecycles,
    }
    return "\n".join(f"  {name:<40}{value:>10.1f}" for name, value in lines.items())


def main(words: list) -> int:
    chosen = options(words)
    try:
        with ExitStack() as stack:
            ours = Ours(stack)
            programs = os.environ.get("AWE_POSTGRES_BIN")
            postgres = Postgres(ours.postgres.url, Path(programs) if programs else None)
            found = count(ours, postgres, chosen.lifecycles)
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    say(f"one lifecycle of {chosen.lifecycles}, with all that runs beside it:")
    print(table(found, chosen.lifecycles))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
