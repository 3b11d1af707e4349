"""Background servers for tests, checks and fuzzing: started, waited for, and stopped whatever happens."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.shell import DEV, TARGET, Failed, remove_data, say, stop_group

READY_WITHIN = 120.0
END_WITHIN = 40.0


def is_locked(file: Path) -> bool:
    """Returns whether a living process holds the lock on this file."""
    try:
        with file.open() as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def holder(data: Path) -> int | None:
    """The process id of the `awe dev` that uses this data directory, if there is one."""
    lock = data / "awe-dev.lock"
    if not is_locked(lock):
        return None
    try:
        return int(lock.read_text())
    except ValueError:
        return None


@contextmanager
def only_one(name: str) -> Iterator[None]:
    """Ensures that only one `./dev` at a time uses the data of this name."""
    DEV.mkdir(exist_ok=True)
    file = DEV / f"{name}.lock"
    with file.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = file.read_text().strip()
            raise Failed(f"`./dev {name}` already runs in this checkout (process {pid}): wait for it") from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield


def stop_left_over(data: Path) -> None:
    """Ends the `awe dev` that an earlier, killed run left behind."""
    lock = data / "awe-dev.lock"
    for number in (signal.SIGTERM, signal.SIGKILL):
        pid = holder(data)
        if pid is None:
            return
        say(f"stopping the servers (process {pid}) that an earlier run left behind")
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
        deadline = time.monotonic() + END_WITHIN
        while is_locked(lock) and time.monotonic() < deadline:
            time.sleep(0.1)
    if is_locked(lock):
        raise Failed(f"process {holder(data)} uses {data} and does not end: stop it by hand")


def tail(log: Path, lines: int = 40) -> str:
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def read_env(file: Path) -> dict:
    """The KEY=VALUE lines of a file. A last line without a newline is still being written and is left out."""
    if not file.exists():
        return {}
    whole = file.read_text().rpartition("\n")[0]
    pairs = (line.partition("=") for line in whole.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip().removeprefix("export "): value.strip().strip("'\"") for key, _, value in pairs}


@contextmanager
def awe_dev(name: str, words: list, wanted: tuple, env: dict, binary: Path) -> Iterator[dict]:
    """Runs `awe dev` with data of its own in `.dev/NAME`; yields the variables that it wrote into its env file.

    The data is removed when it ends in order. After a kill it stays, because the next run finds the servers by it.
    """
    data, file, log = DEV / name, DEV / f"{name}.env", DEV / f"{name}.log"
    with only_one(name):
        stop_left_over(data)
        file.unlink(missing_ok=True)
        # Several run on one machine, so none takes the usual port of the metrics unless it is told to.
        env = {"AWE__TELEMETRY__METRICS_PORT": "0", **env}
        command = [str(binary), "dev", *words, "--data", str(data), "--env-file", str(file)]
        with log.open("w") as out:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, start_new_session=True
            )
        try:
            yield wait_for(child, file, wanted, log)
        finally:
            stop_group(child, signal.SIGTERM, END_WITHIN)
            file.unlink(missing_ok=True)
            ended = child.returncode in (0, -signal.SIGTERM)
            if ended:
                remove_data(data)
        if not ended:
            raise Failed(f"awe ended with {child.returncode} when it was stopped; {log}:\n{tail(log)}")


def wait_for(child: subprocess.Popen, file: Path, wanted: tuple, log: Path) -> dict:
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        written = read_env(file)
        if all(written.get(key) for key in wanted):
            return written
        if child.poll() is not None:
            raise Failed(f"awe did not start ({child.returncode}); {log}:\n{tail(log)}")
        time.sleep(0.05)
    raise Failed(f"awe was not ready within {READY_WITHIN:.0f} s; {log}:\n{tail(log)}")


def services(name: str, programs: dict, own: bool = False):
    """Runs PostgreSQL and NATS only. With `own`, even if the environment names running ones."""
    env = {**os.environ, **programs}
    if own:
        env = without_settings(env)
    say("starting PostgreSQL and NATS for this run")
    wanted = ("DATABASE_URL", "NATS_URL")
    return awe_dev(name, ["--services-only", "--throwaway"], wanted, env, TARGET / "debug" / "awe")


def without_settings(env: dict) -> dict:
    """The environment without the settings of AWE, which are for a server and not for its tests."""
    return {key: value for key, value in env.items() if not key.startswith("AWE__")}


def is_listening(port: int) -> bool:
    """Whether something accepts connections on this port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
