"""A stand-in for the staff directory (the part of Keycloak's Admin REST API that AWE reads) and for an `http` rule.

The real Keycloak has suites of its own. This one serves the scenarios, which need a directory that can be away.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Optional
from urllib.parse import parse_qs, unquote, urlsplit

from support.stand import Stand

SECRET = "directory-secret"
TOKEN = "directory-token"


class Directory(Stand):
    """People by role and by group; with `anybody`, these people are in every role and group that is asked for. `away`
    makes it answer 503 to everything."""

    def __init__(self, anybody: Optional[list[str]] = None) -> None:
        self.anybody = anybody
        self.roles: dict[str, list[str]] = {}
        self.client_roles: dict[tuple[str, str], list[str]] = {}
        self.groups: dict[str, list[str]] = {}
        self.emails: dict[str, Optional[str]] = {}
        """Mail addresses of people that are asked for by id."""
        self.rule: Callable[[dict[str, Any]], list[str]] = lambda context: []
        self.asked: list[dict[str, str]] = []
        """Headers of each question of an `http` rule."""
        self.away = False
        super().__init__()

    @property
    def settings(self) -> dict[str, object]:
        """The settings of a server that uses it."""
        return {
            "keycloak.base_url": self.base_url,
            "keycloak.admin_client_secret": SECRET,
            "resolver.cache_seconds": 0,
        }

    def answer(self, path: str, query: dict[str, list[str]]) -> Optional[object]:
        """The answer of the Admin API to a path below `/admin/realms/staff/`; None = not found."""
        for pattern, tell in self._routes(query):
            found = re.fullmatch(pattern, path)
            if found:
                told = tell(*(unquote(part) for part in found.groups()))
                return _page(told, query) if isinstance(told, list) else told
        return None

    def _routes(self, query: dict[str, list[str]]) -> list[tuple[str, Callable[..., Optional[object]]]]:
        clients = sorted({client for client, _ in self.client_roles})
        if self.anybody is not None:
            clients += query.get("clientId", [])
        role, of_client, group = self._role, self._client_role, self._group
        return [
            ("roles", lambda: [_role(name) for name in self.roles]),
            ("roles/([^/]+)", lambda name: None if role(name) is None else _role(name)),
            ("roles/([^/]+)/users", lambda name: _users(role(name))),
            ("clients", lambda: [{"id": f"id-{one}", "clientId": one} for one in clients]),
            ("clients/id-([^/]+)/roles", lambda of: [_role(name, one) for one, name in self.client_roles if one == of]),
            ("clients/id-([^/]+)/roles/([^/]+)", lambda *key: None if of_client(key) is None else _role(key[1], key[0])),
            ("clients/id-([^/]+)/roles/([^/]+)/users", lambda *key: _users(of_client(key))),
            ("group-by-path/(.+)", lambda path: None if group(f"/{path}") is None else _group(f"/{path}")),
            ("groups/([^/]+)/members", lambda one: _users(group(one.replace("|", "/")))),
            ("users/([^/]+)", self._person),
            ("users|groups|.+/(?:groups|children)", lambda: []),
        ]

    def _person(self, name: str) -> Optional[dict[str, Any]]:
        return {**_user(name), "email": self.emails[name]} if name in self.emails else None

    def _role(self, name: str) -> Optional[list[str]]:
        return self.roles.get(name, self.anybody)

    def _client_role(self, key: tuple[str, str]) -> Optional[list[str]]:
        return self.client_roles.get(key, self.anybody)

    def _group(self, path: str) -> Optional[list[str]]:
        return self.groups.get(path, self.anybody)

    def reply(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, object]:
        if self.away:
            return 503, {}
        if method == "POST" and path.endswith("/protocol/openid-connect/token"):
            good = parse_qs(raw.decode()).get("client_secret") == [SECRET]
            return (200 if good else 401), {"access_token": TOKEN, "expires_in": 60}
        if method == "POST":
            self.asked.append(headers)
            return 200, {"user_ids": self.rule(json.loads(raw)["context"])}
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {}
        url = urlsplit(path)
        found = self.answer(url.path.partition("/admin/realms/staff/")[2], parse_qs(url.query))
        return (404 if found is None else 200), found


def _page(rows: list[Any], query: dict[str, list[str]]) -> list[Any]:
    first, most = (int(query.get(name, [other])[0]) for name, other in (("first", "0"), ("max", "100")))
    return rows[first : first + most]


def _users(people: Optional[list[str]]) -> Optional[list[Any]]:
    return None if people is None else [_user(one) for one in people]


def _group(path: str) -> dict[str, Any]:
    return {"id": path.replace("/", "|"), "name": path.rpartition("/")[2], "path": path}


def _user(name: str) -> dict[str, Any]:
    """A user in Keycloak's form. The name is not the id, since users are compared by id."""
    return {"id": name, "username": f"{name}@example.org", "enabled": not name.startswith("gone")}


def _role(name: str, client: Optional[str] = None) -> dict[str, Any]:
    where = {"clientRole": client is not None, "containerId": f"id-{client}" if client else "staff"}
    return {"id": f"role-{client}-{name}", "name": name, "composite": False, **where}
