"""`./dev compose-test`: compose.yaml brought up by a real Docker engine, used, hurt, and found with its data again."""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Callable

from scripts import engine, fuzz, servers, ui
from scripts.shell import DEV, ROOT, Absent, Failed, cargo, cargo_env, run, say

FOLDER = DEV / "compose"
PROJECT, SUBNET, GATEWAY = "awe-compose-test", "172.30.87.0/24", "172.30.87.1"
VERSION = "compose-test"
"""The tag of the images that are made here, so that none takes the place of one that somebody uses."""
TRIPLE = "x86_64-unknown-linux-gnu"
PROGRAMS = ("awe", "awe-registry", "awe-data-custodian")
PREBUILT = {
    "awe": "prebuilt-awe",
    "registry": "prebuilt-registry",
    "data-custodian": "prebuilt-data-custodian",
    "awe-ui": "prebuilt",
}
"""Of the services that others share their image with, and what builds it here."""
UP_WITHIN, UNTIL_WITHIN, SMOKE_WITHIN, JOURNEYS_WITHIN = 600.0, 90.0, 120.0, 600.0


def programs(given: str | None) -> Path:
    """A folder with the static programs: the one that is named, or debug builds like the image's."""
    if given:
        missing = [name for name in PROGRAMS if not (Path(given) / name).is_file()]
        if missing:
            raise Failed(f"{given} lacks {', '.join(missing)}")
        return Path(given)
    say("building the programs as the image has them: static (debug)")
    env = cargo_env(RUSTFLAGS="-C target-feature=+crt-static", CARGO_PROFILE_DEV_DEBUG="0", CARGO_INCREMENTAL="0")
    words = ["--target", TRIPLE, "--target-dir", DEV / "static"]
    run(cargo("build", *words, "-p", "awe", "-p", "registry", "-p", "data-custodian", "--bins"), env)
    return DEV / "static" / TRIPLE / "debug"


def context(built: Path, own: ui.Tools) -> Path:
    """A small build context: what the Dockerfiles copy, and what was built outside."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    place = FOLDER / "context"
    (place / "dist").mkdir(parents=True)
    shutil.copytree(ROOT / "deploy", place / "deploy")
    for name in PROGRAMS:
        shutil.copy2(built / name, place / "dist" / name)
    if ui.is_stale():
        ui.build(own)
    shutil.copytree(ui.UI / "apps" / "admin" / "dist", place / "dist" / "ui")
    return place


class Stack:
    """The services of compose.yaml, under a project of this test's own and on free ports of loopback."""

    def __init__(self, on: engine.Engine, place: Path) -> None:
        self.on = on
        self.ports = {name: servers.free_port() for name in ("AWE", "AWE_UI", "AWE_REGISTRY", "AWE_CUSTODIAN", "AWE_BACKCHANNEL")}
        override = {
            name: {"build": {"context": str(place), "target": target, "network": "host"}} for name, target in PREBUILT.items()
        }
        file = FOLDER / "override.json"
        file.write_text(json.dumps({"services": override}))
        self.command = [*on.compose, "-p", PROJECT, "-f", ROOT / "compose.yaml", "-f", file, "--project-directory", ROOT]
        self.env = {key: value for key, value in on.env.items() if not key.startswith("AWE_")}
        self.env.update({f"{name}_PORT": str(port) for name, port in self.ports.items()}, AWE_SUBNET=SUBNET, AWE_VERSION=VERSION)
        self.awe = f"http://127.0.0.1:{self.ports['AWE']}"
        self.pages = f"http://127.0.0.1:{self.ports['AWE_UI']}"

    def compose(self, *words: object, within: float = UP_WITHIN) -> str:
        """Runs Compose; returns what it prints. Raises Failed with its complaint and the last words of all services."""
        command = [str(word) for word in (*self.command, *words)]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=within)
        if done.returncode != 0:
            logs = subprocess.run(
                [*map(str, self.command), "logs", "--no-color", "--tail", "15"], env=self.env, capture_output=True, text=True, timeout=60
            ).stdout
            told = (done.stdout + done.stderr)[-3000:]
            raise Failed(f"failed ({done.returncode}): compose {' '.join(map(str, words))}\n{told}\n{logs[-6000:]}")
        return done.stdout

    def ids(self, service: str) -> list:
        """Containers of a service, running ones only."""
        return self.compose("ps", "-q", service).split()

    def state(self, container: str) -> dict:
        return json.loads(self.on.docker("inspect", "--format", "{{json .State}}", container))

    def address(self, service: str) -> str:
        shape = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return self.on.docker("inspect", "--format", shape, self.ids(service)[0]).strip()

    def down(self) -> None:
        self.compose("--profile", "*", "down", "--volumes", "--timeout", "20", "--rmi", "local")
        made = self.on.docker("image", "ls", "--quiet", "--filter", f"reference=openg2p/*:{VERSION}").split()
        if made:
            self.on.docker("image", "rm", "--force", *sorted(set(made)))


