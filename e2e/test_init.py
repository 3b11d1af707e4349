"""`awe init` and `awe migrate`, run as an operator or an init container runs them, on a real PostgreSQL."""

from __future__ import annotations

import secrets
import subprocess
from urllib.parse import quote, urlsplit

from support import children, database, server
from support.case import EngineCase
from support.waiting import until

NOTHING = "everything is as it should be"


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

    def test_an_administrator_who_is_no_superuser_can_do_it(self) -> None:
        manager = f"manager-{secrets.token_hex(4)}"
        self.sql(f"create role {self.quoted(manager)} login createdb createrole password 'm'")
        self.addCleanup(self.sql, f"drop role if exists {self.quoted(manager)}")
        self.addCleanup(self.remove)
        host = urlsplit(self.database.server_url).netloc.rpartition("@")[2]
        url = f"postgres://{manager}:m@{host}/postgres"
        self.assertIn("owns it", self.init(admin_url=url))
        self.assertEqual(self.init(admin_url=url), NOTHING)

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
        assert child.stdout is not None
        self.addCleanup(child.stdout.close)
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

    def test_tables_of_another_program_are_left_alone(self) -> None:
        self.database.value("create table approval_policy (id varchar(36) primary key)")
        done = server.run(["migrate"], self.owner_settings(), self.folder)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("awe import upstream", done.stdout)
        self.assertEqual(self.database.value("select to_regclass('_sqlx_migrations')"), "")

    def test_a_schema_that_is_newer_is_left_alone(self) -> None:
        self.migrate()
        self.database.value(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)"
            " values (29990101000000, 'of a newer program', true, '\\x00', 1)"
        )
        self.migrate()
        # Its servers may run still, with rights on what this program does not know.
        self.database.value("create table of_a_newer_program ()")
        self.database.value(f"grant select on of_a_newer_program to {database.APP_ROLE}")
        done = server.run(["migrate", "--app-role", database.APP_ROLE], self.owner_settings(), self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("left alone", done.stdout)
        may = f"select has_table_privilege('{database.APP_ROLE}', 'of_a_newer_program', 'select')"
        self.assertEqual(self.database.value(may), "t")
        done = server.run(["migrate", "--status"], self.settings, self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("1 of a newer program, up to 29990101000000", done.stdout)
        with self.serve().admin() as admin:
            admin.get("/health").expect(200)
