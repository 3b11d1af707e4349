"""Code in pages that is taken from source files, so that a page never shows what does not compile.

In a page, `<!-- snippet: FILE NAME -->` stands before a block of code; in FILE, the lines between `// snippet: NAME` and
`// end snippet` are that block.
"""

from __future__ import annotations

import re
from pathlib import Path

from scripts.shell import ROOT, Failed

IN_PAGE = re.compile(r"(<!-- snippet: (\S+) (\S+) -->\n```\w+\n)(.*?)(```)", re.DOTALL)


def source(file: str, name: str) -> str:
    """The lines of a snippet. Raises Failed."""
    path = ROOT / file
    text = path.read_text() if path.is_file() else ""
    found = re.search(rf"^// snippet: {re.escape(name)}\n(.*?)^// end snippet\n", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise Failed(f"{file} has no snippet `{name}`")
    return found.group(1)


def renewed(page: Path) -> str:
    """The page with the snippets as their sources are now."""
    return IN_PAGE.sub(lambda at: at[1] + source(at[2], at[3]) + at[5], page.read_text())


def pages() -> list:
    return [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if IN_PAGE.search(page.read_text())]


def check() -> None:
    """Raises Failed where a page shows other code than its source."""
    found = pages()
    if not found:
        raise Failed("no page shows a snippet: the check would pass whatever is written")
    stale = [str(page.relative_to(ROOT)) for page in found if renewed(page) != page.read_text()]
    if stale:
        raise Failed(f"code in {', '.join(stale)} is not what its source says (`./dev gen` writes it)")


def write() -> None:
    for page in pages():
        page.write_text(renewed(page))
