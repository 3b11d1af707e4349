"""The headers that tie calls and events to a trace (W3C Trace Context)."""

from __future__ import annotations

from typing import Callable, Dict, Mapping, MutableMapping, Optional

Trace = Callable[[MutableMapping[str, str]], None]
"""Writes `traceparent` (and `tracestate`) into a mapping, as `opentelemetry.propagate.inject` does. Asked for each
attempt."""

NAMES = ("traceparent", "tracestate")


def of(headers: Mapping[str, str]) -> Dict[str, str]:
    """Those of them that `headers` has."""
    return {name: headers[name] for name in NAMES if name in headers}


def written(trace: Optional[Trace]) -> Dict[str, str]:
    """What `trace` writes, and nothing else that it may write."""
    carrier: Dict[str, str] = {}
    if trace is not None:
        trace(carrier)
    return of(carrier)
