"""`./dev check breaking`: nothing that callers rely on has gone from the API since the last release.

Compares two OpenAPI documents. New routes, new optional fields and parameters, and new words in answers break nobody:
callers are told to expect them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

METHODS = ("get", "put", "post", "delete", "patch")
# A larger value narrows what is taken, or a smaller one does.
LOWER, UPPER = ("minimum", "minLength", "minItems"), ("maximum", "maxLength", "maxItems")


class Documents:
    """The document of the last release beside the one of now."""

    def __init__(self, old: dict, new: dict) -> None:
        self.old, self.new = old, new
        self._seen: set = set()

    def breaches(self) -> Iterator[str]:
        for path, operations in self.old["paths"].items():
            for method in METHODS:
                if method not in operations:
                    continue
                where = f"{method.upper()} {path}"
                now = self.new["paths"].get(path, {}).get(method)
                if now is None:
                    yield f"{where} has gone"
                    continue
                yield from self._parameters(operations[method], now, where)
                yield from self._body(operations[method], now, where)
                yield from self._answers(operations[method], now, where)

    def _parameters(self, old: dict, new: dict, where: str) -> Iterator[str]:
        before = {(one["in"], one["name"]): one for one in old.get("parameters", [])}
        after = {(one["in"], one["name"]): one for one in new.get("parameters", [])}
        for key, one in before.items():
            if key not in after:
                yield f"{where}: parameter {key[1]} has gone"
                continue
            if after[key].get("required") and not one.get("required"):
                yield f"{where}: parameter {key[1]} must be given now"
            yield from self._taken(one.get("schema", {}), after[key].get("schema", {}), f"{where}: {key[1]}")
        for key in after.keys() - before.keys():
            if after[key].get("required"):
                yield f"{where}: new parameter {key[1]} must be given"

    def _body(self, old: dict, new: dict, where: str) -> Iterator[str]:
        before, after = old.get("requestBody"), new.get("requestBody")
        if after is None:
            if before is not None:
                yield f"{where} takes no body any more"
            return
        if after.get("required") and not (before or {}).get("required"):
            yield f"{where}: a body must be given now"
        if before is not None:
            yield from self._taken(content(before), content(after), f"{where} body")

    def _answers(self, old: dict, new: dict, where: str) -> Iterator[str]:
        for status, answer in old.get("responses", {}).items():
            if not status.startswith("2"):
                continue
            if status not in new.get("responses", {}):
                yield f"{where} does not answer {status} any more"
                continue
            now = new["responses"][status]
            for header in answer.get("headers", {}).keys() - now.get("headers", {}).keys():
                yield f"{where} {status}: header {header} has gone"
            yield from self._given(content(answer), content(now), f"{where} {status}")

    def _taken(self, old: dict, new: dict, where: str) -> Iterator[str]:
        """What was taken is still taken."""
        old, new = resolve(self.old, old), resolve(self.new, new)
        if self._was_seen("taken", old, new):
            return
        for gone in sorted(kinds(old) - kinds(new)) if kinds(new) else []:
            yield f"{where}: {gone} is not taken any more"
        if "enum" in new:
            for word in [word for word in old.get("enum", []) if word not in new["enum"]]:
                yield f"{where}: {word!r} is not taken any more"
        for bound, narrower in [(b, 1) for b in LOWER] + [(b, -1) for b in UPPER]:
            before, after = old.get(bound), new.get(bound)
            if after is not None and (before is None or (after - before) * narrower > 0):
                yield f"{where}: {bound} was {before} and is {after}"
        for name in set(new.get("required", [])) - set(old.get("required", [])):
            yield f"{where}.{name} must be given now"
        for name, field in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{where}.{name} is not taken any more"
            else:
                yield from self._taken(field, new["properties"][name], f"{where}.{name}")
        if "items" in old and "items" in new:
            yield from self._taken(old["items"], new["items"], f"{where}[]")

    def _given(self, old: dict, new: dict, where: str) -> Iterator[str]:
        """What was in an answer is still in it."""
        old, new = resolve(self.old, old), resolve(self.new, new)
        if self._was_seen("given", old, new):
            return
        for more in sorted(kinds(new) - kinds(old)) if kinds(old) else []:
            yield f"{where} may be {more} now"
        for name in set(old.get("required", [])) - set(new.get("required", [])):
            yield f"{where}.{name} may be absent now"
        for name, field in old.get("properties", {}).items():
            if name not in new.get("properties", {}):
                yield f"{where}.{name} has gone"
            else:
                yield from self._given(field, new["properties"][name], f"{where}.{name}")
        if "items" in old and "items" in new:
            yield from self._given(old["items"], new["items"], f"{where}[]")

    def _was_seen(self, *key: Any) -> bool:
        """Whether these two schemas were compared: a schema may hold itself, and many routes share one."""
        marked = json.dumps(key, sort_keys=True)
        return marked in self._seen or self._seen.add(marked) is not None


def content(part: dict) -> dict:
    """The schema of a body or answer, whatever its media type."""
    for media in part.get("content", {}).values():
        return media.get("schema", {})
    return {}


def resolve(document: dict, schema: dict) -> dict:
    """The schema itself instead of a reference to it; of a choice between it and null, the schema with null."""
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    choices = schema.get("oneOf") or schema.get("anyOf") or []
    others = [one for one in choices if one.get("type") != "null"]
    if len(others) == 1 and len(choices) == 2:
        found = resolve(document, others[0])
        return {**found, "type": sorted(kinds(found) | {"null"})}
    return schema


def kinds(schema: dict) -> set:
    kind = schema.get("type", [])
    return {kind} if isinstance(kind, str) else set(kind)


def compare(old: Path, new: Path) -> list:
    """What broke between two documents, in words."""
    documents = Documents(json.loads(old.read_text()), json.loads(new.read_text()))
    return sorted(set(documents.breaches()))
