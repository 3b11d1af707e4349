"""`./dev ui`: builds the UI that the program carries, checks it, and tests it in a real browser."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts import browser, clients, demo, keycloak, servers, tools
from scripts.shell import DEV, ROOT, TARGET, Failed, call, cargo, cargo_env, run, say, stop_group

UI = ROOT / "ui"
APPS = ("admin", "registry")
WITHIN, JOURNEYS_WITHIN, NGINX_WITHIN = 600.0, 1_800.0, 10.0
SOURCES = ("kit", "apps", "package.json", "package-lock.json", "vite.shared.ts", "../clients/typescript/src")
NO_BROWSER = """Chromium is missing, and the journeys run in it. One of these helps:
  - install it (Debian, Ubuntu: `apt-get install chromium`)
  - name the program in CHROMIUM"""


class Tools:
    """Node with the modules of the workspace."""

    def __init__(self) -> None:
        self.node, self.npm = clients.node()
        self.env = servers.without_settings(dict(os.environ))
        self.env["PATH"] = os.pathsep.join([str(Path(self.node).parent), self.env.get("PATH", "")])
        digest = hashlib.sha256((UI / "package-lock.json").read_bytes()).hexdigest()
        mark = UI / "node_modules" / ".awe-lock"
        if not (mark.is_file() and mark.read_text() == digest):
            say("fetching what the UI needs into ui/node_modules")
            self.run(*self.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
            mark.write_text(digest)

    def run(self, *command: object, within: float | None = WITHIN, **more: str) -> None:
        """Runs a command in the workspace to its end. Raises Failed."""
        if call([*command], {**self.env, **more}, within, UI) != 0:
            raise Failed(f"failed: {' '.join(str(word) for word in command)}")

    def npm_run(self, script: str, *words: str, within: float | None = WITHIN, **more: str) -> None:
        self.run(*self.npm, "run", "--silent", script, *words, within=within, **more)


def build(own: Tools) -> None:
    """The build that the program carries"""
    own.npm_run("build")


def is_stale() -> bool:
    """Whether the sources are newer than what is built of them, or nothing is built."""
    pages = [UI / "apps" / app / "dist" / "index.html" for app in APPS]
    if not all(page.is_file() for page in pages):
        return True
    built = min(page.stat().st_mtime for page in pages)
    for name in SOURCES:
        at = UI / name
        files = [at] if at.is_file() else (f for f in at.rglob("*") if f.is_file())
        for file in files:
            inside = file.relative_to(at).parts if at.is_dir() else ()
            if not {"dist", "node_modules", "e2e", "mock"} & set(inside) and file.stat().st_mtime > built:
                return True
    return False


def build_if_stale() -> None:
    """For `./dev up`: what it serves is what the sources say. Without it the API is up all the same."""
    if not is_stale():
        return
    say("building the UI")
    try:
        build(Tools())
    except Failed as why:
        print(f"{why}\nthe UI is the one that was built before, or none: `./dev ui` says more", file=sys.stderr)


def watch(own: Tools) -> None:
    known = servers.read_env(DEV / "env")
    awe, registry = known.get("BASE_URL", "http://127.0.0.1:8000"), known.get("REGISTRY_URL", "http://127.0.0.1:8010")
    portal = f"`npm run dev:registry` in ui/ with REGISTRY_API={registry} does the same for the Registry's portal"
    say(f"http://127.0.0.1:5173/ follows the sources; the API is {awe}. {portal}")
    own.npm_run("dev", within=None, AWE_API=awe)


def check(own: Tools) -> None:
    """Lints, types, catalogues, unit tests, build, budget"""
    for script in ("check", "test", "build", "budget"):
        say(f"ui {script}")
        own.npm_run(script)


def chromium() -> str:
    """The browser of the machine: none is ever downloaded."""
    found = os.environ.get("CHROMIUM") or browser.chromium()
    if found is None:
        raise Failed(NO_BROWSER)
    return found


@contextmanager
def server(identity: keycloak.Keycloak | None = None) -> Iterator[dict]:
    """A throw-away `awe dev` on free ports of loopback that serves the build of now, with the Registry and its portal; given
    an `identity`, both trust that one."""
    programs = tools.servers(own=True)
    binary = Path(os.environ.get("AWE_BIN") or TARGET / "debug" / "awe")
    registry = Path(os.environ.get("AWE_REGISTRY_BIN") or TARGET / "debug" / "awe-registry")
    if not (os.environ.get("AWE_BIN") and os.environ.get("AWE_REGISTRY_BIN")):
        say("building awe and awe-registry (debug)")
        run(cargo("build", "-p", "awe", "--bin", "awe", "-p", "registry", "--bin", "awe-registry"), cargo_env())
    port, ui, portal = servers.free_port(), servers.free_port(), servers.free_port()
    words = ["--port", str(port), "--ui-port", str(ui), "--throwaway"]
    env = {**servers.without_settings(dict(os.environ)), **programs, "AWE__UI__DIR": str(UI / "apps" / "admin" / "dist")}
    if identity is not None:
        identity.ready()
        identity.serve_pages_at(f"http://127.0.0.1:{ui}")
        identity.serve_pages_at(f"http://127.0.0.1:{portal}", keycloak.PORTAL_CLIENT)
        key = DEV / "ui-master.key"
        keycloak.make_key(key)
        env.update(keycloak.settings(identity.url), AWE__SECRETS__MASTER_KEY_FILE=str(key))
    with servers.awe_dev("ui-server", words, ("BASE_URL", "DATABASE_URL"), env, binary) as found:
        where = {"AWE_API_URL": found["BASE_URL"], "AWE_UI_URL": f"http://127.0.0.1:{ui}"}
        stand = demo.Stand(DEV / "ui-server.env", DEV / "ui-server", registry.parent, programs, {"registry": portal})
        with demo.beside(stand):
            yield {**where, "REGISTRY_UI_URL": f"http://127.0.0.1:{portal}"}


@contextmanager
def nginx(api: str) -> Iterator[str]:
    """nginx with the configuration of deploy/, on a free port of loopback; yields where."""
    folder = DEV / "ui-nginx"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "logs").mkdir(parents=True)
    port = servers.free_port()
    text = (ROOT / "deploy" / "nginx" / "awe-ui.conf.template").read_text()
    dist = UI / "apps" / "admin" / "dist"
    values = {"AWE_API": api, "AWE_ISSUER_ORIGIN": "", "AWE_UI_PORT": f"127.0.0.1:{port}", "AWE_UI_ROOT": str(dist)}
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    types = "types { text/html html; text/javascript js; text/css css; image/svg+xml svg; text/plain txt; }\n"
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log stderr warn;\nevents {{}}\n"
        f"http {{\naccess_log off;\ncharset utf-8;\n{types}{temporary}{text}}}\n"
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + NGINX_WITHIN
        while not servers.is_listening(port) and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if child.poll() is not None:
            raise Failed("nginx did not start (its words are above)")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop_group(child, signal.SIGTERM, 10)


def test(own: Tools, words: list) -> None:
    """Journeys in a real browser, with a real server, PostgreSQL and NATS; how files are served, by nginx too"""
    program = chromium()
    build(own)
    (DEV / "ui").mkdir(parents=True, exist_ok=True)
    journeys = [own.node, UI / "node_modules" / "@playwright" / "test" / "cli.js", "test"]
    if not words or "--project=keycloak" in words:
        with ExitStack() as running:
            identity = keycloak.for_tests(running)
            if identity is not None:
                with server(identity) as where:
                    say("running the journeys of signing in, with a real Keycloak")
                    own.run(*journeys, "--project=keycloak", CHROMIUM=program, **where)
        if words:
            return
    with server() as where:
        say("running the journeys")
        chosen = words or [f"--project={name}" for name in ("desktop", "phone", "measured", "portal", "portal-phone")]
        own.run(*journeys, *chosen, within=JOURNEYS_WITHIN, CHROMIUM=program, **where)
        if words:
            return
        if shutil.which("nginx") is None:
            print("    did not run behind nginx: it is not installed", flush=True)
            return
        with nginx(where["AWE_API_URL"]) as url:
            say("running those about serving behind nginx")
            own.run(*journeys, "serving", "approver", "--project=desktop", CHROMIUM=program, **{**where, "AWE_UI_URL": url})


def screens(own: Tools) -> None:
    """The pictures of docs/, made anew"""
    test(own, ["--project=screens"])


STEPS = {"build": build, "check": check, "screens": screens}


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev ui", description=__doc__)
    parser.add_argument("step", nargs="?", default="build", choices=["build", "check", "test", "screens"])
    parser.add_argument("--watch", action="store_true", help="serve on 5173 what changes while one writes")
    options, rest = parser.parse_known_args(words)
    if rest and options.step != "test":
        parser.error(f"unknown words: {' '.join(rest)}")
    own = Tools()
    if options.watch:
        watch(own)
    elif options.step == "test":
        test(own, rest)
    else:
        STEPS[options.step](own)
    say(f"ui {options.step}: done")


if __name__ == "__main__":
    sys.exit("call ./dev ui")
