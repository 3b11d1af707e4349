"""How the data custodian starts, and when it refuses to."""

from __future__ import annotations

import json
import socket

from support import custodian
from support.custodian import CustodianCase
from support.waiting import until

ISSUER = {"auth.issuer": "https://id.example.org/realms/customers"}


class Starts(CustodianCase):
    gated = False

    def refused(self, settings: dict[str, object], more: dict[str, str]) -> str:
        done = custodian.run(["serve"], {**self.custodian_settings, **settings}, more)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_outside_of_development_each_default_secret_stops_the_start(self) -> None:
        said = self.refused(ISSUER, {"BACKCHANNEL_CLIENT_SECRET": "our own secret"})
        self.assertIn("handoff.signing_key", said)
        said = self.refused(ISSUER, {"ESPI_HANDOFF_SIGNING_KEY": "our own key of thirty-two characters"})
        self.assertIn("backchannel.client_secret", said)

    def test_an_unknown_setting_stops_the_start_and_is_named(self) -> None:
        self.assertIn("public.prot: unknown", self.refused({"public.prot": 1}, {}))

    def test_a_short_key_stops_the_start_and_is_not_repeated(self) -> None:
        said = self.refused({}, {"ESPI_HANDOFF_SIGNING_KEY": "only-thirty-one-characters-long"})
        self.assertIn("handoff.signing_key", said)
        self.assertNotIn("only-thirty-one", said)

    def test_development_mode_stays_on_the_loopback_address(self) -> None:
        self.assertIn("internal.host", self.refused({"internal.host": "0.0.0.0"}, {}))

    def test_the_settings_that_are_printed_mask_secrets(self) -> None:
        more = {"BACKCHANNEL_CLIENT_SECRET": "hidden-1", "ESPI_HANDOFF_SIGNING_KEY": "hidden-2" * 5}
        done = custodian.run(["config"], self.custodian_settings, more)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn("hidden", done.stdout)
        self.assertEqual(json.loads(done.stdout)["backchannel"]["client_secret"], "***")

    def test_migrating_and_seeding_again_changes_nothing(self) -> None:
        counted = "select count(*) from usage_points"
        before = self.own.count(counted)
        self.prepare("migrate")
        self.prepare("seed")
        self.assertEqual((before, self.own.count(counted)), (4, 4))

    def test_the_configured_secret_works_and_the_default_one_no_longer_does(self) -> None:
        one = self.custodian(backchannel__client_secret="another")
        body = custodian.grant(client_id="third_party")
        one.provision(body).expect(201)
        one.secret = custodian.SECRET
        self.assertEqual(one.provision(body).status, 401)

    def test_while_the_database_is_away_it_says_so_and_stores_nothing(self) -> None:
        away = {"database.url": "postgres://nobody@127.0.0.1:1/none", "database.acquire_timeout_seconds": 1}
        lonely = custodian.Custodian({**self.custodian_settings, **away}, self.folder / "lonely.log", start=False)
        lonely.launch()
        self.addCleanup(lonely.stop)
        until(lambda: self._status(lonely) == 503, "health says that the database is away")
        answer = lonely.provision(custodian.grant())
        self.assertEqual((answer.status, answer.json["error"]), (503, "temporarily_unavailable"))

    def test_who_waits_for_the_tables_goes_on_when_they_are_there_and_newer_ones_do(self) -> None:
        patience = ["migrate", "--wait", "--timeout", "2"]
        self.prepare(*patience)
        newest = self.own.value("select max(version) from _sqlx_migrations")
        self.own.value(f"update _sqlx_migrations set version = 0 where version = {newest}")
        late = custodian.run(patience, self.custodian_settings)
        self.assertNotEqual(late.returncode, 0, late.stdout)
        self.assertIn("the tables are older than this program", late.stdout)
        self.own.value(f"update _sqlx_migrations set version = {newest} where version = 0")
        # As after a rollback: a newer program was here.
        self.own.value(
            "insert into _sqlx_migrations (version, description, success, checksum, execution_time)"
            " values (99990101000000, 'of a newer program', true, '', 0)"
        )
        self.prepare(*patience)
        self.prepare("migrate")

    def test_who_is_asked_to_stop_is_alive_and_not_ready_and_goes_on_answering_for_a_while(self) -> None:
        one = self.custodian(server__unready_seconds=3)
        self.assertEqual((self._of(one, "live"), self._of(one, "ready")), (204, 200))
        well = custodian.run(["health"], one.settings)
        self.assertEqual((well.returncode, '"status":"ok"' in well.stdout), (0, True), well.stdout)
        assert one.child is not None
        one.child.terminate()
        until(lambda: self._of(one, "ready") == 503, "it is not ready")
        self.assertEqual((self._of(one, "live"), one.call("GET", "/health").status), (204, 200))
        one.child.wait(30)
        away = custodian.run(["health", "--at", f"localhost:{one.public}"], one.settings)
        self.assertNotEqual(away.returncode, 0, away.stdout)
        self.assertIn("cannot be asked", away.stdout)

    def test_while_its_database_is_away_it_is_alive_and_not_ready(self) -> None:
        away = {"database.url": "postgres://nobody@127.0.0.1:1/none", "database.acquire_timeout_seconds": 1}
        lonely = custodian.Custodian({**self.custodian_settings, **away}, self.folder / "alone.log", start=False)
        lonely.launch()
        self.addCleanup(lonely.stop)
        until(lambda: self._status(lonely) == 503, "health says that the database is away")
        self.assertEqual((self._of(lonely, "live"), self._of(lonely, "ready")), (204, 503))

    def _of(self, one: custodian.Custodian, what: str) -> int:
        return one.call("GET", f"/health/{what}").status

    def test_connections_of_each_listener_are_bounded_and_those_that_say_nothing_are_ended(self) -> None:
        one = self.custodian(server__max_connections=1, server__idle_timeout_seconds=1)
        for port in (one.public, one.internal):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
                # Its place is the only one: whoever comes next waits until it is ended.
                self.assertIn(custodian.send(port, "GET", "/health", None, {}).status, (200, 401))
                said = silent.recv(4096)
                self.assertTrue(said == b"" or b" 408 " in said.split(b"\r\n")[0], said)

    def _status(self, one: custodian.Custodian) -> int:
        try:
            return one.call("GET", "/health").status
        except OSError:
            return 0
