"""Finds what leads nowhere in pages: relative links, their anchors, and paths of this repository in backticks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
# Text in backticks is taken for a path if it begins with a folder of ours and is a path or a pattern of paths.
PATH = re.compile(r"[\w.-]+/[\w./*-]*")
# Folders that builds and runs make.
MADE = ("target/", ".dev/")


def anchor(heading: str) -> str:
    """The anchor of a heading: lower case, blanks become hyphens, no punctuation."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: Path) -> set:
    return {anchor(heading) for heading in HEADING.findall(FENCE.sub("", page.read_text()))}


def leads_nowhere(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return False
    name, _, fragment = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return True
    return bool(fragment) and target.suffix == ".md" and fragment not in anchors(target)


def is_missing(span: str, page: Path, folders: set) -> bool:
    if not PATH.fullmatch(span) or span.split("/")[0] not in folders or span.startswith(MADE):
        return False
    # Paths begin at the root, or in the README of a crate at its folder.
    return not any(any(base.glob(span.rstrip("/"))) for base in (ROOT, page.parent))


def find() -> list:
    """A message for each link or path that leads nowhere, with its place."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    folders = {file.split("/")[0] for file in files if "/" in file}
    faults = []
    for page in sorted(ROOT / file for file in files if file.endswith(".md")):
        if not page.is_file() or "data" in page.parts:
            continue
        # A block is replaced by as many empty lines, so that line numbers stay right.
        text = FENCE.sub(lambda block: "\n" * block.group().count("\n"), page.read_text())
        for number, line in enumerate(text.splitlines(), 1):
            where = f"{page.relative_to(ROOT)}:{number}"
            faults += [f"{where}: the link {link} leads nowhere" for link in LINK.findall(line) if leads_nowhere(page, link)]
            if page.name != "CHANGELOG.md":  # the changelog may name files that are gone
                spans = [span for span in SPAN.findall(line) if is_missing(span, page, folders)]
                faults += [f"{where}: there is no `{span}`" for span in spans]
    return faults


def main() -> int:
    faults = find()
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
