"""What `deploy/` says to Prometheus and Grafana, held against the metrics that AWE tells and against docs/operate.md."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from scripts import jaeger, tools
from scripts.shell import ROOT, Absent, Failed, run, say, stop_group

PROMETHEUS, GRAFANA = ROOT / "deploy" / "prometheus", ROOT / "deploy" / "grafana"
RUNBOOK = ROOT / "docs" / "operate.md"
METRICS = ROOT / "telemetry" / "src" / "scrape.rs"
# Series that Prometheus adds to a histogram.
PARTS = re.compile(r"_(bucket|sum|count)$")
NAMES = re.compile(r"\b((?:awe|process)_[a-z0-9_]+)\b")
# Told by every program under its own name.
OF_EVERY_PROGRAM = {"awe_http_request_seconds", "awe_telemetry_spans_total", "awe_build_info"}
# Told of every process by the library for it.
OF_THE_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"}
FETCH_WITHIN, END_WITHIN = 300.0, 10.0


def expressions() -> dict[Path, str]:
    """What each file asks of Prometheus, as one text."""
    found = {file: file.read_text() for file in (PROMETHEUS / "alerts.yaml", PROMETHEUS / "recording.yaml")}
    for file in sorted(GRAFANA.glob("*.json")):
        panels = json.loads(file.read_text())["panels"]
        found[file] = "\n".join(target["expr"] for panel in panels for target in panel["targets"])
    return found


def metrics_named() -> set[str]:
    """Every metric that a dashboard, a rule or an alert names."""
    return {PARTS.sub("", name) for text in expressions().values() for name in NAMES.findall(text)}


def check() -> None:
    """Alerts have a runbook section, dashboards and rules name metrics and records that exist."""
    known = set(re.findall(r'name: "(awe_[a-z0-9_]+)"', METRICS.read_text())) | OF_EVERY_PROGRAM | OF_THE_PROCESS
    records = set(re.findall(r"record: (awe:\S+)", (PROMETHEUS / "recording.yaml").read_text()))
    wrong = []
    for file, text in expressions().items():
        names = {PARTS.sub("", name) for name in NAMES.findall(text)}
        used = {name for name in re.findall(r"\bawe:[a-z0-9_:]+", text) if "docs/" not in name}
        wrong += [f"{file.relative_to(ROOT)} names {name}, which nobody tells" for name in sorted(names - known)]
        wrong += [f"{file.relative_to(ROOT)} names {name}, which no rule records" for name in sorted(used - records)]
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in RUNBOOK.read_text().splitlines()
        if line.startswith("#")
    }
    alerts = (PROMETHEUS / "alerts.yaml").read_text()
    named = re.findall(r"alert: (\S+)", alerts)
    sections = re.findall(r"runbook: docs/operate\.md#(\S+)", alerts)
    if len(named) != len(sections):
        wrong.append("an alert names no section of docs/operate.md")
    wrong += [f"docs/operate.md has no section {section}" for section in sections if section not in headings]
    tested = (PROMETHEUS / "alerts_test.yaml").read_text()
    for alert in named:
        for case in ("fires", "does not fire"):
            if f"name: {alert} {case}\n" not in tested:
                wrong.append(f"alerts_test.yaml has no case in which {alert} {case}")
    if wrong:
        raise Failed("\n".join(wrong))


def rules() -> None:
    """Prometheus reads the rules, and each alert fires when it should and not otherwise."""
    promtool = program("promtool")
    run([promtool, "check", "rules", PROMETHEUS / "alerts.yaml", PROMETHEUS / "recording.yaml"])
    run([promtool, "check", "config", "--syntax-only", PROMETHEUS / "scrape.yaml"])
    run([promtool, "test", "rules", PROMETHEUS / "alerts_test.yaml"])


def for_tests() -> dict[str, str]:
    """What the end-to-end tests know Prometheus by."""
    return {"AWE_PROMETHEUS": program("prometheus"), "AWE_METRICS_NAMED": " ".join(sorted(metrics_named()))}


@contextmanager
def traces(data: Path, port: int) -> Iterator[dict]:
    """Runs a page that shows traces, unless the environment names a collector; yields how AWE is told. Traces come by way
    of Jaeger where `./dev telemetry-test` has built it; else the page takes them itself."""
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        yield {}
        return
    env = {**os.environ, "PYTHONPATH": tools.otlp(), "PYTHONDONTWRITEBYTECODE": "1"}
    data.mkdir(parents=True, exist_ok=True)
    otlp = port
    commands: dict[str, list] = {"traces": [sys.executable, ROOT / "scripts" / "traces.py", str(port)]}
    if jaeger.built():
        otlp, query, grpc, health = free_ports(4)
        commands["jaeger"] = jaeger.configured(data / "jaeger.json", otlp, query, grpc, health, port)
        say(f"Jaeger keeps the traces, too, and is asked at http://127.0.0.1:{query}/api/traces?service=awe")
    say(f"traces are at http://127.0.0.1:{port}/ (what it has to say: {data / 'traces.log'})")
    url = f"http://127.0.0.1:{otlp}"
    with ExitStack() as running:
        for name, command in commands.items():
            out = running.enter_context((data / f"{name}.log").open("w"))
            child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
            running.callback(stop_group, child, signal.SIGTERM, END_WITHIN)
        yield {"AWE__TELEMETRY__OTLP_ENDPOINT": url, "AWE__TELEMETRY__SAMPLE_RATIO": "1", "OTEL_BSP_SCHEDULE_DELAY": "1000"}


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def beside(data: Path, metrics_port: int, port: int) -> Iterator[None]:
    """Runs a Prometheus with the rules of deploy/ that scrapes the AWE of `./dev up`."""
    home = data / "prometheus"
    home.mkdir(parents=True, exist_ok=True)
    scrape = (PROMETHEUS / "scrape.yaml").read_text().replace("127.0.0.1:9464", f"127.0.0.1:{metrics_port}")
    rules = [PROMETHEUS / "recording.yaml", PROMETHEUS / "alerts.yaml"]
    (home / "prometheus.yaml").write_text(f"rule_files: {json.dumps([str(file) for file in rules])}\n{scrape}")
    try:
        command = [program("prometheus"), f"--config.file={home / 'prometheus.yaml'}"]
    except Absent as why:
        raise Failed(f"--telemetry: {why}") from None
    command += [f"--storage.tsdb.path={home / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with (home / "log").open("w") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    say(f"Prometheus is at http://127.0.0.1:{port}/ (its log: {home / 'log'}); the alerts are at /alerts")
    try:
        yield
    finally:
        stop_group(child, signal.SIGTERM, END_WITHIN)


def program(name: str) -> str:
    """`prometheus` or `promtool`: from PATH, else from Debian's package, unpacked into .dev/tools."""
    found = shutil.which(name)
    if found:
        return found
    home = tools.TOOLS / "prometheus-debian"
    if not home.is_dir():
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            raise Absent("promtool is not on PATH (install Prometheus 2.40 or newer)")
        with tools.arriving(home) as new:
            new.mkdir()
            _unpack(new)
    return str(home / "usr" / "bin" / name)


def _unpack(new: Path) -> None:
    for command in (["apt-get", "download", "prometheus"], ["dpkg", "-x", "*", "."]):
        words = [str(next(new.glob("*.deb"))) if word == "*" else word for word in command]
        done = subprocess.run(words, cwd=new, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_WITHIN)
        if done.returncode != 0:
            say(done.stderr.strip())
            raise Absent("Debian's package of Prometheus cannot be fetched (words above); install promtool instead")
