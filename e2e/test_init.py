"""`awe init` and `awe migrate`, run as an operator or an init container runs them, on a real PostgreSQL and Keycloak."""

from __future__ import annotations

import os
import secrets
import subprocess
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote, urlsplit

from support import children, database, keycloak, server
from support.case import EngineCase
from support.keycloak import Realm
from support.waiting import until

NOTHING = "everything is as it should be"
LEFT = "there is no user nobody-here"


class Postgres(EngineCase):
    """Roles with names that need quoting, made by the administrator of the test's server."""

    def setUp(self) -> None:
        super().setUp()
        mark = secrets.token_hex(4)
        self.name = f'awe "{mark}" db'
        self.owner, self.app = f"awe-owner'{mark}", f'awe"app-{mark}'
        self.addCleanup(self.remove)
        (self.folder / "owner").write_text("own'er\"$secret\n")
        (self.folder / "app").write_text("app secret")

    def remove(self) -> None:
        self.sql(f"drop database if exists {self.quoted(self.name)} with (force)")
        for role in (self.app, self.owner):
            self.sql(f"drop role if exists {self.quoted(role)}")

    @staticmethod
    def quoted(name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def sql(self, statement: str) -> str:
        return database.run(self.database.server_url, statement)

    def init(self, expect: int = 0, **changed: str) -> str:
        words = {
            "admin-url": self.database.server_url,
            "database": self.name,
            "owner": self.owner,
            "owner-password-file": "owner",
            "app-role": self.app,
            "app-password-file": "app",
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        flags = [word for name, value in words.items() for word in (f"--{name}", value)]
        done = server.run(["init", "postgres", *flags], {}, self.folder)
        self.assertEqual(done.returncode, expect, done.stdout)
        self.assertNotIn("secret", done.stdout.replace("password-file", ""))
        return done.stdout.strip()

    def test_it_is_made_once_and_repaired_when_it_drifts(self) -> None:
        made = self.init()
        for part in (self.owner, self.app, self.name):
            self.assertIn(part, made)
        self.assertEqual(self.init(), NOTHING)
        self.sql(f"alter role {self.quoted(self.app)} nologin")
        self.assertIn("may log in again", self.init())
        self.sql(f"alter database {self.quoted(self.name)} owner to current_user")
        self.assertIn("belonged to", self.init())
        self.sql(
            f"revoke connect on database {self.quoted(self.name)} from public;"
            f"revoke connect on database {self.quoted(self.name)} from {self.quoted(self.app)}"
        )
        self.assertIn("may connect", self.init())
        self.assertEqual(self.init(), NOTHING)

    def test_the_owner_can_migrate_and_grant_what_was_made(self) -> None:
        self.init()
        host = urlsplit(self.database.server_url).netloc.rpartition("@")[2]
        password = (self.folder / "owner").read_text().strip()
        url = f"postgres://{quote(self.owner)}:{quote(password)}@{host}/{quote(self.name)}"
        settings: dict[str, object] = {"database.url": url}
        dry = server.run(["migrate", "--dry-run"], settings, self.folder)
        self.assertEqual(dry.returncode, 0, dry.stdout)
        self.assertIn("would apply 20261123000001 create policies", dry.stdout)
        status = server.run(["migrate", "--status"], settings, self.folder)
        self.assertEqual(status.returncode, 3, status.stdout)
        self.assertIn("0 applied", status.stdout)
        done = server.run(["migrate"], settings, self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        status = server.run(["migrate", "--status"], settings, self.folder)
        self.assertEqual(status.returncode, 0, status.stdout)
        self.assertIn(" 0 pending", status.stdout)

    def test_what_cannot_be_is_said_and_nothing_is_made(self) -> None:
        (self.folder / "empty").write_text("\n")
        self.assertIn("empty is empty", self.init(1, owner_password_file="empty"))
        self.assertIn("cannot be read", self.init(1, owner_password_file="nowhere"))
        self.assertIn("same role", self.init(1, app_role=self.owner))
        away = f"postgres://postgres@127.0.0.1:{server.free_port()}/postgres"
        self.assertIn("could not be prepared", self.init(1, admin_url=away))
        known = self.sql(f"select count(*) from pg_database where datname = $n${self.name}$n$")
        self.assertEqual(known, "0")


class Waiting(EngineCase):
    def wait(self, **more: object) -> subprocess.Popen[str]:
        child = children.start(
            [server.program(), "migrate", "--wait", "--timeout", "60"],
            env=server.environment({**self.settings, **more}),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(children.end, child)
        return child

    def test_it_ends_once_another_process_has_migrated(self) -> None:
        waiting = self.wait(**{"database.url": self.database.url})
        assert waiting.stdout is not None
        self.assertIn("migrations are pending", waiting.stdout.readline())
        self.assertIsNone(waiting.poll())
        self.migrate()
        until(lambda: waiting.poll() is not None, "it has ended")
        self.assertEqual(waiting.returncode, 0)

    def test_it_gives_up_and_says_what_it_waited_for(self) -> None:
        done = server.run(["migrate", "--wait", "--timeout", "1"], self.settings, self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn("waited 1 s in vain", done.stdout)

    def test_a_schema_that_is_newer_is_left_alone(self) -> None:
        self.migrate()
        self.database.value(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)"
            " values (29990101000000, 'of a newer program', true, '\\x00', 1)"
        )
        self.migrate()
        done = server.run(["migrate", "--status"], self.settings, self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("1 of a newer program, up to 29990101000000", done.stdout)
        with self.serve().admin() as admin:
            admin.get("/health").expect(200)


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
        return [one for one in self.realm.admin("GET", "clients") if not one["clientId"].endswith("-x")]

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
        before = self.realm.admin("GET", "clients")
        for uri in ("*", "https://*/x", "awe.example.org/*"):
            self.assertIn("redirect URI", self.init(expect=1, uri=uri))
        (self.folder / "admin").write_text("wrong")
        self.assertIn("does not let the administrator in (401)", self.init(expect=1))
        self.assertEqual(self.realm.admin("GET", "clients"), before)


if __name__ == "__main__":
    unittest.main()
