"""A Docker engine for tests: the one that runs here, or one of our own, with images of this machine's files where no
registry can be reached."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts import golang, tools
from scripts.shell import DEV, ROOT, Absent, Failed, say, stop_group

STAND_INS = ROOT / "deploy" / "docker" / "stand-in"
ROOTFS = DEV / "tools" / "stand-in-bookworm.tar"
PACKAGES = "ca-certificates,nginx-light,gettext-base,wget"
SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
LABEL = "awe.stand-in"
"""What tells a stand-in from the image whose name it has."""
COMPOSE = "github.com/docker/compose/v2/cmd@v2.32.4"
READY_WITHIN, PULL_WITHIN, BUILD_WITHIN, RUN_WITHIN = 60.0, 90.0, 1_800.0, 600.0


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers."""

    env: dict
    """With DOCKER_HOST where it is one of our own."""
    compose: list
    """The command that is Docker Compose."""
    is_own: bool

    def docker(self, *words: object, within: float = RUN_WITHIN) -> str:
        """Runs the client; returns what it prints. Raises Failed with its complaint."""
        command = ["docker", *map(str, words)]
        done = subprocess.run(
            command, env=self.env, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=within
        )
        if done.returncode != 0:
            raise Failed(f"failed ({done.returncode}): {' '.join(command)}\n{(done.stdout + done.stderr)[-4000:]}")
        return done.stdout

    def has(self, image: str) -> bool:
        words = ["docker", "image", "inspect", image]
        return subprocess.run(words, env=self.env, capture_output=True, timeout=RUN_WITHIN).returncode == 0


def answers(env: dict) -> bool:
    words = ["docker", "version", "--format", "{{.Server.Version}}"]
    try:
        return subprocess.run(words, env=env, capture_output=True, stdin=subprocess.DEVNULL, timeout=30).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@contextmanager
def engine() -> Iterator[Engine]:
    """Docker as it runs here; else a daemon with data of its own, which goes when it ends."""
    # The classic builder: what it can build, any can.
    env = {**os.environ, "DOCKER_BUILDKIT": "0", "DOCKER_CLI_HINTS": "false", "COMPOSE_ANSI": "never"}
    if shutil.which("docker") is None:
        raise Absent("Docker is not installed (Debian, Ubuntu: `apt-get install docker.io`)")
    if answers(env):
        yield Engine(env, compose(env), False)
        return
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        raise Absent("no Docker engine answers, and only root can start one")
    with tempfile.TemporaryDirectory(prefix="awe-docker-", ignore_cleanup_errors=True) as place, daemon(env, Path(place)) as own:
        yield own


