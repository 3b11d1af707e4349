"""Webhooks to receivers that authenticate the sender: by OAuth2 client credentials, a bearer token or an API key."""

from __future__ import annotations

from typing import Any

from support import api, protected, signatures
from support.case import EngineCase
from support.protected import IdentityProvider, ProtectedSink
from support.waiting import until

WEBHOOKS = 4
"""Of a request that is approved."""
FIXED = {
    "credentials.fixed.type": "bearer",
    "credentials.fixed.token": "a-bearer-token-that-stays",
    "credentials.key.type": "api_key",
    "credentials.key.header": "X-Hooks-Key",
    "credentials.key.key": "an-api-key-of-the-receiver",
}


class Protected(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.provider = IdentityProvider()
        self.addCleanup(self.provider.close)
        self.receiver = self.protected_sink(self.provider.accepts)
        self.settings.update(
            {**self.provider.settings("sso"), **FIXED, "webhook.timeout_seconds": 10, "webhook.backoff_seconds": "[1]"}
        )

    def protected_sink(self, accepts: Any) -> ProtectedSink:
        sink = ProtectedSink(accepts)
        self.addCleanup(sink.close)
        return sink

    def start(self, credential: str = "sso", **settings: object) -> None:
        """Starts a server with a policy, and a callback secret that names the credential."""
        self.server = self.serve(log_filter="debug", **settings)
        self.admin = self.server.admin()
        self.addCleanup(self.admin.close)
        if not hasattr(self, "secret"):
            body = {"caller_service": "admin", "credential": credential}
            self.secret = self.admin.post("/admin/callback-secrets", body).expect(201)
            self.path = f"/admin/callback-secrets/{self.secret['id']}"
            api.create_policy(self.admin, "hooks.v1", api.stage(1, "admin"))

    def restart(self, **settings: object) -> None:
        self.server.stop()
        self.start(**settings)

    def request(self, artifact_id: str, **more: object) -> str:
        """Creates and approves a request, so that four webhooks are sent."""
        body = {**api.request_body("hooks.v1", artifact_id, self.receiver.url), **more}
        created = self.admin.post("/requests", body).expect(201)
        self.admin.decide(created["tasks"][0]["id"]).expect(201)
        return created["request_id"]

    def wait_until_delivered(self, count: int) -> None:
        delivered = "select count(*) from webhook_delivery where status = 'delivered'"
        until(lambda: self.database.count(delivered) == count, f"{count} webhooks are delivered")

    def failed_attempt(self, request_id: str) -> dict[str, Any]:
        """A failed attempt, as an operator sees it."""

        def look() -> list[dict[str, Any]]:
            deliveries = self.admin.get(f"/admin/deliveries?request_id={request_id}").expect(200)
            attempts = [self.admin.get(f"/admin/deliveries/{one['id']}/attempts").expect(200) for one in deliveries]
            return [one for some in attempts for one in some if one["error"]]

        return until(look, "an attempt has failed")[-1]

    def accepted(self) -> list[Any]:
        return [one for one in self.receiver.received() if one.answered == 200]

    def assert_says_nowhere(self, *secrets: str) -> None:
        """Asserts that a text is neither in the database nor in the log."""
        stored = self.database.value(
            "select (select string_agg(a::text, ' ') from webhook_attempt a)"
            " || (select string_agg(d::text, ' ') from webhook_delivery d)"
            " || coalesce((select string_agg(e::text, ' ') from audit_action e), '')"
        )
        log = self.server.log.read_text()
        for secret in secrets:
            self.assertFalse(secret in str(stored), f"{secret} is stored")
            self.assertFalse(secret in log, f"{secret} is logged")

    def test_one_token_serves_every_webhook_and_each_is_signed_as_ever(self) -> None:
        self.start()
        for number in range(10):
            self.request(f"CR-{number}")
        self.wait_until_delivered(10 * WEBHOOKS)
        for one in self.receiver.received():
            self.assertEqual(one.headers["authorization"], "Bearer token-1")
            self.assertEqual(one.headers["content-type"], "application/json")
            signatures.verify(one.headers, one.raw, self.secret["secret"])
        asked = {"client_id": protected.CLIENT, "client_secret": protected.SECRET, "scope": protected.SCOPE}
        self.assertEqual(self.provider.asked, [{"grant_type": "client_credentials", **asked}])
        self.assertEqual(self.database.count("select max(attempt) from webhook_delivery"), 1)
        self.assert_says_nowhere("token-1", protected.SECRET)

    def test_a_token_that_is_refused_is_replaced_within_the_same_attempt(self) -> None:
        self.start()
        self.request("CR-1")
        self.wait_until_delivered(WEBHOOKS)
        self.provider.revoke_all()
        self.request("CR-2")
        self.wait_until_delivered(2 * WEBHOOKS)
        self.assertEqual(len(self.provider.asked), 2, "once more, for all")
        self.assertEqual(self.database.count("select max(attempt) from webhook_delivery"), 1)
        self.assertEqual(self.database.count("select count(*) from webhook_attempt where status_code <> 200"), 0)
        refused = [one for one in self.receiver.received() if one.answered == 401]
        self.assertTrue(refused)
        again = {one.headers["webhook-id"]: one for one in self.accepted()}
        for one in refused:
            renewed = again[one.headers["webhook-id"]]
            self.assertEqual(renewed.headers["authorization"], "Bearer token-2")
            self.assertEqual(renewed.raw, one.raw)
            signatures.verify(renewed.headers, renewed.raw, self.secret["secret"])

    def test_a_receiver_that_refuses_every_token_gets_two_posts_an_attempt_and_is_at_fault(self) -> None:
        self.receiver.accepts = lambda headers: False
        self.start(webhook__max_attempts=1)
        request = self.request("CR-1")
        attempt = self.failed_attempt(request)
        self.assertEqual(
            (attempt["status_code"], attempt["error"], attempt["failed_by"]), (401, "answered 401", "receiver")
        )
        exhausted = "select count(*) from webhook_delivery where status = 'exhausted'"
        until(lambda: self.database.count(exhausted) == WEBHOOKS, "all are exhausted")
        posts = [one.headers["webhook-id"] for one in self.receiver.received()]
        self.assertEqual({posts.count(one) for one in posts}, {2})
        self.assertLessEqual(len(self.provider.asked), 1 + WEBHOOKS)
        self.assertIn("Bearer [redacted]", attempt["response_excerpt"], "the receiver says what it got")
        self.assert_says_nowhere("Bearer token-")

    def test_while_no_token_can_be_had_webhooks_wait_on_their_schedule(self) -> None:
        self.provider.away = True
        self.start(webhook__endpoint_open_after_failures=2, webhook__endpoint_open_seconds=3600)
        request = self.request("CR-1")
        attempt = self.failed_attempt(request)
        self.assertEqual((attempt["failed_by"], attempt["status_code"]), ("us", None))
        self.assertEqual(attempt["error"], 'credential "sso": the token endpoint answered 503')
        tried = "select min(attempt) from webhook_delivery"
        until(lambda: self.database.count(tried) >= 2, "all are tried again")
        self.assertEqual(self.receiver.received(), [], "the receiver has seen none")
        self.provider.away = False
        # The receiver's circuit stays closed, because the failure was not the receiver's.
        self.wait_until_delivered(WEBHOOKS)

    def test_a_wrong_client_secret_is_told_without_saying_it(self) -> None:
        self.start(credentials__sso__client_secret="wrong-client-secret")
        attempt = self.failed_attempt(self.request("CR-1"))
        self.assertEqual(attempt["error"], 'credential "sso": the token endpoint answered 401 invalid_client')
        self.assertEqual(attempt["failed_by"], "us")
        self.assertEqual(self.receiver.received(), [])
        self.assert_says_nowhere("wrong-client-secret")
        self.restart()
        self.wait_until_delivered(WEBHOOKS)

    def test_a_test_event_goes_the_same_way(self) -> None:
        self.start()
        answer = self.admin.post(f"{self.path}/ping", {"url": self.receiver.url}).expect(200)
        self.assertEqual((answer["delivered"], answer["status_code"]), (True, 200), answer)
        self.assertNotIn("token-1", answer["response_excerpt"])
        one = self.receiver.received()[0]
        self.assertEqual(one.headers["authorization"], "Bearer token-1")
        signatures.verify(one.headers, one.raw, self.secret["secret"])
        self.request("CR-1")
        self.wait_until_delivered(WEBHOOKS)
        self.assertEqual(len(self.provider.asked), 1, "webhooks use the same token")
        self.provider.revoke_all()
        again = self.admin.post(f"{self.path}/ping", {"url": self.receiver.url}).expect(200)
        self.assertEqual((again["delivered"], len(self.provider.asked)), (True, 2), again)
        self.provider.away = True
        self.provider.revoke_all()
        failed = self.admin.post(f"{self.path}/ping", {"url": self.receiver.url}).expect(200)
        self.assertEqual((failed["delivered"], failed["failed_by"], failed["status_code"]), (False, "us", None), failed)
        self.assertEqual(failed["error"], 'credential "sso": the token endpoint answered 503')

    def test_bearer_tokens_and_api_keys_are_sent_as_they_are(self) -> None:
        self.receiver.accepts = lambda headers: headers.get("authorization") == "Bearer a-bearer-token-that-stays"
        self.start("fixed")
        self.request("CR-1")
        self.wait_until_delivered(WEBHOOKS)
        self.admin.send("PATCH", self.path, {"credential": "key"}).expect(200)
        self.receiver.accepts = lambda headers: headers.get("x-hooks-key") == "an-api-key-of-the-receiver"
        self.request("CR-2")
        self.wait_until_delivered(2 * WEBHOOKS)
        last = self.receiver.received()[-1]
        self.assertNotIn("authorization", last.headers)
        signatures.verify(last.headers, last.raw, self.secret["secret"])
        self.assertEqual(self.provider.asked, [])
        self.assertEqual({one.answered for one in self.receiver.received()}, {200})
        self.assert_says_nowhere("a-bearer-token-that-stays", "an-api-key-of-the-receiver")

    def test_a_static_credential_that_is_refused_is_a_failure_like_any(self) -> None:
        self.start("fixed", webhook__max_attempts=1)
        attempt = self.failed_attempt(self.request("CR-1"))
        self.assertEqual((attempt["error"], attempt["failed_by"]), ("answered 401", "receiver"))
        ids = [one.headers["webhook-id"] for one in self.receiver.received()]
        self.assertEqual(len(ids), len(set(ids)), "there is no other to try at once")

    def test_a_credential_that_was_taken_out_of_the_configuration_is_named_and_waited_for(self) -> None:
        self.start("key")
        self.receiver.accepts = lambda headers: headers.get("x-hooks-key") == "an-api-key-of-the-receiver"
        kept = dict(self.settings)
        for key in [key for key in self.settings if key.startswith("credentials.key.")]:
            del self.settings[key]
        self.restart()
        attempt = self.failed_attempt(self.request("CR-1"))
        self.assertEqual(attempt["error"], 'credential "key" is not configured in this installation')
        self.assertEqual(attempt["failed_by"], "us")
        self.assertEqual(self.receiver.received(), [])
        self.settings = kept
        self.restart()
        self.wait_until_delivered(WEBHOOKS)

    def test_the_credential_is_listed_kept_by_a_rotation_and_can_be_changed(self) -> None:
        self.start()
        path = "/admin/callback-secrets"
        self.assertEqual(self.secret["credential"], "sso")
        fresh = self.admin.post(f"{self.path}/rotate", {"grace_hours": 1}).expect(201)
        self.assertEqual(fresh["credential"], "sso")
        listed = self.admin.get(path).expect(200)
        self.assertEqual([one["credential"] for one in listed], ["sso", "sso"])
        changed = self.admin.send("PATCH", f"{path}/{fresh['id']}", {"credential": None}).expect(200)
        self.assertEqual((changed["id"], changed["credential"]), (fresh["id"], None))
        self.receiver.accepts = lambda headers: "authorization" not in headers
        self.request("CR-1")
        self.wait_until_delivered(WEBHOOKS)
        # A request may name a secret; then the credential of that secret is sent while it signs.
        self.receiver.accepts = self.provider.accepts
        self.request("CR-2", callback_secret_id=self.secret["id"])
        self.wait_until_delivered(2 * WEBHOOKS)
        audited = self.admin.get("/admin/audit?action=callback_secret.update").expect(200)
        self.assertEqual([one["after"] for one in audited], [{"credential": None}])
        for method, where, body in (
            ("POST", path, {"caller_service": "other", "credential": "nosuch"}),
            ("PATCH", f"{path}/{fresh['id']}", {"credential": "nosuch"}),
            ("PATCH", f"{path}/{fresh['id']}", {}),
        ):
            refused = self.admin.send(method, where, body)
            self.assertEqual((refused.status, refused.code), (422, "AWE-010"), refused.raw)
            self.assertEqual(refused.json["detail"][0]["loc"], ["body", "credential"])
        self.admin.send("DELETE", f"{path}/{fresh['id']}").expect(204)
        self.assertEqual(self.admin.send("PATCH", f"{path}/{fresh['id']}", {"credential": "sso"}).status, 409)
