"""`./dev fuzz`: generated requests, well-formed and not, against a running server and its own OpenAPI document.

Every operation is tried. A run fails on any 5xx, and on any answer whose status, content type or body the
document does not describe.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from collections.abc import Iterator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

from scripts import servers, tools
from scripts.shell import DEV, ROOT, TARGET, Failed, call, cargo, cargo_env, run, say
from support.directory import Directory

REQUIREMENTS = ROOT / "scripts" / "requirements-fuzz.txt"
VENV = DEV / "venv"
LOG = DEV / "fuzz-server.log"
OLDEST_PYTHON = (3, 11)
FAR_FUTURE = 4102444800  # the year 2100
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
HARD_LIMIT = 240.0

NO_VENV = """cannot make a virtual environment for schemathesis: install Python's venv module
(Debian, Ubuntu: `apt-get install python3-venv`), then run this again"""


def token(subject: str, roles: list) -> str:
    """An unsigned token, which a server in dev mode on loopback accepts."""
    payload = {"sub": subject, "realm_access": {"roles": roles}, "exp": FAR_FUTURE}

    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(payload)}."


def schemathesis() -> Path:
    """The pinned fuzzer in an environment of its own, which is made once."""
    program, mark = VENV / "bin" / "schemathesis", VENV / "requirements.txt"
    wanted = REQUIREMENTS.read_text()
    if program.is_file() and mark.is_file() and mark.read_text() == wanted:
        return program
    if sys.version_info < OLDEST_PYTHON:
        raise Failed("schemathesis needs Python 3.11 or newer: run `python3.11 dev fuzz` with such a one")
    say("fetching schemathesis into .dev/venv")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
    if made.returncode != 0:
        raise Failed(f"{made.stdout}{made.stderr}{NO_VENV}")
    pip = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    env = {**os.environ, "PIP_USER": "0"}
    run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS], env)
    mark.write_text(wanted)
    return program


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def directory() -> Iterator[Directory]:
    """Runs a staff directory that knows every generated role and group; without one, they are answered 503."""
    found = Directory(anybody=["amina"])
    try:
        yield found
    finally:
        found.close()


@contextmanager
def server(origin_port: int, urls: dict, known: Directory) -> Iterator[None]:
    """Runs a server with every role but delivery, because nothing may be sent to generated callback URLs."""
    settings = {
        "AWE__SERVER__PORT": str(origin_port),
        "AWE__TELEMETRY__METRICS_PORT": "0",
        "AWE__DATABASE__URL": urls["DATABASE_URL"],
        "AWE__NATS__URL": urls["NATS_URL"],
        "AWE__SECRETS__MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        **{f"AWE__{key.replace('.', '__').upper()}": str(value) for key, value in known.settings.items()},
    }
    command = [TARGET / "debug" / "awe", "serve", "--migrate", "--roles", "api,resolver,sla,relay"]
    with LOG.open("w") as out:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            env={**servers.without_settings(dict(os.environ)), **settings},
        )
    try:
        yield
    finally:
        servers.stop_group(child, signal.SIGTERM, 20)


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev fuzz", description=__doc__)
    parser.add_argument("--max-examples", type=int, default=25, help="generated requests per operation and phase")
    parser.add_argument("--seed", type=int, help="repeat a run")
    options = parser.parse_args(words)
    program = schemathesis()
    programs = tools.servers(own=True)
    say("building awe (debug)")
    run(cargo("build", "-p", "awe", "--bin", "awe"), cargo_env())
    port = free_port()
    with servers.services("fuzz", programs, own=True) as urls, directory() as known, server(port, urls, known):
        origin = f"http://127.0.0.1:{port}"
        command = [program, "run", f"{origin}/v1/awe/openapi.json", "--origin", origin]
        command += ["--wait-for-schema", "60", "--request-timeout", "10"]
        command += ["--checks", CHECKS, "--max-examples", options.max_examples, "--continue-on-failure"]
        command += ["--generation-database", "none"]
        # A stream has no end, and every generated one would be waited for; services/awe/tests/http/feed.rs tries it.
        command += ["--exclude-path", "/v1/awe/stream"]
        command += ["--header", f"Authorization:Bearer {token('admin', ['AWE_ADMIN'])}"]
        if options.seed is not None:
            command += ["--seed", options.seed]
        say(f"fuzzing every operation, {options.max_examples} examples each")
        code = call(command, timeout=HARD_LIMIT, cwd=DEV)  # schemathesis keeps notes in the working directory
    if code != 0:
        raise Failed(f"schemathesis found failures (above); the server's log is {LOG.relative_to(ROOT)}")
    say("no failure found")
