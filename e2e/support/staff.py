"""Scenarios with people of a real realm: names are user names, assignees their ids, tokens come from Keycloak."""

from __future__ import annotations

from typing import Any, Optional

from support.api import Client
from support.keycloak import REGISTRY, Realm
from support.proxy import Proxy
from support.scenario import Request, Scenarios
from support.waiting import until


class Staff(Scenarios):
    """The base of these scenarios: a server that trusts the realm of staff and reaches it through `proxy`."""

    realm: Realm
    proxy: Proxy

    @classmethod
    def setUpClass(cls) -> None:
        cls.realm = cls.make_realm()
        cls.proxy = Proxy(cls.realm.port)
        cls.addClassCleanup(cls.proxy.close)
        named = {key.replace(".", "__"): value for key, value in cls.realm.settings(cls.proxy.port).items()}
        cls.settings = {**named, **cls.settings}
        super().setUpClass()
        cls.welcome_webhooks()

    @classmethod
    def welcome_webhooks(cls) -> None:
        """Makes a callback secret, because unsigned webhooks are not sent."""
        with cls.server.client().bearing(cls.realm.token("admin")) as admin:
            caller = cls.realm.user_id(f"service-account-{REGISTRY}")
            admin.post("/admin/callback-secrets", {"caller_service": caller}).expect(201)

    @classmethod
    def make_realm(cls) -> Realm:
        return Realm()

    def setUp(self) -> None:
        self.addCleanup(self.proxy.heal)

    def client(self, subject: str, *roles: str) -> Client:
        """The connection of this person, or of the service `registry`; the realm knows their roles."""
        if (subject,) not in self.clients:
            token = self.realm.service_token() if subject == REGISTRY else self.realm.token(subject)
            self.clients[(subject,)] = self.server.client().bearing(token)
        return self.clients[(subject,)]

    def ids(self, *names: str) -> list[str]:
        return [self.realm.user_id(name) for name in names]

    def assert_asked(self, request: Request, *names: str, within: float = 20.0) -> None:
        """Asserts that these people, and nobody else, have open tasks."""
        wanted = sorted(self.ids(*names))
        until(lambda: sorted(request.open()) == wanted, f"{names} are asked", within)

    def decide(self, request: Request, name: str, action: str = "approve") -> Any:
        return self.client(name).decide(request.task(self.realm.user_id(name))["id"], action)


def role(name: str, client: Optional[str] = None, **more: Any) -> dict[str, Any]:
    value = {"role": name, **({"client": client} if client else {})}
    return {"rule_type": "role", "rule_value": value, **more}


def group(path: str, **more: Any) -> dict[str, Any]:
    return {"rule_type": "group", "rule_value": {"group": path, **more}}
