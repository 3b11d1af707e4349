"""The Rust client in `./dev clients`: lints, tests, package, and its README in an empty project."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

from scripts import tools
from scripts.shell import ROOT, TARGET, Failed, cargo

RUST = ROOT / "clients" / "rust"
BUILT = TARGET / "clients-rust"
"""Not the server's: both would take turns in building what they share with other features."""
WITHIN = 900.0
"""Seconds for one command of cargo; a first one builds everything below the client."""
FEATURES = ([], ["client"], ["axum"], ["nats"], ["conformance"])
"""Each has to compile without the others."""
VERSIONS = ("reqwest", "async-nats", "axum", "tokio", "hmac", "sha2")
"""Of these the server and its client speak of the same version."""

MANIFEST = """\
[package]
name = "empty"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
awe-client = {{ path = "{folder}", features = ["axum"] }}
axum = {{ version = "0.8", default-features = false, features = ["http1", "tokio"] }}
tokio = {{ version = "1", features = ["macros", "net", "rt-multi-thread"] }}
"""


def build(own, *words: object, cwd: Path = RUST, **more: str) -> None:
    """Runs cargo to its end. Raises Failed."""
    own.run(*cargo(*words), cwd=cwd, within=WITHIN, CARGO_TARGET_DIR=str(BUILT), **more)


def check(own) -> None:
    """Format, lints and documentation, each feature alone, unused dependencies, versions as the server's"""
    build(own, "fmt", "--check")
    build(own, "clippy", "--all-features", "--all-targets", "--", "-D", "warnings")
    for names in FEATURES:
        build(own, "clippy", "--no-default-features", "--features", ",".join(names), "--lib", "--", "-D", "warnings")
    build(own, "doc", "--all-features", "--no-deps", RUSTDOCFLAGS="-D warnings")
    own.run(tools.program(tools.SHEAR), "--color", "never", RUST)
    versions()


def versions() -> None:
    """Raises Failed where the locks of the server and of its client hold another version of what both speak."""
    server, client = (locked(folder / "Cargo.lock") for folder in (ROOT, RUST))
    other = [name for name in VERSIONS if not client.get(name, set()) & server.get(name, set())]
    if other:
        raise Failed(f"clients/rust/Cargo.lock holds another version than Cargo.lock of: {', '.join(other)}")


def locked(lock: Path) -> dict:
    """The versions of each package of a Cargo.lock."""
    found: dict = {}
    for block in lock.read_text().split("[[package]]")[1:]:
        facts = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line)
        found.setdefault(facts["name"].strip('"'), set()).add(facts["version"])
    return found


def test(own, where: dict) -> None:
    """Tests of the Rust client, with the running server"""
    build(own, "test", "--all-features", **where)


def pack(own, packed: Path) -> None:
    """Packs the crate into a folder, after a build of what is packed alone."""
    shutil.copy(ROOT / "LICENSE", RUST)  # Not committed there: a crate takes it from its own folder only.
    build(own, "package", "--allow-dirty")
    found = list((BUILT / "package").glob("awe-client-*.crate"))
    newest = max(found, key=lambda file: file.stat().st_mtime)
    shutil.copy(newest, packed)


def project(own, packed: Path, examples: dict) -> Path:
    """An empty project with the packed crate and these programs, built; returns the folder of the binaries. The tests of
    the package that need no server run too."""
    folder = packed / "rust-project"
    (folder / "src" / "bin").mkdir(parents=True)
    crate = only(packed, "awe-client-*.crate")
    with tarfile.open(crate) as archive:
        archive.extractall(folder)
    (folder / "Cargo.toml").write_text(MANIFEST.format(folder=crate.stem))
    for name, code in examples.items():
        (folder / "src" / "bin" / f"{name}.rs").write_text(code)
    shutil.copy(folder / crate.stem / "Cargo.lock", folder)  # So that the versions are those that were tested.
    own.run("cargo", "build", "--bins", cwd=folder, within=WITHIN, CARGO_TARGET_DIR=str(BUILT))
    tests = ["--all-features", "--lib", "--test", "webhooks"]
    own.run("cargo", "test", "-p", "awe-client", *tests, cwd=folder, within=WITHIN, CARGO_TARGET_DIR=str(BUILT))
    return BUILT / "debug"


def only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise Failed(f"{folder.name} holds {len(found)} files {pattern}, not one")
    return found[0]
