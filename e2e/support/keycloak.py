"""The real Keycloak that `./dev test` started: its tokens, and its Admin API for changes that a test needs."""

from __future__ import annotations

import http.client
import json
import os
import unittest
from pathlib import Path
from typing import Any, Optional
from urllib.parse import quote, urlencode, urlsplit

STAFF = Path(__file__).resolve().parents[2] / "deploy" / "keycloak" / "staff-realm.json"
DEMO_CLI = "awe-demo-cli"
RESOLVER, RESOLVER_SECRET = "awe-admin-resolver", "demo-awe-admin-resolver"
REGISTRY, REGISTRY_SECRET = "registry", "demo-registry"
OUTBOUND, OUTBOUND_SECRET = "awe-outbound", "demo-awe-outbound"
GATE, GATE_SECRET = "policy-gate", "demo-policy-gate"
AUDIENCE = "awe"
TIMEOUT = 60.0


def url() -> str:
    found = os.environ.get("KEYCLOAK_URL")
    if not found:
        raise unittest.SkipTest("no Keycloak runs here: ./dev test starts one where there is Java")
    return found


class Realm:
    """One realm. All tests share `staff`, so a test that changes its realm makes one of its own."""

    def __init__(self, name: str = "staff") -> None:
        self.name = name
        self.base = url()
        self.port = urlsplit(self.base).port or 0
        self.issuer = f"{self.base}/realms/{name}"
        self.token_url = f"{self.issuer}/protocol/openid-connect/token"
        self._ids: dict[str, str] = {}

    @classmethod
    def create(cls, name: str, **more: Any) -> "Realm":
        """Makes a copy of the realm of staff, without its many generated users."""
        body = json.loads(STAFF.read_text())
        body["users"] = [user for user in body["users"] if "field-officer" not in user.get("realmRoles", [])]
        for user in body["users"]:
            user.pop("id", None)  # a user's id is theirs in all realms of the server
        body["realm"] = name
        status, said = call("POST", f"{url()}/admin/realms", {**body, **more}, admin_token())
        assert status == 201, (status, said)
        return cls(name)

    def remove(self) -> None:
        call("DELETE", f"{self.base}/admin/realms/{self.name}", None, admin_token())

    def settings(self, through: Optional[int] = None) -> dict[str, object]:
        """The settings of a server that trusts this realm; `through` is the port of a proxy."""
        base = f"http://127.0.0.1:{through}" if through else self.base
        return {
            "keycloak.base_url": base,
            "keycloak.realm": self.name,
            "keycloak.issuer": self.issuer,
            "keycloak.jwks_url": f"{base}/realms/{self.name}/protocol/openid-connect/certs",
            "keycloak.audience": AUDIENCE,
            "keycloak.admin_client_secret": RESOLVER_SECRET,
            "auth.role_clients": "[awe-admin-portal]",
            "egress.allow_cidrs": "[127.0.0.0/8]",
            "resolver.cache_seconds": 0,
        }

    def token(self, username: str, client: str = DEMO_CLI, **more: str) -> str:
        """The access token of a person, whose password is the user name."""
        return self.ask(grant_type="password", client_id=client, username=username, password=username, **more)

    def service_token(self, client: str = REGISTRY, secret: str = REGISTRY_SECRET) -> str:
        return self.ask(grant_type="client_credentials", client_id=client, client_secret=secret)

    def ask(self, **form: str) -> str:
        status, said = call("POST", self.token_url, form)
        assert status == 200, (status, said)
        return said["access_token"]

    def introspect(self, token: str) -> dict[str, Any]:
        """What the realm tells a service about a token (RFC 7662)."""
        form = {"token": token, "client_id": GATE, "client_secret": GATE_SECRET}
        return call("POST", f"{self.token_url}/introspect", form)[1]

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """Calls the realm's Admin API, which must succeed; returns the body, or the id of what was created."""
        status, said = call(method, f"{self.base}/admin/realms/{self.name}/{path}", body, admin_token())
        assert status < 300, (method, path, status, said)
        return said

    def user_id(self, username: str) -> str:
        if username not in self._ids:
            (found,) = self.admin("GET", f"users?exact=true&username={quote(username)}")
            self._ids[username] = found["id"]
        return self._ids[username]

    def change_user(self, username: str, **fields: Any) -> None:
        self.admin("PUT", f"users/{self.user_id(username)}", fields)

    def set_password(self, username: str) -> None:
        """Sets a user's password to the user name."""
        new = {"type": "password", "value": username, "temporary": False}
        self.admin("PUT", f"users/{self.user_id(username)}/reset-password", new)

    def new_signing_key(self) -> None:
        """From now on tokens are signed with a new key; the old one stays in the key set."""
        realm = self.admin("GET", "")
        self.admin(
            "POST",
            "components",
            {
                "name": f"rotated-{os.urandom(3).hex()}",
                "providerId": "rsa-generated",
                "providerType": "org.keycloak.keys.KeyProvider",
                "parentId": realm["id"],
                "config": {"priority": ["1000"], "enabled": ["true"], "active": ["true"], "keySize": ["2048"]},
            },
        )


def admin_token() -> str:
    """A token of the server's administrator. It lives shortly, so each call gets a new one."""
    password = os.environ["KEYCLOAK_ADMIN_PASSWORD"]
    form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": password}
    status, said = call("POST", f"{url()}/realms/master/protocol/openid-connect/token", form)
    assert status == 200, (status, said)
    return said["access_token"]


def call(method: str, address: str, body: object = None, token: Optional[str] = None) -> tuple[int, Any]:
    """Makes one call; returns status and body. A dict without a token is sent as a form, otherwise as JSON."""
    parts = urlsplit(address)
    headers = {"Accept": "application/json"}
    raw = None
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if body is not None and token:
        headers["Content-Type"], raw = "application/json", json.dumps(body)
    elif isinstance(body, dict):
        headers["Content-Type"], raw = "application/x-www-form-urlencoded", urlencode(body)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, raw, headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(said) if said else answer.headers.get("Location", "").rpartition("/")[2]
