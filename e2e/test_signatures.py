"""Webhooks verified with the published Standard Webhooks libraries, as receivers do."""

from __future__ import annotations

from support import api, signatures, verifiers
from support.case import EngineCase
from support.sink import Received

WEBHOOKS = 4


class Signatures(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.receiver = self.sink()
        self.server = self.serve()
        self.admin = self.server.admin()
        self.addCleanup(self.admin.close)
        self.secret = self.admin.post("/admin/callback-secrets", {"caller_service": "admin"}).expect(201)
        api.create_policy(self.admin, "sign.v1", api.stage(1, "admin"))

    def webhooks_of_one_request(self, artifact_id: str) -> list[Received]:
        body = api.request_body("sign.v1", artifact_id, self.receiver.url)
        created = self.admin.post("/requests", body).expect(201)
        self.admin.decide(created["tasks"][0]["id"]).expect(201)
        mine = created["request_id"]
        self.receiver.wait_for(
            lambda all_: sum(one.event["request_id"] == mine for one in all_) >= WEBHOOKS, f"{WEBHOOKS} webhooks"
        )
        return self.receiver.received(mine)

    def test_the_published_verifiers_believe_every_webhook_and_nothing_else(self) -> None:
        received = self.webhooks_of_one_request("CR-1")
        for language, verify in verifiers.published().items():
            for one in received:
                said = verify(one.headers, one.raw, self.secret["secret"])
                self.assertEqual(said, "ok", f"{language}: {one.event['event_type']}")
            one = received[0]
            changed = one.raw.replace(b"CR-1", b"CR-2")
            self.assertNotEqual(changed, one.raw)
            self.assertNotEqual(verify(one.headers, changed, self.secret["secret"]), "ok", language)
            other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
            self.assertNotEqual(verify(one.headers, one.raw, other), "ok", language)
            later = {**one.headers, "webhook-timestamp": str(int(one.headers["webhook-timestamp"]) + 1)}
            self.assertNotEqual(verify(later, one.raw, self.secret["secret"]), "ok", language)

    def test_while_a_rotation_overlaps_either_secret_verifies_and_then_only_the_new_one(self) -> None:
        path = f"/admin/callback-secrets/{self.secret['id']}"
        fresh = self.admin.post(f"{path}/rotate", {"grace_hours": 1}).expect(201)
        self.assertNotEqual(fresh["secret"], self.secret["secret"])
        overlapping = self.webhooks_of_one_request("CR-1")
        self.admin.send("DELETE", path).expect(204)
        after = self.webhooks_of_one_request("CR-2")
        for language, verify in verifiers.published().items():
            for one in overlapping:
                self.assertEqual(len(one.headers["webhook-signature"].split(" ")), 2)
                self.assertEqual(verify(one.headers, one.raw, self.secret["secret"]), "ok", language)
                self.assertEqual(verify(one.headers, one.raw, fresh["secret"]), "ok", language)
                signatures.verify(one.headers, one.raw, fresh["secret"])
            for one in after:
                self.assertEqual(verify(one.headers, one.raw, fresh["secret"]), "ok", language)
                self.assertNotEqual(verify(one.headers, one.raw, self.secret["secret"]), "ok", language)

    def test_a_test_event_is_signed_and_sent_like_every_webhook_and_audited(self) -> None:
        path = f"/admin/callback-secrets/{self.secret['id']}/ping"
        answer = self.admin.post(path, {"url": self.receiver.url}).expect(200)
        self.assertEqual((answer["delivered"], answer["status_code"], answer["error"]), (True, 200, None), answer)
        one = self.receiver.received()[0]
        self.assertEqual(one.headers["webhook-id"], answer["event_id"])
        self.assertEqual((one.event["event_type"], one.event["sequence"]), ("ping", 0))
        signatures.verify(one.headers, one.raw, self.secret["secret"])
        for language, verify in verifiers.published().items():
            self.assertEqual(verify(one.headers, one.raw, self.secret["secret"]), "ok", language)
        audited = self.admin.get("/admin/audit?action=callback_secret.ping").expect(200)[0]
        self.assertEqual((audited["actor"], audited["resource_id"]), ("admin", self.secret["id"]))
        self.assertEqual(self.database.count("select count(*) from webhook_delivery"), 0)

    def test_a_test_event_that_fails_says_why_and_hostile_urls_are_refused(self) -> None:
        path = f"/admin/callback-secrets/{self.secret['id']}/ping"
        self.receiver.status = 401
        answer = self.admin.post(path, {"url": self.receiver.url}).expect(200)
        self.assertEqual((answer["delivered"], answer["status_code"]), (False, 401))
        self.assertEqual((answer["error"], answer["failed_by"]), ("answered 401", "receiver"))
        for url in ("http://169.254.169.254/", "http://10.0.0.1/", "ftp://example.org/"):
            self.assertEqual(self.admin.post(path, {"url": url}).status, 400, url)
        unknown = path.replace(self.secret["id"], "00000000-0000-0000-0000-000000000000")
        self.assertEqual(self.admin.post(unknown, {"url": self.receiver.url}).status, 404)
        with self.server.client("someone") as someone:
            self.assertEqual(someone.post(path, {"url": self.receiver.url}).status, 403)
        self.admin.send("DELETE", path.removesuffix("/ping")).expect(204)
        self.assertEqual(self.admin.post(path, {"url": self.receiver.url}).status, 409)
        self.assertEqual(len(self.receiver.received()), 1, "one was sent, and no other")
