"""Finds circles of imports between the files of a crate; in a circle there is no file that can be read first.

The graph of each crate has one node for each product file. A file uses another one if it names something that is
defined there: in a `use`, or in a path such as `super::Name` or `child::function()`. A name that goes through a
re-export or through an import of the parent counts for the file that defines it; an imported module counts where a path
begins with it. Parent and child are files like any other. Not counted are `mod child;` itself, `pub use` (the
re-exporting file only passes the name on), and everything under `#[cfg(test)]`.

The check reads text and not types: it does not see what a macro generates, or a method of a type whose path is never
written.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

# Each alternative matches something in which braces and names mean nothing; longer ones come first.
OPAQUE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#+)".*?"(?P=hashes)|b?r"[^"]*"|b?"(?:\\.|[^"\\])*"|b?'(?:\\[^\n]{1,9}?|[^'\\\n])'""",
    re.DOTALL | re.VERBOSE,
)
TEST_ONLY = re.compile(r"#\[cfg\(test\)\]|#\[cfg\(all\(test\b[^\]]*\]")
ATTRIBUTE = re.compile(r"\s*#\[[^\]]*\]")
MODULE = re.compile(r"\b(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*([;{])")
USE = re.compile(r"(?:\b(pub(?:\([^)]*\))?)\s+)?\buse\s+([^;]+);")
PATH = re.compile(r"(?<![\w:])(\w+)((?:\s*::\s*\w+)+)")

ADVICE = """A circle is untied by moving what both sides need into a file that uses neither, by handing it over as an argument,
or by moving the one function that reaches back to where it is called. The line with the fewest names is often the
one to remove. `./dev check circles` looks again."""


@dataclass
class Module:
    """A module of a crate: its file, its text, and what each imported name stands for."""

    path: tuple
    file: Path
    text: str = ""
    children: dict = field(default_factory=dict)
    names: dict = field(default_factory=dict)
    """What each imported name stands for: the segments after `use`."""
    globs: list = field(default_factory=list)


def closing(text: str, start: int) -> int:
    """The index after the brace that closes the one at `start`."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at + 1
    return len(text)


def without_tests(text: str) -> str:
    """The product part of a source: without comments, string literals and everything under `#[cfg(test)]`."""
    text = OPAQUE.sub('""', text)
    while found := TEST_ONLY.search(text):
        end = found.end()
        while attribute := ATTRIBUTE.match(text, end):
            end = attribute.end()
        # The item under the attribute ends with its block or with a semicolon, whichever begins first; a `use` may hold
        # braces before its semicolon.
        block, semicolon = text.find("{", end), text.find(";", end)
        is_import = re.match(r"\s*(?:pub(?:\([^)]*\))?\s+)?use\b", text[end:])
        if is_import or block < 0 or 0 <= semicolon < block:
            after = semicolon + 1 if semicolon >= 0 else len(text)
        else:
            after = closing(text, block)
        text = text[: found.start()] + text[after:]
    return text


def imports(tree: str, before: tuple = ()) -> list:
    """(segments, name) of each leaf of a `use` tree; the name of a glob is `*`."""
    tree = tree.strip()
    if tree.startswith("{"):
        parts, depth, start = [], 0, 1
        for at, char in enumerate(tree):
            depth += {"{": 1, "}": -1}.get(char, 0)
            if depth == (1 if char == "," else 0) and char in ",}":
                parts.append(tree[start:at])
                start = at + 1
        return [leaf for part in parts if part.strip() for leaf in imports(part, before)]
    head, separator, rest = tree.partition("::")
    if separator and re.fullmatch(r"\s*\w*\s*", head):
        return imports(rest, (*before, head.strip()) if head.strip() else before)
    target, _, alias = tree.partition(" as ")
    target = target.strip()
    if target == "*":
        return [(before, "*")]
    segments = before if target == "self" else (*before, target)
    return [(segments, alias.strip() or segments[-1])] if segments else []


class Crate:
    """The modules of one crate, and which of them uses which."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.modules: dict = {}
        self.edges: dict = {}
        self._add((), root, without_tests(root.read_text()))
        for module in list(self.modules.values()):
            self._bind(module)
        for module in self.modules.values():
            self._connect(module)

    def _add(self, path: tuple, file: Path, text: str) -> Module:
        module = self.modules[path] = Module(path, file)
        kept, at = [], 0
        while found := MODULE.search(text, at):
            name, inline = found.group(1), found.group(2) == "{"
            kept.append(text[at : found.start()])
            at = closing(text, found.end() - 1) if inline else found.end()
            if inline:
                module.children[name] = self._add((*path, name), file, text[found.end() : at - 1])
            elif child := self._file_of(file, path, name):
                module.children[name] = self._add((*path, name), child, without_tests(child.read_text()))
        module.text = "".join(kept) + text[at:]
        return module

    def _file_of(self, file: Path, path: tuple, name: str) -> Path | None:
        is_root = file == self.root or file.name == "mod.rs"
        folder = file.parent if is_root else file.with_suffix("")
        for candidate in (folder / f"{name}.rs", folder / name / "mod.rs"):
            if candidate.is_file():
                return candidate
        return None

    def _bind(self, module: Module) -> None:
        for visibility, tree in USE.findall(module.text):
            for segments, name in imports(tree):
                if name == "*":
                    module.globs.append(segments)
                elif name != "_":
                    module.names[name] = segments

    def resolve(self, module: Module, segments: tuple, seen: frozenset = frozenset()) -> tuple | None:
        """The module that these segments lead to from `module`, and the item of it that they name (None for the module
        itself); None for something of another crate."""
        if (module.path, segments) in seen or not segments:
            return None
        seen = seen | {(module.path, segments)}
        here, rest = self._start(module, segments)
        while rest:
            head, *tail = rest
            if head in here.children:
                here, rest = here.children[head], tail
                continue
            bound = here.names.get(head)
            if bound and bound != (head,):
                if bound[0] == head and head not in here.children:
                    return None  # as in `use time::time`: a name of another crate
                return self.resolve(here, (*bound, *tail), seen)
            for glob in here.globs:
                found = self.resolve(here, glob, seen)
                source = found[0] if found else here
                if source is not here and (head in {**source.children, **source.names} or defines(source, head)):
                    return self.resolve(source, ("self", *rest), seen)
            is_relative = here is module and segments[0] not in ("crate", "self", "super")
            return None if is_relative and not defines(here, head) else (here, head)
        return here, None

    def _start(self, module: Module, segments: tuple) -> tuple:
        here, rest = module, list(segments)
        if rest[0] == "crate":
            return self.modules[()], rest[1:]
        while rest and rest[0] in ("self", "super"):
            if rest.pop(0) == "super":
                here = self.modules[here.path[:-1]]
        return here, rest

    def _connect(self, module: Module) -> None:
        for visibility, tree in USE.findall(module.text):
            if visibility:
                continue  # a re-export only passes a name on
            for segments, name in imports(tree):
                self._use(module, segments)
        for head, rest in PATH.findall(USE.sub("", module.text)):
            if head in ("crate", "super", "self") or head in module.children or head in module.names:
                self._use(module, (head, *re.findall(r"\w+", rest)))

    def _use(self, module: Module, segments: tuple) -> None:
        target, item = self.resolve(module, segments) or (module, None)
        # The import of a module does not count here: it counts where a path begins with it, and the path names the
        # item.
        if item and target.file != module.file:
            self.edges.setdefault((module.file, target.file), set()).add(item)


