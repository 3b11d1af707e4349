"""Other checkouts of this repository, for builds of other commits or in other folders."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.shell import ROOT, Failed


def git(*words: object) -> str:
    command = ["git", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    if done.returncode != 0:
        raise Failed(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def checked_out(commit: str, place: Path) -> Iterator[Path]:
    """A commit in a folder of its own, which goes with its files when this ends."""
    # What an interrupted run left behind.
    git("worktree", "prune")
    if place.exists():
        git("worktree", "remove", "--force", place)
    git("worktree", "add", "--quiet", "--detach", place, commit)
    try:
        yield place
    finally:
        git("worktree", "remove", "--force", place)
