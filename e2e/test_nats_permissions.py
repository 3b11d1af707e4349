"""With the example configuration of nats-server, AWE may publish, subscribers may listen, and nobody else gets in."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import quote

from support import api, children, server
from support.case import EngineCase
from support.nats import Nats
from support.waiting import until

EXAMPLE = Path(__file__).resolve().parent.parent / "deploy" / "nats" / "nats-server.conf"


class Permissions(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.port = server.free_port()
        self.password, self.reader = f"p@{secrets.token_hex(12)}", f"r{secrets.token_hex(12)}"
        # The configuration as it is shipped, except for its ports and folders.
        text = EXAMPLE.read_text()
        for shipped, ours in (("0.0.0.0:4222", f"127.0.0.1:{self.port}"), ("/var/lib/nats", str(self.folder / "js"))):
            self.assertIn(shipped, text)
            text = text.replace(shipped, ours)
        config, log = self.folder / "nats.conf", (self.folder / "nats.log").open("w")
        self.addCleanup(log.close)
        config.write_text(text)
        program = os.environ.get("AWE_NATS_BIN") or "nats-server"
        passwords = {"AWE_NATS_PASSWORD": self.password, "AWE_NATS_SUBSCRIBER_PASSWORD": self.reader}
        child = children.start([program, "-c", str(config)], stdout=log, stderr=log, env={**os.environ, **passwords})
        self.addCleanup(children.end, child)
        until(self.answers, "nats-server answers")

    def answers(self) -> bool:
        try:
            self.connect("awe", self.password).close()
        except OSError:
            return False
        return True

    def url(self, user: str, password: str) -> str:
        return f"nats://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}"

    def connect(self, user: str, password: str) -> Nats:
        return Nats(self.url(user, password))

    def test_only_awe_publishes_events_and_a_subscriber_only_listens(self) -> None:
        self.settings.update({"nats.url": self.url("awe", self.password), "nats.prefix": "awe"})
        self.migrate()
        subscriber = self.connect("subscriber", self.reader)
        self.addCleanup(subscriber.close)
        subscriber.subscribe("awe.events.>")
        started = self.serve()
        with started.admin() as admin:
            api.create_policy(admin, "real.v1", api.stage(1, "alice"))
            created = admin.post("/requests", api.request_body("real.v1", "CR-1")).expect(201)
        heard = subscriber.next()
        self.assertIn(created["request_id"], heard.subject)
        until(
            lambda: self.database.count("select count(*) from unpublished_event") == 0,
            "every event is published",
        )
        kept = [message.json["event_type"] for message in subscriber.stream("AWE_EVENTS", "awe.events.>")]
        self.assertEqual(kept, ["request_created", "stage_started"])

        forged = f"awe.events.request_approved.change_request.{created['request_id']}"
        for subject in (forged, "awe.work.delivery", "$JS.API.STREAM.PURGE.AWE_EVENTS", "$JS.API.STREAM.DELETE.AWE_EVENTS"):
            with self.connect("subscriber", self.reader) as forger:
                with self.assertRaisesRegex(AssertionError, "Permissions Violation for Publish"):
                    forger.request(subject, {"event_type": "request_approved"})
        with self.connect("subscriber", self.reader) as curious:
            with self.assertRaisesRegex(AssertionError, "Permissions Violation for Subscription"):
                curious.subscribe("awe.work.>")
        kept = [message.json["event_type"] for message in subscriber.stream("AWE_EVENTS", "awe.events.>")]
        self.assertEqual(kept, ["request_created", "stage_started"], "nothing forged is in the stream")

    def test_a_stranger_is_not_let_in(self) -> None:
        for url in (f"nats://127.0.0.1:{self.port}", self.url("awe", "wrong"), self.url("stranger", self.password)):
            with self.assertRaisesRegex(AssertionError, "Authorization Violation|closed the connection"):
                Nats(url).request("awe.events.request_approved.change_request.x", {})
