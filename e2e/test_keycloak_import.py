"""`awe import upstream` without a file of names: a real Keycloak says who they are."""

from __future__ import annotations

import secrets
from typing import Any

from support import server
from support.keycloak import Realm
from support.upstream import ENDED, LEFT, UpstreamCase

NOTHING = {table: 0 for table in LEFT}


class Names(UpstreamCase):
    def setUp(self) -> None:
        self.realm = Realm.create(f"import-{secrets.token_hex(4)}")
        self.addCleanup(self.realm.remove)
        super().setUp()

    def owner_settings(self) -> dict[str, Any]:
        return {**super().owner_settings(), **self.realm.settings()}

    def add(self, name: str, **more: Any) -> None:
        self.realm.admin("POST", "users", {"username": name, "enabled": True, **more})

    def test_the_realm_says_who_everybody_is_and_while_it_does_not_nothing_is_written(self) -> None:
        # Bob and Carol are in the realm. Nobody has the name dave, though a longer one begins with it.
        self.add("dave-the-second")
        refused = self.take_over()
        self.assertEqual((refused.returncode, self.here()), (1, NOTHING), refused.stdout)
        told = [line.rpartition(" ")[2] for line in refused.stdout.splitlines() if "nobody is named by the user name" in line]
        self.assertEqual(told, ["ann", "dave", "hana"])

        self.add("Ann")
        self.add("dave")
        # Who has left is meant all the same.
        self.add("hana", enabled=False)
        done = self.take_over()
        self.assertEqual(done.returncode, 0, done.stdout)
        ids = {name: self.realm.user_id(name) for name in ("ann", "bob", "carol", "dave", "hana")}
        requester = self.database.value(f"select requester from approval_request where id = '{ENDED}'")
        self.assertEqual(requester, ids["hana"])
        open_ = self.database.rows("select assignee, delegated_from from approval_task where status = 'open'")
        self.assertEqual(
            sorted((row["assignee"], row["delegated_from"] or "") for row in open_),
            sorted([(ids["bob"], ""), (ids["dave"], ids["carol"])]),
        )
        actors = self.database.rows("select distinct actor from approval_decision")
        self.assertEqual([row["actor"] for row in actors], [ids["ann"]])

    def test_a_realm_that_cannot_be_asked_ends_it_with_one_clear_message(self) -> None:
        away = {**self.owner_settings(), "keycloak.base_url": f"http://127.0.0.1:{server.free_port()}"}
        ended = server.run(["import", "upstream", "--from", self.source.url], away, self.folder)
        self.assertEqual((ended.returncode, self.here()), (1, NOTHING), ended.stdout)
        self.assertIn("nothing was written: it cannot be asked who ", ended.stdout)