def fetch(url: str, authorization: str | None = None, body: dict | None = None) -> tuple:
    """Status and text of an answer; status 0 when there is none."""
    headers = {"accept": "text/html, application/json", "content-type": "application/json"}
    if authorization:
        headers["authorization"] = authorization
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)


def until(what: str, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + UNTIL_WITHIN
    while not is_so():
        if time.monotonic() > deadline:
            raise Failed(f"not within {UNTIL_WITHIN:.0f} s: {what}")
        time.sleep(0.2)  # the poll of a deadline


def expect(is_so: bool, what: str) -> None:
    if not is_so:
        raise Failed(what)


def admin() -> str:
    return f"Bearer {fuzz.token('admin', ['AWE_ADMIN'])}"


def brought_up(stack: Stack) -> None:
    """built, healthy in order, loopback only, without rights"""
    stack.compose("--profile", "*", "config", "--quiet")
    # Asked for one by one, since they share an image: parallel builds of it would do the work twice.
    for service in ("awe", "awe-ui"):
        stack.compose("build", service, within=engine.BUILD_WITHIN)
    stack.compose("up", "-d", "--no-build")
    until("awe-ui is healthy", lambda: stack.state(stack.ids("awe-ui")[0]).get("Health", {}).get("Status") == "healthy")
    expect(fetch(f"{stack.awe}/v1/awe/health/ready")[0] == 200, "awe is ready at its port")
    told = json.loads(stack.on.docker("inspect", stack.ids("awe")[0]))[0]
    host = told["HostConfig"]
    expect(told["Config"]["User"] == "65532:65532", "awe runs as nobody in particular")
    expect(host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"], "awe can write to its volumes only, and has no capability")
    for service in ("awe", "awe-ui"):
        bound = json.loads(stack.on.docker("inspect", stack.ids(service)[0]))[0]["HostConfig"]["PortBindings"]
        expect(all(one["HostIp"] == "127.0.0.1" for ports in bound.values() for one in ports), f"{service} is on loopback only")


def smoke(stack: Stack) -> None:
    """the README's smoke test, to the letter but for its addresses"""
    found = re.search(r"<!-- smoke -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    expect(found is not None, "README.md has a smoke test")
    port = servers.free_port()
    env = FOLDER / "env"
    env.write_text(f"BASE_URL={stack.awe}\nNATS_URL=nats://{stack.address('nats')}:4222\n")
    script = found[1].replace(". .dev/env", f". {env}").replace("127.0.0.1:9099", f"{GATEWAY}:{port}")
    script = script.replace("--port 9099", f"--host {GATEWAY} --port {port} --seconds 30")
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=SMOKE_WITHIN)
    said = done.stdout + done.stderr
    expect(done.returncode == 0 and "approved" in done.stdout.splitlines(), f"the smoke test ends approved:\n{said}")
    webhooks = sorted(re.findall(r"webhook (\d+) \S+ status=\S+ verified", said))
    events = re.findall(r"^event (\d+)", said, re.MULTILINE)
    expect(webhooks == ["1", "2", "4", "5"] and events == ["1", "2", "3", "4", "5"], f"signed webhooks and events arrive:\n{said}")


def pages(stack: Stack) -> None:
    """the UI from nginx, with the API beside it"""
    status, text = fetch(f"{stack.pages}/inbox")
    expect(status == 200 and "AWE_CSP_NONCE" not in text and "assets/index" in text, f"the page is served ({status}):\n{text[:500]}")
    expect(fetch(f"{stack.pages}/v1/awe/requests", admin())[0] == 200, "the API is on the page's own origin")
    expect(fetch(f"{stack.pages}/assets/gone.js")[0] == 404, "what is missing is missing")


def journeys(stack: Stack, own: ui.Tools) -> None:
    """journeys in a browser through the containers"""
    command = [own.node, ui.UI / "node_modules" / "@playwright" / "test" / "cli.js", "test", "serving", "approver", "--project=desktop"]
    own.run(*command, within=JOURNEYS_WITHIN, CHROMIUM=ui.chromium(), AWE_API_URL=stack.awe, AWE_UI_URL=stack.pages)


def approved(stack: Stack) -> bool:
    """Whether what the smoke test decided is still there, for whoever asks through the API."""
    status, text = fetch(f"{stack.awe}/v1/awe/requests?status=approved", admin())
    return status == 200 and '"demo-1"' in text


def crash(process: int, container: str) -> None:
    """Kills the process of a container. An engine may run on another machine: its numbers mean nothing here."""
    group = Path("/proc") / str(process) / "cgroup"
    if not (group.is_file() and container in group.read_text()):
        raise Absent(f"process {process} of the engine is none of this machine")
    os.kill(process, 9)


def killed(stack: Stack) -> None:
    """`docker kill` and a crash of awe and of Postgres, the data found again"""
    for service in ("awe", "postgres"):
        container = stack.ids(service)[0]
        stack.on.docker("kill", container)
        expect(not stack.state(container)["Running"], f"{service} is dead")
        expect(not approved(stack), f"nothing is answered without {service}")
        stack.compose("up", "-d", "--no-build")
        until(f"the data is there after {service} was killed", lambda: approved(stack))
        # A crash, in which the engine has no hand: the policy of restarts brings it back.
        until(f"{service} runs", lambda: stack.state(container)["Pid"] > 0)
        before = stack.state(container)["Pid"]
        crash(before, container)
        until(f"{service} comes back by itself", lambda: stack.state(container)["Pid"] not in (0, before))
        until(f"the data is there after {service} crashed", lambda: approved(stack))
    # A new container may have a new address.
    stack.compose("up", "-d", "--no-build", "--force-recreate", "awe")
    until("the pages' own origin leads to the API still", lambda: fetch(f"{stack.pages}/v1/awe/requests", admin())[0] == 200)


def delivering(stack: Stack) -> int:
    """Processes that send webhooks and do nothing else, as they have told the database."""
    ask = "select count(*) from process where roles = '{delivery}' and seen_at > now() - interval '1 minute'"
    words = ["-e", "PGPASSWORD=postgres", "postgres", "psql", "-h", "127.0.0.1", "-U", "postgres", "-d", "awe", "-A", "-t", "-c", ask]
    return int(stack.compose("exec", "-T", *words))


def scaled(stack: Stack) -> None:
    """three delivery processes beside the first one, all healthy"""
    stack.compose("--profile", "scale", "up", "-d", "--no-build", "--scale", "delivery=3")
    until("three are healthy", lambda: [stack.state(one).get("Health", {}).get("Status") for one in stack.ids("delivery")] == ["healthy"] * 3)
    until("the database knows of them", lambda: delivering(stack) == 3)
    # The API and the rest apart from delivery.
    stack.env["AWE_ROLES"] = "api,resolver,sla,relay,notifier"
    stack.compose("--profile", "scale", "up", "-d", "--no-build", "--scale", "delivery=3")
    until("awe is healthy", lambda: fetch(f"{stack.awe}/v1/awe/health/ready")[0] == 200)
    words = stack.on.docker("inspect", "--format", "{{json .Config.Env}}", stack.ids("awe")[0])
    expect("AWE_ROLES=api,resolver,sla,relay,notifier" in words, "awe leaves delivery to the others")
    del stack.env["AWE_ROLES"]
    stack.compose("--profile", "scale", "rm", "--stop", "--force", "delivery")


def demo(stack: Stack) -> None:
    """the Registry and the data custodian, a change approved by webhook, a grant that waits"""
    for service in ("registry", "data-custodian"):
        stack.compose("--profile", "demo", "build", service, within=engine.BUILD_WITHIN)
    stack.compose("--profile", "demo", "up", "-d", "--no-build")
    registry = f"http://127.0.0.1:{stack.ports['AWE_REGISTRY']}"
    custodian = f"http://127.0.0.1:{stack.ports['AWE_CUSTODIAN']}"
    until("the Registry is well", lambda: fetch(f"{registry}/v1/registry/health")[0] == 200)
    until("the data custodian is well", lambda: fetch(f"{custodian}/health")[0] == 200)
    found = re.search(r"<!-- walk -->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    expect(found is not None, "README.md has a walk")
    env = FOLDER / "env"
    env.write_text(f"BASE_URL={stack.awe}\nREGISTRY_URL={registry}\n")
    script = found[1].replace(". .dev/env", f". {env}")
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=SMOKE_WITHIN)
    expect(done.returncode == 0 and "director-2" in done.stdout.splitlines(), f"the walk ends with a change:\n{done.stdout}{done.stderr}")
    point = "11111111-2222-4333-8444-555555555555"
    grant = {"correlation_id": "c1", "client_id": "gated_party", "granted_scope": "FB=4_5_15", "retail_customer_id": 42}
    known = base64.b64encode(b"as-backchannel:change-me-in-production").decode()
    place = f"http://127.0.0.1:{stack.ports['AWE_BACKCHANNEL']}/internal/backchannel/v1/subscriptions"
    status, text = fetch(place, f"Basic {known}", {**grant, "selected_usage_point_ids": [point]})
    expect(status == 202 and "awe_request_id" in text, f"a grant of the gated client waits for AWE ({status}): {text}")


def steps(stack: Stack, own: ui.Tools) -> dict:
    return {
        "up": lambda: brought_up(stack),
        "smoke": lambda: smoke(stack),
        "pages": lambda: pages(stack),
        "journeys": lambda: journeys(stack, own),
        "kill": lambda: killed(stack),
        "scale": lambda: scaled(stack),
        "demo": lambda: demo(stack),
    }


ABOUT = {"up": brought_up, "smoke": smoke, "pages": pages, "journeys": journeys, "kill": killed, "scale": scaled, "demo": demo}


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev compose-test", description=__doc__)
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"only these of: {', '.join(ABOUT)}; `up` always")
    parser.add_argument("--programs", metavar="FOLDER", help="static programs that are built already")
    options = parser.parse_args(words)
    unknown = set(options.steps) - set(ABOUT)
    if unknown:
        raise Failed(f"no such step: {', '.join(sorted(unknown))} (there are: {', '.join(ABOUT)})", 2)
    if sys.platform != "linux":
        raise Failed("containers are reached by their own addresses, which is so on Linux only")
    ran, left = [], []
    try:
        with servers.only_one("compose-test"), engine.engine() as on:
            own = ui.Tools()
            place = context(programs(options.programs), own)
            stand_ins = engine.base_images(on, base_images())
            stack = Stack(on, place)
            try:
                for name, step in steps(stack, own).items():
                    if options.steps and name not in {"up", *options.steps}:
                        left.append(name)
                        continue
                    say(f"{name}: {ABOUT[name].__doc__}")
                    if name == "journeys" and not ui.browser.chromium():
                        left.append(f"{name} (no Chromium)")
                        continue
                    step()
                    ran.append(name)
            finally:
                stack.down()
    except Absent as why:
        raise Failed(f"did not run: {why}") from None
    shutil.rmtree(FOLDER, ignore_errors=True)
    say(f"ran, on {'stand-ins for' if stand_ins else 'the real'} base images: {', '.join(ran)}; did not run: {', '.join(left) or 'nothing of it'}")


def base_images() -> list:
    """What compose.yaml and the final stages name, without profiles that this test leaves out."""
    named = re.findall(r"image: ((?:postgres|nats):\S+)", (ROOT / "compose.yaml").read_text())
    return sorted({*named, *engine.final_stages()})
