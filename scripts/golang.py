"""Programs that Go builds into `.dev` once, from modules of its proxy."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.shell import DEV, ROOT, Absent, say

HOME = DEV / "tools" / "go"
BUILD_WITHIN = 3_600.0


def go(*words: str, cwd: Path | str = ROOT, **env: str) -> str:
    """What `go` prints. Raises Absent when it is not installed, or fails."""
    if shutil.which("go") is None:
        raise Absent(f"Go is not installed, and `go {' '.join(words)}` is needed once")
    done = subprocess.run(
        ["go", *words],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=BUILD_WITHIN,
    )
    if done.returncode != 0:
        raise Absent(f"`go {' '.join(words)}` failed:\n{done.stderr[-1500:]}")
    return done.stdout


def installed(package: str, name: str) -> Path:
    """The program `name` of a package with its version, as `go install` makes it."""
    program = HOME / name
    if not program.is_file():
        say(f"building {package}")
        with tempfile.TemporaryDirectory(prefix="awe-go-") as folder:
            go("install", package, GOBIN=folder)
            (made,) = Path(folder).iterdir()
            arrived(made, program)
    return program


@contextmanager
def module(program: Path) -> Iterator[str]:
    """A module of its own, for packages whose module cannot be installed by name; what was built in its folder under the
    program's name is moved to its place."""
    with tempfile.TemporaryDirectory(prefix="awe-go-") as folder:
        go("mod", "init", "awe.test/tools", cwd=folder)
        yield folder
        arrived(Path(folder) / program.name, program)


def arrived(made: Path, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, program)
