"""Runs other programs so that none of them outlives `./dev`, and prints what goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT / ".dev"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").absolute()


class Failed(Exception):
    """A failure that the person at the keyboard can read and act on; ends `./dev` with the given code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Absent(Failed):
    """A program that a step needs is not here and cannot be had; says which, and what would help."""


class Interrupted(BaseException):
    """SIGTERM or SIGHUP arrived. It is handled like Ctrl-C."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def interrupt(number: int, _frame: object) -> None:
    """The handler of those signals; later ones are ignored, because the process is already ending."""
    signal.signal(number, signal.SIG_IGN)
    raise Interrupted(number)


def say(text: str) -> None:
    print(f"\033[1m==> {text}\033[0m" if sys.stdout.isatty() else f"==> {text}", flush=True)


def stop_group(child: subprocess.Popen, first: int, patience: float) -> None:
    """Ends a child and everything it started: with the signal `first`, then with a kill. Nothing interrupts this."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        for number, seconds in ((first, patience), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(child.pid, number)
            except (ProcessLookupError, PermissionError):  # macOS raises PermissionError for a group of zombies
                pass
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
    finally:
        for number, handler in zip(numbers, before):
            signal.signal(number, handler)


def call(command: list, env: dict | None = None, timeout: float | None = None, cwd: Path = ROOT) -> int:
    """Runs a command in a session of its own, shows what it prints, and returns its exit code."""
    words = [str(word) for word in command]
    child = subprocess.Popen(words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return child.wait(timeout)
    except subprocess.TimeoutExpired:
        stop_group(child, signal.SIGTERM, 10)
        raise Failed(f"{words[0]} did not end within {timeout:.0f} s and was stopped") from None
    except KeyboardInterrupt:
        stop_group(child, signal.SIGINT, 10)
        raise
    except BaseException:
        stop_group(child, signal.SIGTERM, 10)
        raise


def run(command: list, env: dict | None = None, timeout: float | None = None, cwd: Path = ROOT) -> None:
    """Like `call`, but a failure of the command raises Failed."""
    code = call(command, env, timeout, cwd)
    if code != 0:
        line = " ".join(str(word) for word in command)
        raise Failed(f"failed ({code}): {line}", code if 0 < code < 126 else 1)


def choose_toolchain() -> None:
    """Uses the default toolchain if rustup neither has nor can fetch the pinned one, and says so."""
    pinned = ROOT / "rust-toolchain.toml"
    if os.environ.get("RUSTUP_TOOLCHAIN") or shutil.which("rustup") is None or not pinned.is_file():
        return
    look = {"cwd": ROOT, "capture_output": True, "stdin": subprocess.DEVNULL}
    if subprocess.run(["cargo", "--version"], **look).returncode == 0:
        return
    default = subprocess.run(["rustup", "default"], text=True, **look).stdout.split(" ")[0].strip()
    if default:
        say(f"the toolchain of {pinned.name} is not at hand: building with {default}, whose lints may differ")
        os.environ["RUSTUP_TOOLCHAIN"] = default


def cargo_env(**more: object) -> dict:
    """The environment of cargo: queries are checked against the committed `.sqlx`, never against a database."""
    env = {**os.environ, "SQLX_OFFLINE": "true", **{key: str(value) for key, value in more.items()}}
    env.pop("SQLX_OFFLINE_DIR", None)
    return env


def cargo(*words: object) -> list:
    """A cargo command line. CI uses exactly the versions in `Cargo.lock`."""
    if shutil.which("cargo") is None:
        raise Failed("cargo was not found: install a Rust toolchain (https://rustup.rs), then run this again")
    head, *rest = words
    locked = ["--locked"] if os.environ.get("CI") and head != "fmt" else []
    return ["cargo", head, *locked, *rest]


def remove_data(folder: Path) -> None:
    """Removes a data directory, and the place outside of it that its database may have been moved to."""
    database = folder / "postgres"
    if database.is_symlink():
        place = Path(os.readlink(database)).parent
        if place.name.startswith("awe-dev-") and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
    if folder.exists():
        try:
            shutil.rmtree(folder)
        except PermissionError as cause:
            raise Failed(f"cannot remove {folder}: {cause.strerror} (made by another user?)") from None
