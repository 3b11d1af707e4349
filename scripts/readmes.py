"""Installs the packed clients into empty projects, and runs there what their READMEs show."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts import clients_rust, servers
from scripts.clients_rust import RUST, only
from scripts.fuzz import token
from scripts.shell import ROOT, Failed, say, stop_group

PYTHON, TYPESCRIPT = ROOT / "clients" / "python", ROOT / "clients" / "typescript"
WITHIN = 60.0
TSC = ["--module", "nodenext", "--target", "es2022", "--strict", "--skipLibCheck"]


def check(own, packed: Path, where: dict) -> None:
    """Raises Failed. `own`: the tools of `./dev clients`; `packed`: the folder of the packages."""
    server = Server(where["AWE_CLIENTS_URL"])
    say("examples of the Python client, as a wheel and as a source distribution")
    for_python(own, packed, server)
    say("examples of the TypeScript client, as a npm archive")
    for_typescript(own, packed, server)
    say("examples of the Rust client, as a crate")
    for_rust(own, packed, server)


def for_python(own, packed: Path, server: Server) -> None:
    project = packed / "python-project"
    own.run(own.python, "-m", "venv", project)
    program = project / "bin" / "python"
    install = [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wheel, source = only(packed, "*.whl"), only(packed, "*.tar.gz")
    own.run(*install, f"{wheel}[fastapi]", "uvicorn", cwd=project)
    caller = project / "caller.py"
    caller.write_text(example(PYTHON / "README.md", "caller"))
    server.expect_approval([program, caller], own.env, project)
    (project / "receiver.py").write_text(example(PYTHON / "README.md", "receiver"))
    port = servers.free_port()
    serve = [program, "-m", "uvicorn", "--log-level", "warning", "--port", str(port), "receiver:app"]
    server.expect_webhook(serve, own.env, project, port)
    own.run(*install, "--force-reinstall", "--no-deps", source, cwd=project)
    server.expect_approval([program, caller], own.env, project)


def for_typescript(own, packed: Path, server: Server) -> None:
    project = packed / "typescript-project"
    project.mkdir()
    (project / "package.json").write_text('{"name": "empty", "private": true, "type": "module"}\n')
    pinned = json.loads((TYPESCRIPT / "package.json").read_text())["devDependencies"]
    others = [f"{name}@{pinned[name]}" for name in ("express", "@types/express", "@types/node")]
    install = [*own.npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    own.run(*install, only(packed, "*.tgz"), *others, cwd=project)
    for name in ("caller", "receiver"):
        (project / f"{name}.ts").write_text(example(TYPESCRIPT / "README.md", name))
    own.run(own.node, own.module("tsc", "typescript"), *TSC, "caller.ts", "receiver.ts", cwd=project)
    server.expect_approval([own.node, "caller.js"], own.env, project)
    server.expect_webhook([own.node, "receiver.js"], own.env, project, servers.free_port())


def for_rust(own, packed: Path, server: Server) -> None:
    programs = {name: example(RUST / "README.md", name) for name in ("caller", "receiver")}
    built = clients_rust.project(own, packed, programs)
    folder = packed / "rust-project"
    server.expect_approval([built / "caller"], own.env, folder)
    server.expect_webhook([built / "receiver"], own.env, folder, servers.free_port())


def example(readme: Path, name: str) -> str:
    """The code after `<!-- example: NAME -->`."""
    found = re.search(rf"<!-- example: {name} -->\n```[\w,]+\n(.*?)```", readme.read_text(), re.DOTALL)
    if found is None:
        raise Failed(f"{readme.relative_to(ROOT)} has no example `{name}`")
    return found.group(1)


class Server:
    """The running server, which has the policy `hello.v1` of `awe dev`, decided by `admin`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.admin = token("admin", ["AWE_ADMIN"])

    def call(self, method: str, path: str, body: object = None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"authorization": f"Bearer {self.admin}", "content-type": "application/json"}
        asked = urllib.request.Request(f"{self.url}/v1/awe{path}", data, headers, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def expect_approval(self, command: list, env: dict, folder: Path) -> None:
        """Runs a caller, approves what it asks for, and wants to read `approved`."""
        done = threading.Event()
        approving = threading.Thread(target=self._approve_all, args=(done,), daemon=True)
        approving.start()
        env = {**env, "AWE_URL": self.url, "AWE_TOKEN": token("example-caller", [])}
        words = [str(word) for word in command]
        try:
            ran = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=WITHIN)
        except subprocess.TimeoutExpired:
            raise Failed(f"{words[-1]} did not end within {WITHIN:.0f} s") from None
        finally:
            done.set()
            approving.join()
        if ran.returncode != 0 or ran.stdout.strip() != "approved":
            raise Failed(f"{words[-1]} ended with {ran.returncode} and said:\n{ran.stdout}{ran.stderr}")

    def _approve_all(self, done: threading.Event) -> None:
        while not done.wait(0.2):
            for task in self.call("GET", "/tasks?assignee=me&status=open")["items"]:
                self.call("POST", f"/tasks/{task['id']}/decision", {"action": "approve"})

    def expect_webhook(self, command: list, env: dict, folder: Path, port: int) -> None:
        """Runs a receiver on a port, has the server send it a webhook, and wants to read of it."""
        secret = self._secret()
        with serving(command, {**env, "AWE_SECRET": secret, "PORT": str(port)}, folder) as receiver:
            receiver.wait_for_port(port)
            self.call("POST", "/requests", {
                "policy_key": "hello.v1", "artifact_type": "hello", "artifact_id": "CR-2",
                "callback_url": f"http://127.0.0.1:{port}/hooks", "callback_events": ["request_created"],
            })  # fmt: skip
            receiver.wait_for("request_created CR-2")

    def _secret(self) -> str:
        """A new secret of `admin`, in whose name this class calls."""
        for one in self.call("GET", "/admin/callback-secrets"):
            if one["caller_service"] == "admin" and one["status"] == "active":
                return self.call("POST", f"/admin/callback-secrets/{one['id']}/rotate", {"grace_hours": 0})["secret"]
        return self.call("POST", "/admin/callback-secrets", {"caller_service": "admin"})["secret"]


class Receiver:
    """A running receiver of webhooks, and what it prints."""

    def __init__(self, child: subprocess.Popen, log: Path) -> None:
        self.child, self.log = child, log

    def wait_for_port(self, port: int) -> None:
        def answers() -> bool:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2).close()
            except urllib.error.HTTPError:
                return True
            except OSError:
                return False
            return True

        self._until(answers, "answers")

    def wait_for(self, words: str) -> None:
        self._until(lambda: words in self.log.read_text(), f"prints `{words}`")

    def _until(self, found, what: str) -> None:
        deadline = time.monotonic() + WITHIN
        while not found():
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"no receiver that {what} within {WITHIN:.0f} s; it said:\n{self.log.read_text()}")
            time.sleep(0.05)


@contextmanager
def serving(command: list, env: dict, folder: Path) -> Iterator[Receiver]:
    log = folder / "receiver.log"
    with log.open("w") as out:
        words = [str(word) for word in command]
        child = subprocess.Popen(words, cwd=folder, env=env, stdout=out, stderr=out, start_new_session=True)
    try:
        yield Receiver(child, log)
    finally:
        stop_group(child, signal.SIGTERM, 10)
