"""What an orchestrator sees of a server that it stops."""

from __future__ import annotations

from support import api
from support.case import EngineCase
from support.waiting import until


class Stopping(EngineCase):
    def test_readiness_fails_first_and_calls_are_answered_meanwhile(self) -> None:
        self.migrate()
        started = self.serve(server__unready_seconds=4)
        with started.admin() as admin:
            api.create_policy(admin, "probes.v1", api.stage(1, "alice"))
            admin.get("/health/ready").expect(200)
        started.terminate()

        def unready() -> bool:
            with started.client() as anybody:
                answer = anybody.get("/health/ready")
            return answer.status == 503 and answer.json["errors"][0]["reason"] == "stopping"

        until(unready, "it says that nothing new should be sent to it", 3)
        # On a new connection: the listener is open still.
        with started.admin() as admin:
            admin.post("/requests", api.request_body("probes.v1", "CR-1")).expect(201)
            for path in ("/health/live", "/health/startup", "/health"):
                admin.get(path).expect(200)
        self.assertEqual(started.exit_code(), 0)
