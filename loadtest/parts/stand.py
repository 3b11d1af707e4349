"""PostgreSQL and NATS of a bench's own, and what every load is measured with."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path

from parts.phases import Bench
from parts.postgres import Postgres
from scripts import servers, tools
from scripts.shell import DEV, remove_data, say

FOLDER = DEV / "bench"
SERVICES = DEV / "bench-services"


def start(binary: Path, log_name: str, stack: ExitStack) -> tuple[Bench, Postgres, dict]:
    """Starts both with their default durability, and stops them and removes their data with `stack`, even after an
    interruption. The URLs are those that `serve` takes."""
    env = {**servers.without_settings(dict(os.environ)), **tools.servers(own=True)}
    k6 = Path(os.environ.get("K6_BIN") or tools.k6())
    log = FOLDER / log_name
    log.write_text("")
    stack.enter_context(servers.only_one("bench"))
    # Data that a killed run left behind is removed first.
    servers.stop_left_over(SERVICES)
    remove_data(SERVICES)
    stack.callback(remove_data, SERVICES)
    say("starting PostgreSQL and NATS of our own, with their default durability")
    wanted = ("DATABASE_URL", "NATS_URL")
    urls = stack.enter_context(servers.awe_dev(SERVICES.name, ["--services-only"], wanted, env, binary))
    programs = env.get("AWE_POSTGRES_BIN")
    postgres = Postgres(urls["DATABASE_URL"], Path(programs) if programs else None)
    return Bench(k6, env, FOLDER, log, servers.holder(SERVICES)), postgres, urls
