"""The admission gate, services of `http` rules and receivers of webhooks, all of which demand a token that a real
Keycloak issued for client credentials."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from support import keycloak, server, signatures
from support.api import Answer
from support.gate import Gate
from support.keycloak import OUTBOUND, OUTBOUND_SECRET, Realm
from support.protected import ProtectedSink
from support.scenario import stage, user
from support.staff import Staff
from support.waiting import until

WRITTEN = (
    "select (select count(*) from approval_policy) + (select count(*) from audit_action)"
    " + (select count(*) from callback_secret)"
)


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Gated(Staff):
    gate: Gate
    secret = OUTBOUND_SECRET
    more: dict[str, object] = {}

    @classmethod
    def setUpClass(cls) -> None:
        cls.gate = Gate(Realm(), OUTBOUND)
        cls.addClassCleanup(cls.gate.close)
        cls.settings = cls.gate.settings(cls.secret, **cls.more)
        super().setUpClass()

    @classmethod
    def welcome_webhooks(cls) -> None:
        """Makes no callback secret: none is needed, and the gate would be asked about it."""

    def setUp(self) -> None:
        super().setUp()
        self.gate.asked.clear()
        self.gate.judge = lambda body: None

    def create(self, key: str) -> Answer:
        return self.admin.post("/policies", self.policy_body(key, stage(1, user("ann"))))

    def assert_denied(self, answer: Answer, reason: str) -> None:
        self.assert_refused(answer, 403, "AWE-011")
        self.assertIn(reason, answer.json["errors"][0]["message"])


class Admission(Gated):
    def test_who_asks_is_known_to_the_gate_and_each_question_has_a_token_of_its_own(self) -> None:
        self.create("gated.v1").expect(201)
        self.admin.post("/policies/gated.v1/versions/1/activate").expect(200)
        asked = [(one.body["asset_type"], one.body["operation"], one.answered) for one in self.gate.asked]
        self.assertEqual(asked, [("policy", "create", 200), ("policy", "activate", 200)])
        first, second = (claims(one.token) for one in self.gate.asked)
        self.assertEqual(first["azp"], OUTBOUND)
        self.assertNotEqual(first["jti"], second["jti"])
        self.assertEqual(self.gate.asked[0].body["registration_payload"]["policy_key"], "gated.v1")

    def test_what_the_gate_denies_is_not_written(self) -> None:
        self.gate.judge = lambda body: (403, {"error": "this name is reserved"})
        before = self.database.count(WRITTEN)
        self.assert_denied(self.create("reserved.v1"), "this name is reserved")
        secret = self.admin.post("/admin/callback-secrets", {"caller_service": "somebody"})
        self.assert_denied(secret, "this name is reserved")
        self.assertEqual(self.database.count(WRITTEN), before)
        self.assertEqual(self.admin.get("/policies/reserved.v1/versions/1").status, 404)

    def test_one_token_serves_all_attempts_of_a_question(self) -> None:
        answers = iter([(500, {}), None])
        self.gate.judge = lambda body: next(answers)
        self.create("patient.v1").expect(201)
        self.assertEqual([one.answered for one in self.gate.asked], [500, 200])
        self.assertEqual(len({claims(one.token)["jti"] for one in self.gate.asked}), 1)

    def test_the_doctor_gets_a_token_and_finds_the_gate(self) -> None:
        settings = {key.replace("__", "."): value for key, value in self.settings.items()}
        done = server.run(["doctor"], {**self.world.settings, **settings}, self.world.folder)
        self.assertIn("ok      gate: policy gate: reachable (status 405)", done.stdout)
        self.assertIn("ok      gate: policy gate: a token was acquired", done.stdout)


class WrongSecret(Gated):
    secret = "not the secret"

    def test_without_a_token_the_gate_is_not_asked_and_nothing_is_written(self) -> None:
        before = self.database.count(WRITTEN)
        answer = self.create("unknown.v1")
        self.assert_denied(answer, "OAuth2 token")
        self.assertEqual((self.gate.asked, self.database.count(WRITTEN)), ([], before))
        self.assertNotIn("unauthorized_client", answer.raw.decode(), "what the identity provider says stays here")
        self.assertNotIn(self.secret, self.server.log.read_text())

    def log_of_the_refusal(self) -> str:
        said = self.server.log.read_text()
        return said if "answered 401" in said else ""

    def test_the_server_started_all_the_same_and_its_log_says_what_is_wrong(self) -> None:
        said = until(self.log_of_the_refusal, "the check at the start has said what it found")
        self.assertNotIn(OUTBOUND, said, "a client id is masked")


class KeptToken(Gated):
    more = {"gate__oauth2_token_cache": "true"}

    def test_a_token_is_used_again_and_replaced_once_it_is_refused(self) -> None:
        self.create("kept.v1").expect(201)
        self.create("kept.v2").expect(201)
        first, second = (one.token for one in self.gate.asked)
        self.assertEqual(first, second)
        form = {"token": first, "client_id": OUTBOUND, "client_secret": OUTBOUND_SECRET}
        status, _ = keycloak.call("POST", f"{self.realm.issuer}/protocol/openid-connect/revoke", form)
        self.assertEqual(status, 200)
        self.create("kept.v3").expect(201)
        self.assertEqual([one.answered for one in self.gate.asked], [200, 200, 401, 200])


def as_outbound(name: str, realm: Realm) -> dict[str, object]:
    """The settings of the credential `name`, which uses AWE's client for outgoing calls."""
    return {
        f"credentials__{name}__type": "oauth2_client_credentials",
        f"credentials__{name}__token_url": realm.token_url,
        f"credentials__{name}__client_id": OUTBOUND,
        f"credentials__{name}__client_secret": OUTBOUND_SECRET,
    }


