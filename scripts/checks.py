"""`./dev check` and `./dev gen`: the checks that must pass before a change lands, and the generated files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import breaking, circles, helm, links, servers, snippets, surfaces, telemetry, terraform, tools
from scripts.clients_rust import RUST
from scripts.shell import DEV, ROOT, TARGET, Absent, Failed, call, cargo, cargo_env, run, say

SOURCES = {".rs", ".py", ".sql", ".sh", ".js", ".ts", ".tsx"}
MOST_LINES = 500
# Folders with code of others that is shipped unchanged, or with code that is generated.
OTHERS = {"assets", "vendor", "generated", "_generated"}
CONTRACT = ROOT.parent / "shared" / "contract" / "check.py"
SQLX = ROOT / ".sqlx"
METADATA_UNREADABLE = "Metadata error"
ADVISORIES_UNREACHABLE = "failed to fetch advisory database"


class Skipped(Exception):
    """A check cannot run here; says why."""


def source_files() -> list:
    """Every file of ours that people edit: those that git tracks or would; without git, all outside of build
    folders."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        files = [ROOT / line for line in listed.splitlines()]
    except (OSError, subprocess.CalledProcessError):
        files = [f for f in ROOT.rglob("*") if not {"target", ".dev", ".git"} & set(f.relative_to(ROOT).parts)]
    scripts = (ROOT / "dev", ROOT / ".ci" / "run")
    files = [f for f in files if f.is_file() and (f.suffix in SOURCES or f in scripts)]
    return [f for f in files if not OTHERS & set(f.relative_to(ROOT).parts)]


def lines() -> None:
    """No source file has more than MOST_LINES lines."""
    long = []
    for file in source_files():
        count = len(file.read_bytes().splitlines())
        if count > MOST_LINES:
            long.append(f"{file.relative_to(ROOT)}: {count} lines, at most {MOST_LINES}")
    if long:
        raise Failed("\n".join(long))


def fmt() -> None:
    run(cargo("fmt", "--all", "--check"))


def clippy() -> None:
    run(cargo("clippy", "--workspace", "--all-targets", "--", "-D", "warnings"), cargo_env())


def doc() -> None:
    env = cargo_env(RUSTDOCFLAGS="-D warnings")
    run(cargo("doc", "--workspace", "--no-deps", "--document-private-items"), env)