def defines(module: Module, name: str) -> bool:
    kinds = r"(?:struct|enum|union|trait|type|fn|const|static|macro_rules!)"
    return re.search(rf"\b{kinds}\s+(?:mut\s+)?{re.escape(name)}\b", module.text) is not None


def circles(edges: dict) -> list:
    """The strongly connected components of more than one file, largest first."""
    after: dict = {}
    for start, end in edges:
        after.setdefault(start, set()).add(end)

    def reach(start: Path) -> set:
        seen, waiting = set(), [start]
        while waiting:
            for file in after.get(waiting.pop(), ()):
                if file not in seen:
                    seen.add(file)
                    waiting.append(file)
        return seen

    reached = {file: reach(file) for file in after}
    found = {
        frozenset(other for other in files if file in reached.get(other, ())) for file, files in reached.items() if file in files
    }
    return sorted(found, key=lambda circle: (-len(circle), sorted(circle)))


def told(circle: frozenset, edges: dict, base: Path) -> str:
    """Describes a circle, with the names that tie its files together."""
    lines = [f"circle of {len(circle)} files under {base.name}/:"]
    inside = {edge: names for edge, names in edges.items() if set(edge) <= circle}
    for (start, end), names in sorted(inside.items()):
        lines.append(f"  {start.relative_to(base)} uses {end.relative_to(base)}: {', '.join(sorted(names))}")
    return "\n".join(lines)


def crates(root: Path) -> list:
    """The root file of each workspace member: of its library, or of its program if it has none."""
    found = [*root.glob("*/src/lib.rs"), *root.glob("*/*/src/lib.rs")]
    return sorted(lib for lib in found if (lib.parent.parent / "Cargo.toml").is_file())


def find(root: Path) -> list:
    """Describes every circle of the workspace at `root`."""
    texts = []
    for lib in crates(root):
        edges = Crate(lib).edges
        texts += [told(circle, edges, lib.parent.parent) for circle in circles(edges)]
    return texts


def main() -> int:
    texts = find(Path(__file__).resolve().parent.parent)
    if texts:
        print("\n\n".join([*texts, ADVICE]))
    return 1 if texts else 0


if __name__ == "__main__":
    sys.exit(main())