@contextmanager
def daemon(env: dict, place: Path) -> Iterator[Engine]:
    """A daemon with folders and bridges of its own, stopped by its process. One of the machine's settings stays changed
    until it starts anew: dockerd lets packets be forwarded (net.ipv4.ip_forward)."""
    data = DEV / "docker"
    data.mkdir(parents=True, exist_ok=True)
    log = DEV / "docker.log"
    # A path of a socket may have 108 bytes, so it does not lie below the checkout.
    host = f"unix://{place}/docker.sock"
    words = ["dockerd", "--data-root", data / "root", "--exec-root", place / "exec", "--pidfile", place / "pid"]
    words += ["-H", host, "--storage-driver", "overlay2", "--iptables=false", "--ip6tables=false"]
    say("starting a Docker engine of our own")
    with log.open("w") as out:
        child = subprocess.Popen(
            [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    env = {**env, "DOCKER_HOST": host}
    try:
        deadline = time.monotonic() + READY_WITHIN
        while not answers(env):
            if child.poll() is not None or time.monotonic() > deadline:
                raise Absent(f"a Docker engine cannot be started here:\n{log.read_text()[-1500:]}")
            time.sleep(0.2)
        yield Engine(env, compose(env), True)
    finally:
        stop_group(child, 15, READY_WITHIN)
        # The one mount that it leaves behind.
        subprocess.run(["umount", place / "exec" / "netns" / "default"], capture_output=True, timeout=20)
        shutil.rmtree(data, ignore_errors=True)


def compose(env: dict) -> list:
    """Docker Compose 2.24 or newer: the plugin, a program on PATH, or one that Go builds into `.dev` once."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]) and is_new_enough(words, env):
            return words
    return [str(golang.installed(COMPOSE, "docker-compose"))]


def is_new_enough(words: list, env: dict) -> bool:
    done = subprocess.run([*words, "version"], env=env, capture_output=True, text=True, timeout=30)
    found = re.search(r"version v?(\d+)\.(\d+)", done.stdout)
    return done.returncode == 0 and found is not None and (int(found[1]), int(found[2])) >= (2, 24)


def base_images(run: Engine, images: list, stand_ins: bool = True) -> bool:
    """Sees to it that these images are there; returns whether some are stand-ins, made of this machine's files."""
    missing = [image for image in images if not run.has(image)]
    if missing and can_pull(run, missing[0]):
        for image in missing[1:]:
            run.docker("pull", "--quiet", image, within=BUILD_WITHIN)
    elif missing and not run.is_own:
        raise Absent("no registry can be reached, and stand-ins under the names of official images are no one else's to keep")
    elif missing and not stand_ins:
        raise Absent("no registry can be reached, and an image on stand-ins is none to give away")
    elif missing:
        say("no registry can be reached: making stand-ins for the base images")
        make(run, missing)
    shape = '{{index .Config.Labels "%s"}}' % LABEL
    return any(run.docker("image", "inspect", "--format", shape, image).strip() == "yes" for image in images)


def final_stages() -> list:
    """The base images of the stages that are shipped, without those that only compile."""
    found = []
    for image, key, file in (("debian", "DEBIAN", "Dockerfile"), ("nginxinc/nginx-unprivileged", "NGINX", "Dockerfile.ui")):
        tag = re.search(rf"^ARG {key}=(\S+)$", (ROOT / "deploy" / "docker" / file).read_text(), re.MULTILINE)
        if tag is None:
            raise Failed(f"{file} has no ARG {key}")
        found.append(f"{image}:{tag[1]}")
    return found


def can_pull(run: Engine, image: str) -> bool:
    try:
        run.docker("pull", "--quiet", image, within=PULL_WITHIN)
    except (Failed, subprocess.TimeoutExpired):
        return False
    return True


def rootfs() -> Path:
    """A small Debian with what the stand-ins need, made by mmdebstrap from the machine's own package sources."""
    if ROOTFS.is_file():
        return ROOTFS
    if shutil.which("mmdebstrap") is None:
        raise Absent("no registry can be reached, and mmdebstrap is not installed to make base images")
    ROOTFS.parent.mkdir(parents=True, exist_ok=True)
    new = ROOTFS.with_suffix(".new.tar")
    leave = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    words = ["mmdebstrap", "--variant=minbase", f"--include={PACKAGES}", *leave, "bookworm", str(new)]
    words += [str(SOURCES)] if SOURCES.is_file() else []
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=BUILD_WITHIN)
    if done.returncode != 0:
        new.unlink(missing_ok=True)
        raise Absent(f"mmdebstrap failed:\n{done.stderr[-1500:]}")
    new.rename(ROOTFS)
    return ROOTFS


def make(run: Engine, images: list) -> None:
    base = "awe-stand-in:bookworm"
    if not run.has(base):
        run.docker("import", "--change", f"LABEL {LABEL}=yes", rootfs(), base)
    for image in images:
        name = re.split(r"[:@]", image)[0].rpartition("/")[2]
        kind = {"postgres": "postgres", "nats": "nats", "nginx-unprivileged": "nginx", "debian": ""}.get(name)
        if kind is None:
            raise Absent(f"no registry can be reached, and there is no stand-in for {image}")
        if not kind:
            run.docker("tag", base, image)
            continue
        with tempfile.TemporaryDirectory(prefix="awe-stand-in-") as folder:
            shutil.copytree(STAND_INS, folder, dirs_exist_ok=True)
            if kind == "postgres":
                tools.fetch(tools.POSTGRES)
                shutil.copytree(tools.home(tools.POSTGRES), Path(folder) / "postgres", symlinks=True)
            elif kind == "nats":
                shutil.copy2(tools.program(tools.NATS), Path(folder) / "nats-server")
            run.docker("build", "-q", "-f", f"{folder}/Dockerfile.{kind}", "--build-arg", f"BASE={base}", "-t", image, folder)