def deny() -> None:
    """Licences, sources and users of dependencies; known vulnerabilities, if their list can be fetched."""
    if shutil.which("cargo-deny") is None:
        raise Skipped("cargo-deny is not installed (`cargo install cargo-deny --locked`)")
    run(["cargo", "deny", "check", "bans", "licenses", "sources"])
    # The Rust client is no room of the server: who may use what is not said of it.
    run(["cargo", "deny", "--manifest-path", RUST / "Cargo.toml", "--all-features", "check", "licenses", "sources"])
    found = subprocess.run(
        ["cargo", "deny", "check", "advisories"], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if found.returncode != 0 and ADVISORIES_UNREACHABLE in found.stderr:
        raise Skipped("the database of advisories cannot be fetched from here; the rest passed")
    elif found.returncode != 0:
        raise Failed(found.stderr + found.stdout)


def fetched(name: str) -> Path | None:
    """The path of a program that a check needs; the check is skipped if it cannot be fetched."""
    try:
        return tools.program(name)
    except Failed:
        raise Skipped(f"{name} cannot be fetched from here") from None


def typos() -> None:
    """Spelling in code, comments, documents and file names."""
    program = fetched(tools.TYPOS)
    if call([program, "--config", ROOT / "_typos.toml"]) != 0:
        raise Failed(
            "The words above are not spelled right. Mend them where they stand. A word that is right, or wrong on "
            "purpose, goes into _typos.toml with the reason."
        )


def shell_scripts() -> None:
    """What ShellCheck says of each script."""
    scripts = [ROOT / ".ci" / "run", *sorted((ROOT / "deploy").rglob("*.sh"))]
    run([fetched(tools.SHELLCHECK), "--severity=warning", *scripts])


def dockerfiles() -> None:
    """What hadolint says of each Dockerfile."""
    run([fetched(tools.HADOLINT), *sorted((ROOT / "deploy" / "docker").rglob("Dockerfile*"))])


def unused() -> None:
    """No crate names a dependency that its code does not use."""
    program = fetched(tools.SHEAR)
    found = subprocess.run(
        [program, "--color", "never", ROOT], cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    said = found.stdout + found.stderr
    if found.returncode != 0 and METADATA_UNREADABLE in said:
        raise Skipped(f"cargo cannot tell of all dependencies, those for other systems too: {said.splitlines()[0]}")
    elif found.returncode != 0:
        raise Failed(
            f"{said}\nRemove the line from that Cargo.toml, and from [workspace.dependencies] when nobody is left. One that "
            "only a macro's output uses goes under [package.metadata.cargo-shear] `ignored`, with the reason."
        )


def page_links() -> None:
    """Links in pages lead to existing files and headings."""
    faults = links.find()
    if faults:
        faults.append("Correct the page: the file was moved or renamed, the heading has other words, or it never was there.")
        raise Failed("\n".join(faults))


def import_circles() -> None:
    """Imports between the files of a crate form no circle. The tests of this check run first."""
    run([sys.executable, "-m", "unittest", "-q", "scripts.test_circles"])
    found = circles.find(ROOT)
    if found:
        raise Failed("\n\n".join([*found, circles.ADVICE]))


GENERATED = ("-p", "schemas", "-p", "registry", "--test", "generated")
"""What cargo test is given to compare the contracts with the code, or to write them."""
CUSTODIAN_CONTRACT = ("test", "-p", "data-custodian", "--test", "http", "contract::")


def schemas() -> None:
    run(cargo("test", *GENERATED), cargo_env())
    run(cargo(*CUSTODIAN_CONTRACT), cargo_env())


def contract() -> None:
    """Checks the API against the contract, if that lies beside this checkout."""
    if not CONTRACT.is_file():
        raise Skipped("no contract lies beside this checkout")
    run([sys.executable, CONTRACT, ROOT / "schemas" / "openapi.json"])


def nothing_broken() -> None:
    """Nothing that callers rely on has gone since the last release. The tests of this check run first."""
    run([sys.executable, "-m", "unittest", "-q", "scripts.test_breaking"])
    found = breaking.compare(ROOT / "schemas" / "released" / "openapi.json", ROOT / "schemas" / "openapi.json")
    if found:
        advice = "Callers would break. Keep what they use beside the new, or release a new version of the API."
        raise Failed("\n".join([*found, advice]))


def uses_macros() -> bool:
    macro = re.compile(r"\bquery(_as|_scalar|_file\w*)?(_unchecked)?!\s*[(\[{]")
    return any(macro.search(file.read_text()) for file in (ROOT / "store").rglob("*.rs"))


def prepare_queries(name: str) -> Path:
    """Describes the store's queries, with a freshly migrated database, in a folder beside `.sqlx`."""
    new = DEV / "sqlx"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    programs = tools.servers(own=True)
    if not (TARGET / "debug" / "awe").is_file():
        run(cargo("build", "-p", "awe", "--bin", "awe"), cargo_env())
    with servers.services(name, programs, own=True) as found:
        url = found["DATABASE_URL"]
        # `awe migrate` cannot be used: it cannot be built while its queries are not described.
        psql = shutil.which("psql", path=programs.get("AWE_POSTGRES_BIN")) or "psql"
        for file in sorted((ROOT / "migrations").glob("*.sql")):
            run([psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", file])
        for file in [ROOT / "store" / "src" / "lib.rs", *(ROOT / "store" / "tests").glob("*.rs")]:
            os.utime(file)  # the macros query the database only when they are expanded again
        env = {**cargo_env(DATABASE_URL=url), "SQLX_OFFLINE": "false", "SQLX_OFFLINE_DIR": str(new)}
        run(cargo("check", "-p", "store", "--all-targets"), env)
    return new


def queries_in(folder: Path) -> dict:
    return {file.name: json.loads(file.read_text()) for file in folder.glob("query-*.json")}


def sqlx() -> None:
    """`.sqlx` describes each query as the migrated database does."""
    if not uses_macros() and not SQLX.exists():
        print("    nothing to compare: store uses no checked query macros")
        return
    have, want = queries_in(SQLX), queries_in(prepare_queries("check"))
    if have == want:
        return
    stale = [name for name in sorted(have.keys() | want.keys()) if have.get(name) != want.get(name)]
    raise Failed(f"stale or missing in .sqlx (`./dev gen` writes them): {', '.join(stale)}")


def told() -> None:
    telemetry.check()
    try:
        telemetry.rules()
    except Absent as why:
        raise Skipped(f"the rules themselves: {why}") from None


def chart() -> None:
    """The Helm chart, without a cluster."""
    try:
        helm.check()
    except Absent as why:
        raise Skipped(str(why)) from None


def module() -> None:
    """The Terraform module, and that the check of it finds what it should."""
    for name in tools.HCL:
        try:
            tools.fetch(name)
        except Failed:
            raise Skipped(f"{name} cannot be fetched from here") from None
    run([sys.executable, "-m", "unittest", "-q", "scripts.test_terraform"])
    terraform.check()


def teardown() -> None:
    """deploy/teardown.sh with stand-ins."""
    if not shutil.which("jq"):
        raise Skipped("jq is not installed, and the script needs it")
    run([sys.executable, "-m", "unittest", "-q", "scripts.test_teardown"])


def releasable() -> None:
    run([sys.executable, "-m", "unittest", "-q", "scripts.test_release"])


STEPS = {
    "lines": ("no source file over 500 lines", lines),
    "links": ("pages lead to files and headings that are there", page_links),
    "snippets": ("code in pages is what its source says", snippets.check),
    "circles": ("no circle of imports between the files of a crate", import_circles),
    "typos": ("spelling", typos),
    "unused": ("no dependency that is not used", unused),
    "fmt": ("formatting", fmt),
    "clippy": ("lints", clippy),
    "doc": ("documentation builds without a warning", doc),
    "deny": ("dependencies: licences, sources, who may use what", deny),
    "schemas": ("the contracts in schemas/ are what the code says", schemas),
    "sqlx": (".sqlx is what the migrations say", sqlx),
    "telemetry": ("dashboards, rules and alerts name what is told, and alerts fire when they should", told),
    "helm": ("the chart renders to its golden files, fits Kubernetes and refuses what is dangerous", chart),
    "surfaces": ("every setting reaches compose, the chart and Terraform", surfaces.check),
    "terraform": ("the Terraform module parses, is formatted and names only what it has", module),
    "shell": ("shell scripts have none of the faults that ShellCheck knows", shell_scripts),
    "images": ("Dockerfiles have none of the faults that hadolint knows", dockerfiles),
    "teardown": ("deploy/teardown.sh removes what it should and nothing else", teardown),
    "release": ("a release finds every place that names the version", releasable),
    "contract": ("openapi.json keeps the wire contract", contract),
    "breaking": ("openapi.json keeps what the last release had", nothing_broken),
}


def check(names: list) -> None:
    """Runs the named steps, or all of them, and goes on after a failure."""
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise Failed(f"no such check: {', '.join(unknown)} (there are: {', '.join(STEPS)})", 2)
    failed, skipped = [], []
    for name in names or STEPS:
        what, step = STEPS[name]
        say(f"check {name}: {what}")
        try:
            step()
        except Skipped as why:
            print(f"    did not run: {why}", flush=True)
            skipped.append(name)
        except Failed as failure:
            print(failure, file=sys.stderr, flush=True)
            failed.append(name)
    if failed:
        raise Failed(f"failed: {', '.join(failed)} (`./dev check {failed[0]}` runs one alone)")
    say(f"all checks passed but for {', '.join(skipped)}, which did not run" if skipped else "all checks passed")


def gen_deploy() -> None:
    """Writes .env.example and the chart's golden files anew."""
    surfaces.write()
    try:
        helm.write()
    except Absent as why:
        raise Failed(str(why)) from None


def gen() -> None:
    """Writes every generated file."""
    say("generating the contracts in schemas/")
    run(cargo("test", *GENERATED), cargo_env(AWE_REGENERATE=1))
    run(cargo(*CUSTODIAN_CONTRACT), cargo_env(AWE_REGENERATE=1))
    say("copying snippets into pages")
    snippets.write()
    if not uses_macros():
        print("    no .sqlx: store uses no checked query macros")
        return
    say("describing store's queries in .sqlx")
    new = prepare_queries("check")
    shutil.rmtree(SQLX, ignore_errors=True)
    shutil.copytree(new, SQLX)
    call(["git", "status", "--short", "--", ".sqlx", "schemas", "docs"])
