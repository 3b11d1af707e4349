"""Tokens of a real Keycloak: who is let in, which are refused and why, and keys that change or cannot be fetched."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any, Optional
from urllib.parse import urlsplit

from support import keycloak
from support.api import Answer
from support.case import EngineCase
from support.keycloak import Realm
from support.proxy import Proxy
from support.scenario import stage, user
from support.staff import Staff
from support.waiting import until

AUDIENCE_MAPPER = {
    "name": "audience awe",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.custom.audience": "awe", "access.token.claim": "true"},
}


def encoded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def part(value: object) -> str:
    return encoded(json.dumps(value).encode())


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Header, claims and signature of a token."""
    header, claims, signature = token.split(".")

    def read(text: str) -> dict[str, Any]:
        return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))

    return read(header), read(claims), signature


class Callers(Staff):
    def test_people_and_services_may_do_what_the_realm_says(self) -> None:
        body = self.policy_body("callers.v1", stage(1, user(self.realm.user_id("alice"))))
        for name in ("viewer", "alice", "registry"):
            self.forbidden(self.client(name).post("/policies", body))
        self.admin.post("/policies", body).expect(201)
        self.viewer.get("/policies/callers.v1/versions/1").expect(200)
        self.forbidden(self.client("alice").get("/admin/audit"))
        self.viewer.get("/admin/audit").expect(200)

    def test_only_the_assignees_own_subject_decides(self) -> None:
        request = self.request(self.policy(stage(1, user(self.realm.user_id("alice")))))
        task = request.task(self.realm.user_id("alice"))["id"]
        for name in ("bob", "viewer", "registry"):
            self.forbidden(self.client(name).decide(task))
        self.decide(request, "alice").expect(201)
        decision = request.assert_ended("approved")
        self.assertEqual(decision["actor"], self.realm.user_id("alice"))

    def test_the_audit_trail_names_people_by_subject_and_shows_their_mail(self) -> None:
        self.policy(stage(1, user("anybody")))
        row = self.viewer.get("/admin/audit?action=policy.activate").expect(200)[0]
        self.assertEqual((row["actor"], row["actor_email"]), (self.realm.user_id("admin"), "admin@example.org"))


class Refusals(EngineCase):
    """Each token is refused with 401 AWE-008, and the log says why without the token."""

    def setUp(self) -> None:
        super().setUp()
        self.realm = Realm()
        self.migrate()
        self.server = self.serve(**underscored(self.realm.settings()), auth__leeway_seconds=0)

    def call(self, token: str) -> Answer:
        with self.server.client() as caller:
            return caller.bearing(token).get("/policies")

    def assert_refused(self, token: str, why: str) -> None:
        before = len(self.server.log.read_text())
        answer = self.call(token)
        self.assertEqual((answer.status, answer.code), (401, "AWE-008"), answer.raw)
        said = self.server.log.read_text()[before:]
        self.assertIn("token refused", said)
        self.assertIn(why, said)
        for piece in token.split("."):
            self.assertFalse(piece and piece in said, "the token is in the log")
            self.assertFalse(piece and piece.encode() in answer.raw, "the token is in the answer")

    def test_whatever_is_wrong_with_a_token(self) -> None:
        good = self.realm.token("admin")
        self.assertEqual(self.call(good).status, 200)
        header, claims, signature = parts(good)
        head, body = good.split(".")[:2]
        other = keycloak.admin_token()
        self.assert_refused(other, "unknown key")
        same_key = f"{head}.{part({**claims, 'iss': 'https://elsewhere.example'})}.{signature}"
        self.assert_refused(same_key, "InvalidSignature")
        self.assert_refused(f"{head}.{part({**claims, 'sub': 'somebody else'})}.{signature}", "InvalidSignature")
        self.assert_refused(f"{part({**header, 'alg': 'none'})}.{body}.", "header")
        self.assert_refused(f"{part({**header, 'alg': 'none'})}.{body}.{signature}", "header")
        self.assert_refused(self.confused(header, body), "HS256 is not accepted")
        self.assert_refused(f"{part({k: v for k, v in header.items() if k != 'kid'})}.{body}.{signature}", "no kid")
        self.assert_refused("not-a-token-at-all", "header")
        self.assert_refused(f"{head}.{body}", "")
        self.assert_refused(f"{head}.{body}.{'A' * 17_000}", "longer than 16 KiB")
        self.assertEqual(self.call(good).status, 200, "none of it harms who is welcome")

    def confused(self, header: dict[str, Any], body: str) -> str:
        """Tokens signed by HMAC with the public key as the secret, in each form in which a verifier might hold it."""
        _, keys = keycloak.call("GET", f"{self.realm.issuer}/protocol/openid-connect/certs")
        key = next(key for key in keys["keys"] if key["kid"] == header["kid"])
        pem = f"-----BEGIN CERTIFICATE-----\n{key['x5c'][0]}\n-----END CERTIFICATE-----\n"
        signed = f"{part({**header, 'alg': 'HS256'})}.{body}"
        return f"{signed}.{encoded(hmac.new(pem.encode(), signed.encode(), hashlib.sha256).digest())}"

    def test_a_token_for_another_service(self) -> None:
        self.assert_refused(self.realm.token("admin", client="admin-cli"), "aud does not name this service")


