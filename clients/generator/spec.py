"""Reads the contract: operations, the words of events, and which errors may be tried again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT / "schemas" / "openapi.json"
ASYNCAPI = ROOT / "schemas" / "asyncapi.yaml"
ERRORS = ROOT / "docs" / "errors.md"
CONFORMANCE = ROOT / "schemas" / "conformance.json"

METHODS = ("get", "post", "put", "patch", "delete")
KEY = "Idempotency-Key"
CURSOR = "X-Next-Cursor"
TAG = "ETag"
SECRET = "secret"
"""The field of a model that debug output must not show."""
RETRY = {"yes": "yes", "with a key": "with_key", "no": "no"}
BOUNDS = ("minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern", "example", "examples")


@dataclass(frozen=True)
class Parameter:
    """A parameter in the path, the query or a header. `type` is `string`, `integer`, `boolean` or `date-time`."""

    name: str
    required: bool
    type: str
    description: str


@dataclass(frozen=True)
class Operation:
    """One `operationId`. `body` and `result` are schemas, None without one."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    path_parameters: list[Parameter]
    query_parameters: list[Parameter]
    header_parameters: list[Parameter]
    takes_key: bool
    body: dict[str, Any] | None
    body_required: bool
    result: dict[str, Any] | None
    is_text: bool
    is_paged: bool
    """A list that goes on with `cursor`."""
    has_cursor: bool
    """The answer, a list or an object that holds one, names the cursor of the next page."""
    has_tag: bool
    """The answer says which version it is, for `If-Match`."""


def load() -> dict[str, Any]:
    return json.loads(OPENAPI.read_text())


def _parameter(given: dict[str, Any]) -> Parameter:
    schema = given.get("schema", {})
    kind = schema.get("type", "string")
    kind = next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else kind
    kind = "date-time" if schema.get("format") == "date-time" else kind
    return Parameter(given["name"], bool(given.get("required")), kind, given.get("description", ""))


def operations(document: dict[str, Any]) -> list[Operation]:
    """Every operation that answers once, by id. Streams (`text/event-stream`) are left to hand-written code."""
    found = []
    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            raw = item[method]
            status = next(code for code in sorted(raw["responses"]) if code.startswith("2"))
            answer = raw["responses"][status]
            content = answer.get("content") or {}
            if "text/event-stream" in content:
                continue
            given = [*item.get("parameters", []), *raw.get("parameters", [])]
            headers = [one for one in given if one["in"] == "header"]
            media = content.get("application/json") if set(content) == {"application/json"} else None
            body = raw.get("requestBody")
            has_cursor = CURSOR in (answer.get("headers") or {})
            found.append(
                Operation(
                    id=raw["operationId"],
                    method=method.upper(),
                    path=path,
                    summary=raw.get("summary", raw["operationId"]),
                    description=raw.get("description", ""),
                    path_parameters=[_parameter(one) for one in given if one["in"] == "path"],
                    query_parameters=[_parameter(one) for one in given if one["in"] == "query"],
                    header_parameters=[_parameter(one) for one in headers if one["name"].lower() != KEY.lower()],
                    takes_key=any(one["name"].lower() == KEY.lower() for one in headers),
                    body=body["content"]["application/json"]["schema"] if body else None,
                    body_required=bool(body and body.get("required")),
                    result=media["schema"] if media else None,
                    is_text=bool(content) and media is None,
                    is_paged=has_cursor and media is not None and media["schema"].get("type") == "array",
                    has_cursor=has_cursor,
                    has_tag=TAG in (answer.get("headers") or {}),
                )
            )
    return sorted(found, key=lambda one: one.id)


def conformance() -> dict[str, Any]:
    """The secret that no receiver knows, and the cases, as `conformance.json` explains them."""
    found = json.loads(CONFORMANCE.read_text())
    return {name: found[name] for name in ("other_secret", "cases")}


def event_types() -> list[str]:
    """The words of `event_type` on the bus and in webhooks, in the order of the document."""
    lines = ASYNCAPI.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.strip() == "event_type:")
    start = next(n for n in range(start, len(lines)) if lines[n].strip() == "enum:")
    words = []
    for line in lines[start + 1 :]:
        if not line.strip().startswith("- "):
            break
        words.append(line.strip()[2:])
    if "request_approved" not in words:
        raise SystemExit(f"{ASYNCAPI.name} has another shape than the generator knows: no event types found")
    return words


def reasons(document: dict[str, Any]) -> dict[str, str]:
    """Each reason of an error, and whether the call may be sent again: `yes`, `with_key` or `no`."""
    found = {}
    for line in ERRORS.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        name = re.fullmatch(r"`([a-z_]+)`", cells[0])
        if name and cells[-1] in RETRY:
            found[name.group(1)] = RETRY[cells[-1]]
    wanted = document["components"]["schemas"]["Reason"]["enum"]
    if set(found) != set(wanted):
        raise SystemExit(f"{ERRORS.name} and {OPENAPI.name} name other reasons: {sorted(set(found) ^ set(wanted))}")
    return {name: found[name] for name in wanted}


def lenient(document: dict[str, Any]) -> dict[str, Any]:
    """The components as a reader needs them that is older than the server: answers may have new fields and new words,
    ids and URLs are text, and bounds are the server's to check. Bodies still refuse fields that they do not know."""
    schemas = json.loads(json.dumps(document["components"]["schemas"]))
    for name, schema in schemas.items():
        is_body = schema.get("additionalProperties") is False
        if schema.get("type") == "object" and not is_body:
            schema["additionalProperties"] = True
        schemas[name] = _stripped(schema, is_body)
    return {"openapi": document["openapi"], "info": document["info"], "paths": {}, "components": {"schemas": schemas}}


def _stripped(value: Any, is_body: bool) -> Any:
    if isinstance(value, list):
        return [_stripped(one, is_body) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, inner in value.items():
        if key == "properties":
            kept[key] = {name: _stripped(one, is_body) for name, one in inner.items()}
        elif key in BOUNDS or (key == "format" and inner in ("uuid", "uri")) or (key == "enum" and not is_body):
            continue
        else:
            kept[key] = _stripped(inner, is_body)
    return kept
