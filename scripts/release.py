"""`./dev release X.Y.Z`: versions, changelog, a commit and a tag, and everything that a release consists of in `dist/`.

Nothing is published. What this machine cannot make is named, and the rest is made all the same.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Callable

from scripts import clients, engine, helm, surfaces, ui
from scripts.shell import DEV, ROOT, Absent, Failed, cargo, cargo_env, run, say
from scripts.trees import git

DIST = ROOT / "dist"
CHANGELOG = ROOT / "CHANGELOG.md"
SCHEMAS = ROOT / "schemas"
CONTRACTS = ("openapi.json", "asyncapi.yaml", "registry-openapi.json", "data-custodian-openapi.json")
TRIPLE = "x86_64-unknown-linux-gnu"
PROGRAMS = ("awe", "awe-registry", "awe-data-custodian")
CYCLONEDX = "0.5.7"
VERSIONED = {
    "Cargo.toml": r'^version = "{}"$',
    "clients/rust/Cargo.toml": r'^version = "{}"$',
    "clients/python/src/awe_client/__init__.py": r'^__version__ = "{}"$',
    "clients/typescript/package.json": r'^  "version": "{}",$',
    "clients/typescript/package-lock.json": r'(?:"name": "@awe/client",\s+)"version": "{}"',
    "ui/apps/admin/package.json": r'^  "version": "{}",$',
    "ui/apps/registry/package.json": r'^  "version": "{}",$',
    "ui/kit/package.json": r'^  "version": "{}",$',
    "ui/package-lock.json": r'(?:"name": "@awe/(?:admin|registry-portal|kit)",\s+)"version": "{}"',
    "deploy/helm/awe/Chart.yaml": r"^(?:version|appVersion): {}$",
    "deploy/docker/Dockerfile": r"^ARG VERSION={}$|openg2p/awe:{}",
    "deploy/docker/Dockerfile.ui": r"^ARG VERSION={}$|openg2p/awe-ui:{}",
    "compose.yaml": r"AWE_VERSION:-{}",
    "schemas/registry-openapi.json": r'^    "version": "{}"',
}
"""Where the version stands, and how; every match is changed, and each file has at least one."""
BUILD_WITHIN = 3_600.0
WORDS = ("--locked", "--target", TRIPLE, "-p", "awe", "-p", "registry", "-p", "data-custodian", "--bins")
"""What cargo builds for a release."""


def current() -> str:
    found = re.search(r'^version = "([^"]+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    if found is None:
        raise Failed("Cargo.toml names no version of the workspace")
    return found[1]


def numbers(version: str) -> tuple:
    if not re.fullmatch(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)", version):
        raise Failed(f"{version} is no version: three numbers, as in 1.2.0", 2)
    return tuple(map(int, version.split(".")))


def is_prepared(version: str) -> bool:
    """Whether an earlier run got as far as the commit. Raises Failed where no release can be made."""
    if git("status", "--porcelain"):
        raise Failed("the working tree has changes: commit them first, a release is what is committed")
    if git("tag", "--list", f"v{version}"):
        raise Failed(f"v{version} is tagged already")
    if git("log", "-1", "--format=%s") == f"release {version}":
        return True
    if numbers(version) < numbers(current()) or (numbers(version) == numbers(current()) and git("tag", "--list", "v*")):
        raise Failed(f"{version} is not newer than {current()}")
    return False


def write_changelog(version: str) -> None:
    text = CHANGELOG.read_text()
    head, mark, rest = text.partition("\n## Unreleased\n")
    if not mark or not rest.split("\n## ")[0].strip():
        raise Failed("CHANGELOG.md has nothing under `## Unreleased`: a release says what is new")
    today = datetime.datetime.now(datetime.timezone.utc).date()
    CHANGELOG.write_text(f"{head}{mark}\n## {version} ({today})\n{rest}")


def section(version: str) -> str:
    """What the changelog says of this version."""
    found = re.search(rf"^## {re.escape(version)} .*?$(.*?)(?=^## |\Z)", CHANGELOG.read_text(), re.MULTILINE | re.DOTALL)
    if found is None:
        raise Failed(f"CHANGELOG.md has no section {version}")
    return found[1].strip() + "\n"


def write_versions(old: str, new: str) -> None:
    for name, shape in VERSIONED.items():
        file = ROOT / name
        pattern = re.compile(shape.replace("{}", re.escape(old)), re.MULTILINE)
        text, count = pattern.subn(lambda found: found[0].replace(old, new), file.read_text())
        if not count:
            raise Failed(f"{name} does not name version {old} where it should")
        file.write_text(text)
    for folder in (ROOT, ROOT / "clients" / "rust"):
        # The lock files name the packages of their workspace; no dependency moves.
        run(["cargo", "update", "--quiet", "--offline", "--workspace", "--manifest-path", folder / "Cargo.toml"], cargo_env())


def prepare(version: str) -> None:
    """Versions, changelog, the contract that later changes are compared with; committed."""
    write_changelog(version)
    if version != current():
        write_versions(current(), version)
    for name in ("openapi.json", "asyncapi.yaml"):
        shutil.copy(SCHEMAS / name, SCHEMAS / "released" / name)
    surfaces.write()
    helm.write()
    git("add", "--all")
    git("commit", "--quiet", "--message", f"release {version}")


def static_env(tree: Path, target: Path) -> dict:
    """The environment in which a checkout is built so that the bytes do not depend on where it lies."""
    cargo_home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    # The last that fits wins: what is built lies below the checkout.
    places = {cargo_home: "cargo", tree: ".", target: "target"}
    flags = ["-C target-feature=+crt-static", *(f"--remap-path-prefix={place}={name}" for place, name in places.items())]
    c_flags = " ".join(f"-ffile-prefix-map={place}={name}" for place, name in places.items())
    return cargo_env(
        RUSTFLAGS=" ".join(flags),
        CFLAGS=f"{os.environ.get('CFLAGS', '')} {c_flags}".strip(),
        SOURCE_DATE_EPOCH=git("log", "-1", "--format=%ct"),
        AWE_GIT_COMMIT=git("rev-parse", "HEAD"),
        AWE_REQUIRE_UI="1",
        CARGO_INCREMENTAL="0",
    )


def build(given: str | None) -> Path:
    """The folder with the static programs."""
    if given:
        return Path(given)
    if ui.is_stale():
        ui.build(ui.Tools())
    say("building the programs (release, static)")
    target = DEV / "static"
    run(cargo("build", "--release", "--target-dir", target, *WORDS), static_env(ROOT, target))
    return target / TRIPLE / "release"


def programs(version: str, given: str | None) -> None:
    """the programs, each as a file and all in one archive"""
    folder = build(given)
    for name in PROGRAMS:
        shutil.copy2(folder / name, DIST / name)
    epoch = int(git("log", "-1", "--format=%ct"))

    def anybody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime = epoch
        return entry

    place = DIST / f"awe-{version}-{TRIPLE}.tar.gz"
    with place.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=epoch) as packed:
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name in (*PROGRAMS, "LICENSE"):
                archive.add(DIST / name if name in PROGRAMS else ROOT / name, f"awe-{version}/{name}", filter=anybody)


def pages(_version: str) -> None:
    """the UI as files"""
    if ui.is_stale():
        ui.build(ui.Tools())
    shutil.copytree(ui.UI / "apps" / "admin" / "dist", DIST / "ui")


def chart(_version: str) -> None:
    """the chart as a package"""
    done = helm.ran([helm.program("helm"), "package", helm.CHART, "--destination", DIST])
    if done.returncode != 0:
        raise Failed(helm.words_of(done))


def packages(_version: str) -> None:
    """the client libraries, packed"""
    clients.pack(clients.Tools())
    for file in clients.PACKED.iterdir():
        if file.name.endswith((".whl", ".tar.gz", ".tgz", ".crate")):
            shutil.copy(file, DIST)


def contracts(_version: str) -> None:
    """OpenAPI and AsyncAPI"""
    for name in CONTRACTS:
        shutil.copy(SCHEMAS / name, DIST)


def bill(version: str) -> None:
    """the bill of materials of each program (CycloneDX)"""
    place = DEV / "tools" / f"cargo-cyclonedx-{CYCLONEDX}"
    program = place / "bin" / "cargo-cyclonedx"
    if not program.is_file():
        words = ["cargo", "install", "cargo-cyclonedx", "--version", CYCLONEDX, "--locked", "--root", place]
        done = subprocess.run([str(word) for word in words], cwd=DEV, stdin=subprocess.DEVNULL, timeout=BUILD_WITHIN)
        if done.returncode != 0:
            raise Absent(f"cargo-cyclonedx {CYCLONEDX} could not be built")
    words = [program, "cyclonedx", "--format", "json", "--spec-version", "1.5", "--override-filename", "bom.cdx"]
    run([*words, "--manifest-path", ROOT / "Cargo.toml"], cargo_env())
    wanted = {"awe": "awe", "registry": "awe-registry", "data-custodian": "awe-data-custodian"}
    for made in ROOT.glob("**/bom.cdx.json"):
        name = wanted.get(made.parent.name)
        if name:
            # Packages of the workspace are told by their path: that of this checkout concerns nobody.
            (DIST / f"{name}-{version}.cdx.json").write_text(made.read_text().replace(str(ROOT), "."))
        made.unlink()


def told_bill(file: Path) -> str:
    """What an image says of its bill of materials: which file of the release it is, and its hash."""
    return f"{file.name} sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" if file.is_file() else "none"


def images(version: str) -> None:
    """the images as archives for `docker load`"""
    with engine.engine() as on:
        if engine.base_images(on, engine.final_stages(), stand_ins=False):
            raise Absent("the base images here are stand-ins")
        label = ["--build-arg", f"VERSION={version}", "--build-arg", f"REVISION={git('rev-parse', 'HEAD')}"]
        for name in PROGRAMS:
            target = f"prebuilt-{name.removeprefix('awe-')}"
            bill_of = ["--build-arg", f"SBOM={told_bill(DIST / f'{name}-{version}.cdx.json')}"]
            on.docker("build", "-q", "-f", "deploy/docker/Dockerfile", "--target", target, *label, *bill_of, "-t", f"openg2p/{name}:{version}", ".")
            on.docker("save", "-o", DIST / f"{name}-{version}.image.tar", f"openg2p/{name}:{version}")
        on.docker("build", "-q", "-f", "deploy/docker/Dockerfile.ui", "--target", "prebuilt", *label, "-t", f"openg2p/awe-ui:{version}", ".")
        on.docker("save", "-o", DIST / f"awe-ui-{version}.image.tar", f"openg2p/awe-ui:{version}")


def checksums() -> None:
    files = sorted(file for file in DIST.rglob("*") if file.is_file())
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(DIST)}\n" for file in files]
    (DIST / "SHA256SUMS").write_text("".join(lines))


def main(words: list) -> None:
    parser = argparse.ArgumentParser(prog="./dev release", description=__doc__)
    parser.add_argument("version", metavar="X.Y.Z")
    parser.add_argument("--programs", metavar="FOLDER", help="static programs of this commit that are built already")
    options = parser.parse_args(words)
    version = options.version
    numbers(version)
    if options.programs and not all((Path(options.programs) / name).is_file() for name in PROGRAMS):
        raise Failed(f"{options.programs} lacks one of {', '.join(PROGRAMS)}", 2)
    if options.programs and Path(options.programs).resolve().is_relative_to(DIST.resolve()):
        raise Failed(f"{options.programs} is what a release makes anew: put the programs elsewhere", 2)
    if not is_prepared(version):
        say(f"preparing {version}")
        try:
            prepare(version)
        except BaseException:
            # The tree was clean before, so everything that differs is ours.
            git("reset", "--quiet", "--hard")
            raise
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    parts: dict[str, Callable[[], None]] = {
        "programs": lambda: programs(version, options.programs),
        **{one.__name__: (lambda one=one: one(version)) for one in (pages, chart, packages, contracts, bill, images)},
    }
    made, left = [], []
    for name, make in parts.items():
        say(f"{name}: {globals()[name].__doc__}")
        try:
            make()
            made.append(name)
        except Absent as why:
            left.append(f"{name} ({why})")
    (DIST / "CHANGES.md").write_text(section(version))
    checksums()
    git("tag", "--annotate", f"v{version}", "--message", f"AWE {version}")
    say(f"v{version} is tagged here and in dist/: {', '.join(made)}")
    for one in left:
        print(f"    not made: {one}")
    print("    nothing is published. `git push --follow-tags` and uploading dist/ is yours to do.")
