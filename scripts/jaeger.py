"""Jaeger, which is an OpenTelemetry collector with a trace store behind it. Go builds it once.

Its module carries no pages, only the API that they ask: people look at traces with `scripts/traces.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

from scripts import golang
from scripts.shell import say

# The module of version 1.76.0 holds, as its command `jaeger`, Jaeger 2.
VERSION = "1.76.0"
MODULE = "github.com/jaegertracing/jaeger"
PROGRAM = golang.HOME / f"jaeger-{VERSION}"


def built() -> Path | None:
    """The program, if an earlier run has built it."""
    return PROGRAM if PROGRAM.is_file() else None


def program() -> Path:
    """The program, built if need be. Raises Absent."""
    if not PROGRAM.is_file():
        say(f"building Jaeger {VERSION} (once, some ten minutes on two cores)")
        with golang.module(PROGRAM) as folder:
            golang.go("get", "-tool", f"{MODULE}/cmd/jaeger@v{VERSION}", cwd=folder)
            golang.go("build", "-trimpath", "-ldflags=-s -w", "-o", PROGRAM.name, f"{MODULE}/cmd/jaeger", cwd=folder)
    return PROGRAM


def configured(file: Path, otlp: int, query: int, grpc: int, health: int, page: int | None = None) -> list[str]:
    """Writes a configuration that takes OTLP over HTTP, keeps traces in memory and hands them on to the page on port
    `page`, if there is one; returns the words to start it with. `query` is the port that is asked for traces."""
    at = "127.0.0.1:{}".format
    exporters: dict = {"jaeger_storage_exporter": {"trace_storage": "memory"}}
    if page is not None:
        exporters["otlphttp"] = {"endpoint": f"http://{at(page)}", "compression": "none"}
    pipeline = {"receivers": ["otlp"], "processors": ["batch"], "exporters": list(exporters)}
    told = {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {"traces": pipeline},
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "warn"}},
        },
        "extensions": {
            "healthcheckv2": {"use_v2": True, "http": {"endpoint": at(health)}},
            "jaeger_query": {"storage": {"traces": "memory"}, "http": {"endpoint": at(query)}, "grpc": {"endpoint": at(grpc)}},
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 10_000}}}},
        },
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": at(otlp)}}}},
        "processors": {"batch": {"timeout": "100ms"}},
        "exporters": exporters,
    }
    # JSON is YAML.
    file.write_text(json.dumps(told, indent=2))
    return [str(PROGRAM), "--config", str(file)]
