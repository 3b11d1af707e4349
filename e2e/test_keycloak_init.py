"""`awe init keycloak` in a real Keycloak."""

from __future__ import annotations

import json
import os
import secrets
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from support import keycloak, server
from support.keycloak import Realm

NOTHING = "everything is as it should be"
LEFT = "there is no user nobody-here"


def ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: ordered(one) for name, one in value.items()}
    if isinstance(value, list):
        return sorted((ordered(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


class Keycloak(unittest.TestCase):
    """A realm that was there before, with clients, users and roles of its own."""

    def setUp(self) -> None:
        self.realm = Realm.create(f"init-{secrets.token_hex(4)}")
        self.addCleanup(self.realm.remove)
        folder = TemporaryDirectory(prefix="awe-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "admin").write_text(os.environ["KEYCLOAK_ADMIN_PASSWORD"])
        (self.folder / "resolver").write_text("first-secret\n")

    def init(self, *more: str, expect: int = 0, uri: str = "https://awe.example.org/*") -> str:
        words = ["init", "keycloak", "--base-url", keycloak.url(), "--realm", self.realm.name]
        words += ["--admin-user", "admin", "--admin-password-file", "admin"]
        words += ["--portal-client", "portal-x", "--resolver-client", "resolver-x"]
        words += ["--resolver-secret-file", "resolver", "--redirect-uri", uri, *more]
        done = server.run(words, {}, self.folder)
        self.assertEqual(done.returncode, expect, done.stdout)
        return done.stdout.strip()

    def client(self, client_id: str) -> dict[str, Any]:
        (found,) = self.realm.admin("GET", f"clients?clientId={client_id}")
        return found

    def others(self) -> list[dict[str, Any]]:
        return [one for one in self.clients() if not one["clientId"].endswith("-x")]

    def clients(self) -> list[dict[str, Any]]:
        """All clients. Keycloak's lists come in any order."""
        return ordered(self.realm.admin("GET", "clients"))

    def test_it_is_made_once_and_repaired_when_it_drifts(self) -> None:
        before = self.others()
        self.init("--awe-admin", "alice", "--awe-admin", "nobody-here")
        said = self.init("--awe-admin", "alice", "--awe-admin", "nobody-here")
        self.assertIn(NOTHING, said)
        self.assertIn(LEFT, said)
        portal = self.client("portal-x")
        self.assertTrue(portal["publicClient"])
        self.assertEqual(portal["redirectUris"], ["https://awe.example.org/*"])
        self.assertEqual(portal["webOrigins"], ["+"])
        self.assertEqual(portal["attributes"]["pkce.code.challenge.method"], "S256")
        held = self.realm.admin("GET", f"users/{self.realm.user_id('alice')}/role-mappings/clients/{portal['id']}")
        self.assertEqual([role["name"] for role in held], ["AWE_ADMIN"])
        self.realm.admin("PUT", f"clients/{portal['id']}", {**portal, "redirectUris": ["*"], "webOrigins": []})
        self.realm.admin("DELETE", f"clients/{portal['id']}/roles/AWE_VIEWER")
        said = self.init()
        self.assertIn("redirectUris", said)
        self.assertIn("AWE_VIEWER", said)
        self.assertEqual(self.init(), NOTHING)
        self.assertEqual(self.others(), before)

    def test_the_secret_in_the_file_wins_and_opens_the_directory(self) -> None:
        self.init()
        (self.folder / "resolver").write_text("second-secret")
        self.assertNotIn("second-secret", self.init())
        token = self.realm.service_token("resolver-x", "second-secret")
        status, people = keycloak.call(
            "GET", f"{keycloak.url()}/admin/realms/{self.realm.name}/users?username=alice&exact=true", None, token
        )
        self.assertEqual((status, len(people)), (200, 1))

    def test_what_is_dangerous_or_wrong_changes_nothing(self) -> None:
        before = self.clients()
        for uri in ("*", "https://*/x", "awe.example.org/*"):
            self.assertIn("redirect URI", self.init(expect=1, uri=uri))
        (self.folder / "admin").write_text("wrong")
        self.assertIn("does not let the administrator in", self.init(expect=1))
        self.assertEqual(self.clients(), before)