class OwnRealm(EngineCase):
    """Tests that change the settings of their realm, which is their own."""

    def setUp(self) -> None:
        super().setUp()
        self.realm = Realm.create(f"own-{self.prefix}")
        self.addCleanup(self.realm.remove)
        self.proxy = Proxy(self.realm.port)
        self.addCleanup(self.proxy.close)
        self.migrate()

    def start(self, **settings: object) -> None:
        self.server = self.serve(**{**underscored(self.realm.settings(self.proxy.port)), **settings})

    def status(self, token: str) -> int:
        with self.server.client() as caller:
            return caller.bearing(token).get("/policies").status

    def client_of_demo(self, name: str, **more: Any) -> None:
        """Makes a client that gets tokens by password."""
        body = {"clientId": name, "publicClient": True, "directAccessGrantsEnabled": True, "enabled": True}
        self.realm.admin("POST", "clients", {**body, "protocolMappers": [AUDIENCE_MAPPER], **more})

    def test_a_token_is_good_until_it_expires(self) -> None:
        self.client_of_demo("hasty", attributes={"access.token.lifespan": "2"})
        self.start(auth__leeway_seconds=0)
        token = self.realm.token("admin", client="hasty")
        self.assertEqual(self.status(token), 200)
        until(lambda: self.status(token) == 401, "it expires", within=5)
        self.assertIn("expired", self.server.log.read_text())

    def test_a_token_without_subject_is_nobodys(self) -> None:
        self.client_of_demo("nameless", defaultClientScopes=["roles"], optionalClientScopes=[])
        self.start()
        token = self.realm.token("admin", client="nameless")
        self.assertNotIn("sub", parts(token)[1])
        self.assertEqual(self.status(token), 401)
        self.assertIn("sub is missing", self.server.log.read_text())

    def test_another_realm_of_the_same_server_is_a_stranger(self) -> None:
        self.start()
        self.assertEqual(self.status(self.realm.token("admin")), 200)
        self.assertEqual(self.status(Realm().token("admin")), 401)

    def test_roles_count_only_from_the_clients_that_are_named(self) -> None:
        self.start(auth__role_clients="[registry]")
        with self.server.client() as admin:
            answer = admin.bearing(self.realm.token("admin")).get("/admin/audit")
        self.assertEqual((answer.status, answer.code), (403, "AWE-008"))

    def test_keys_rotate_while_the_server_runs(self) -> None:
        self.start()
        old = self.realm.token("admin")
        self.assertEqual(self.status(old), 200)
        for _ in range(2):
            self.realm.new_signing_key()
            new = self.realm.token("admin")
            self.assertNotEqual(parts(new)[0]["kid"], parts(old)[0]["kid"])
            self.assertEqual(self.status(new), 200, "a new token counts at once")
            self.assertEqual(self.status(old), 200, "an old one until it expires")

    def test_keys_serve_while_keycloak_is_away_up_to_their_age_limit(self) -> None:
        self.start(auth__jwks_max_age_seconds=10, auth__jwks_stale_seconds=5)
        self.assertEqual(self.status(self.realm.token("admin")), 200)
        fetched = time.monotonic()
        self.proxy.refuse(True)
        self.proxy.cut()
        answered: list[int] = []

        def refused() -> bool:
            # Each token is new, so the server has not verified it a moment ago.
            answered.append(self.status(self.realm.token("viewer")))
            return answered[-1] != 200

        until(refused, "the keys have reached their age limit", within=25)
        self.assertEqual(answered[-1], 503)
        self.assertGreaterEqual(time.monotonic() - fetched, 14, "ten seconds and five, less the first fetch")
        with self.server.client() as caller:
            late = caller.bearing(self.realm.token("viewer")).get("/policies")
        self.assertEqual((late.status, late.code), (503, "AWE-007"), late.raw)
        self.assertTrue(late.headers["Retry-After"])
        self.proxy.heal()
        until(lambda: self.status(self.realm.token("viewer")) == 200, "it is back without a restart", within=30)

    def test_before_any_key_was_fetched_a_retry_is_asked_for(self) -> None:
        self.proxy.refuse(True)
        self.start()
        token = self.realm.token("admin")
        self.assertEqual(self.status(token), 503)
        self.proxy.heal()
        until(lambda: self.status(token) == 200, "keys are fetched as soon as they can be", within=10)


def underscored(settings: dict[str, object]) -> dict[str, object]:
    return {key.replace(".", "__"): value for key, value in settings.items()}
