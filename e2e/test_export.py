"""What `GET /admin/system-config/export` gives is what a server starts from: another one comes to the same settings."""

from __future__ import annotations

import subprocess

from support.case import EngineCase
from support.server import Server

REGISTRATION = {
    "REGISTRATION_GATE_ENABLED": "false",
    "REGISTRATION_GATE_URL": "https://gate.example.org/decide?x=it's ${HOME}",
    "REGISTRATION_GATE_AUTH_TYPE": "bearer",
    "REGISTRATION_GATE_AUTH_CREDENTIAL": "credential of the gate",
    "REGISTRATION_GATE_MAX_RETRIES": "5",
    "REGISTRATION_WEBHOOK_URL": "https://told.example.org/",
    "REGISTRATION_WEBHOOK_AUTH_TOKEN": "0123",
}
OTHERS = {
    "module": "north \"1\" 'x' ${PATH} `id`",
    "webhook.backoff_seconds": "[7, 70]",
    "egress.allow_cidrs": "[10.20.0.0/16]",
    "auth.role_clients": "[portal, other-portal]",
    "credentials.hr.type": "bearer",
    "credentials.hr.token": "credential of hr",
    "notifier.link_template": "https://awe.example.org/tasks/{{ task_id }}",
    "webhook.allow_unsigned": "false",
}
MASK = "********"


class Export(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.migrate()
        self.settings.update(OTHERS)
        first = self.serve(more=REGISTRATION)
        self.before = {form: self.export(first, form) for form in ("env", "yaml", "tfvars")}
        first.stop()
        self.secrets = {
            "AWE__DATABASE__URL": str(self.settings["database.url"]),
            "AWE__NATS__URL": self.nats_url,
            "AWE__SECRETS__MASTER_KEY": str(self.settings["secrets.master_key"]),
            "AWE__CREDENTIALS__HR__TOKEN": OTHERS["credentials.hr.token"],
            "AWE__GATE__AUTH_CREDENTIAL": REGISTRATION["REGISTRATION_GATE_AUTH_CREDENTIAL"],
            "AWE__REGISTRATION_WEBHOOK__AUTH_TOKEN": REGISTRATION["REGISTRATION_WEBHOOK_AUTH_TOKEN"],
            # A URL is exported without its query, which may hold a secret.
            "AWE__GATE__URL": REGISTRATION["REGISTRATION_GATE_URL"],
        }

    def export(self, running: Server, form: str) -> str:
        with running.admin() as admin:
            answer = admin.get(f"/admin/system-config/export?format={form}")
        self.assertEqual(answer.status, 200, answer.raw)
        text = answer.raw.decode()
        # Each server has a port of its own here.
        return "\n".join(line for line in text.splitlines() if str(running.port) not in line)

    def start(self, more: dict[str, str]) -> Server:
        started = Server({}, self.folder / "second.log", more={**more, **self.secrets})
        self.addCleanup(started.stop)
        return started

    def test_from_variables(self) -> None:
        file = self.folder / "awe.env"
        file.write_text(self.before["env"])
        # As a shell reads it.
        read = subprocess.run(["env", "-i", "bash", "-c", f"set -a; . {file}; env -0"], capture_output=True, text=True, timeout=20)
        self.assertEqual(read.returncode, 0, read.stderr)
        found = dict(line.split("=", 1) for line in read.stdout.split("\0") if line.startswith("AWE__"))
        self.assertEqual(found["AWE__MODULE"], OTHERS["module"])
        masked = {name for name, value in found.items() if value == MASK}
        self.assertEqual(masked - set(self.secrets), set(), "every secret is known to be one")
        second = self.start(found)
        self.assertEqual(self.export(second, "env"), self.before["env"])

    def test_from_a_file(self) -> None:
        file = self.folder / "awe.yaml"
        file.write_text(self.before["yaml"])
        second = self.start({"AWE_CONFIG": str(file)})
        self.assertEqual(self.export(second, "yaml"), self.before["yaml"])
        self.assertEqual(self.export(second, "env"), self.before["env"])

    def test_for_the_terraform_module(self) -> None:
        text = self.before["tfvars"]
        self.assertIn('  AWE__WEBHOOK__BACKOFF_SECONDS = "[7,70]"', text)
        self.assertIn("'x' $${PATH} `id`", text, "HCL would read a template")
        clear, _, secret = text.partition("\n}\n")
        self.assertNotIn(MASK, clear)
        self.assertIn('#   AWE__GATE__AUTH_CREDENTIAL = "********"', secret)
        self.assertNotIn("credential of", text)
