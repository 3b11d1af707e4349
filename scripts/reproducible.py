"""`./dev reproducible`: two builds of what is committed, in two folders, give the same bytes."""

from __future__ import annotations

import argparse
import hashlib
import shutil
from pathlib import Path

from scripts import release, trees, ui
from scripts.shell import DEV, ROOT, Failed, cargo, run, say

PLACE = DEV / "reproducible"
# Of different lengths: what depends on the length of a path shows, too.
FOLDERS = ("one", "another-folder")


def hashes(tree: Path, profile: str) -> dict:
    """What each program of a checkout is, by its SHA-256, and the UI's files as one."""
    # With its links: the workspace's own packages are found beside it, not here.
    for modules in (Path("ui", "node_modules"), Path("clients", "typescript", "node_modules")):
        shutil.copytree(ROOT / modules, tree / modules, symlinks=True)
    own = ui.Tools()
    run([*own.npm, "run", "--silent", "build"], own.env, timeout=ui.WITHIN, cwd=tree / "ui")
    target = tree.with_name(f"{tree.name}-target")
    words = ["--profile", profile, "--target-dir", target, *release.WORDS]
    run(cargo("build", *words), release.static_env(tree, target), cwd=tree)
    folder = target / release.TRIPLE / {"dev": "debug"}.get(profile, profile)
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in release.PROGRAMS}
    pages = hashlib.sha256()
    for file in sorted((tree / "ui" / "apps").glob("*/dist/**/*")):
        if file.is_file():
            pages.update(str(file.relative_to(tree)).encode() + b"\0" + file.read_bytes())
    shutil.rmtree(target)
    return {**found, "pages": pages.hexdigest()}


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev reproducible", description=__doc__)
    parser.add_argument("--profile", default="release", help="dev is quicker, and is not what ships")
    profile = parser.parse_args(words).profile
    if trees.git("status", "--porcelain"):
        raise Failed("the working tree has changes: what is committed is built")
    ui.Tools()
    found = []
    for name in FOLDERS:
        say(f"building in the folder {name} ({profile})")
        with trees.checked_out("HEAD", PLACE / name) as tree:
            found.append(hashes(tree, profile))
    one, other = found
    differ = [name for name in one if one[name] != other[name]]
    if differ:
        raise Failed(f"not the same bytes: {', '.join(differ)}")
    for name, value in one.items():
        say(f"{value}  {name}")
    say(f"the same bytes in both folders ({profile})")