class ProtectedRules(Staff):
    """A service that names approvers, and answers only callers that the realm knows."""

    service: Gate

    @classmethod
    def setUpClass(cls) -> None:
        cls.service = Gate(Realm(), OUTBOUND)
        cls.addClassCleanup(cls.service.close)
        cls.settings = as_outbound("hr", cls.service.realm)
        super().setUpClass()

    def rule(self, **auth: Any) -> dict[str, Any]:
        return {"rule_type": "http", "rule_value": {"url": self.service.url, **auth}}

    def test_a_service_behind_the_realm_names_who_is_asked(self) -> None:
        self.service.says = {"user_ids": self.ids("grace", "heidi")}
        key = self.policy(stage(1, self.rule(auth={"credential": "hr"})))
        for _ in range(2):
            self.assert_asked(self.request(key, {"site": "north"}), "grace", "heidi")
        tokens = {one.token for one in self.service.asked if one.answered == 200}
        self.assertEqual(len(tokens), 1, "a token serves until it expires")
        self.assertEqual(self.service.asked[0].body, {"context": {"site": "north"}})

    def test_without_the_credential_the_request_waits(self) -> None:
        key = self.policy(stage(1, self.rule()))
        request = self.request(key)
        self.assertIn("401", request.wait_for("stage_resolution_failed")["reason"])
        self.assertEqual(request.status, "pending")


class ProtectedWebhooks(Staff):
    """A receiver that asks the realm about each caller."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.settings = as_outbound("hooks", Realm())
        super().setUpClass()

    @classmethod
    def welcome_webhooks(cls) -> None:
        with cls.server.client().bearing(cls.realm.token("admin")) as admin:
            caller = cls.realm.user_id("service-account-registry")
            body = {"caller_service": caller, "credential": "hooks"}
            cls.secret = admin.post("/admin/callback-secrets", body).expect(201)["secret"]

    def setUp(self) -> None:
        super().setUp()
        self.receiver = ProtectedSink(self.accepts)
        self.addCleanup(self.receiver.close)

    def accepts(self, headers: Mapping[str, str]) -> bool:
        seen = self.realm.introspect(headers.get("authorization", "").removeprefix("Bearer "))
        return bool(seen.get("active")) and seen.get("client_id") == OUTBOUND

    def test_webhooks_show_a_token_of_the_realm_and_are_signed(self) -> None:
        key = self.policy(stage(1, user(self.realm.user_id("alice"))))
        request = self.request(key, callback_url=self.receiver.url)
        self.decide(request, "alice").expect(201)
        self.receiver.wait_for_type("request_approved", request.id)
        received = self.receiver.received(request.id)
        self.assertEqual({one.answered for one in received}, {200})
        for one in received:
            signatures.verify(one.headers, one.raw, self.secret)
        self.assertEqual(len({one.headers["authorization"] for one in received}), 1)
