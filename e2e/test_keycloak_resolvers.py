"""Resolvers in processes of their own, beside one that only serves the API; Keycloak goes away and comes back."""

from __future__ import annotations

from typing import Any

from support import api
from support.case import EngineCase
from support.keycloak import Realm
from support.proxy import Proxy
from support.server import Server
from support.waiting import until

MANY = 30


class Resolvers(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.realm = Realm()
        self.proxy = Proxy(self.realm.port)
        self.addCleanup(self.proxy.close)
        self.settings.update(self.realm.settings())
        self.migrate()
        self.api = self.start("api")
        self.resolvers = [self.resolver(), self.resolver()]
        self.registry = self.caller(self.realm.service_token())
        with self.caller(self.realm.token("admin")) as admin:
            rules = [{"rule_type": "role", "rule_value": {"role": "finance-approver"}}]
            api.create_policy(admin, "far.v1", {**api.stage(1), "rules": rules})

    def start(self, roles: str, **more: object) -> Server:
        log = self.folder / f"{roles}-{len(list(self.folder.glob('*.log')))}.log"
        server = Server({**self.settings, **more}, log, roles=roles)
        self.addCleanup(server.stop)
        return server

    def resolver(self) -> Server:
        """Starts a resolver that reaches Keycloak only through the proxy."""
        return self.start("resolver", **{"keycloak.base_url": f"http://127.0.0.1:{self.proxy.port}"})

    def caller(self, token: str) -> api.Client:
        client = self.api.client().bearing(token)
        self.addCleanup(client.close)
        return client

    def create(self, number: int) -> dict[str, Any]:
        return self.registry.post("/requests", api.request_body("far.v1", f"CR-{number}")).expect(201)

    def assert_all_are_asked(self, within: float) -> None:
        wanted = sorted(self.realm.user_id(name) for name in ("alice", "bob", "carol", "erin"))
        asked = "select count(*) from approval_task where status = 'open'"
        until(lambda: self.database.count(asked) >= 4 * MANY, "everybody is asked", within)
        for row in self.database.rows("select request_id, array_agg(assignee) as people from approval_task group by 1"):
            self.assertEqual(sorted(row["people"]), wanted)
        for history in self.database.histories().values():
            self.assert_gapless(history)
            self.assertEqual(self.types(history).count("stage_started"), 1, history)

    def test_two_of_them_share_the_work_and_nobody_is_asked_twice(self) -> None:
        for number in range(MANY):
            self.create(number)
        self.assert_all_are_asked(within=30)

    def test_what_waits_for_keycloak_outlives_the_resolver_that_tried(self) -> None:
        self.proxy.refuse(True)
        self.proxy.cut()
        for number in range(MANY):
            self.assertEqual(self.create(number)["status"], "pending")
        failed = "select count(distinct request_id) from approval_event where event_type = 'stage_resolution_failed'"
        until(lambda: self.database.count(failed) == MANY, "each has been tried", within=60)
        for resolver in self.resolvers:
            resolver.kill()
        self.proxy.heal()
        self.resolver()
        self.assert_all_are_asked(within=120)
