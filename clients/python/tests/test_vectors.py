"""Webhooks against schemas/webhook-vectors.json, and what no vector can say."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
import unittest
from typing import Any, Dict

from awe_client import UnknownEvent, WebhookEvent, sign_for_test, verify
from awe_client.webhooks import ERRORS, HINTS, BadSecret, NoMatch, TooOld, VerificationError

from .support import VECTORS

FILE: Dict[str, Any] = json.loads(VECTORS.read_text())
SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
BARE = {"event_id": "e-1", "event_type": "request_novelty"}


def outcome(case: Dict[str, Any]) -> Dict[str, Any]:
    raw = base64.b64decode(case["body_base64"])
    headers = [tuple(pair) for pair in case["headers"]]
    try:
        event = verify(raw, headers, case["secrets"], tolerance=case["tolerance"], now=case["now"])
    except VerificationError as refused:
        assert ERRORS[refused.kind] is type(refused)
        return {"error": refused.kind, "hint": refused.hint}
    known = isinstance(event, WebhookEvent)
    return {"event_id": event.event_id, "event_type": event.event_type, "known": known}


class Vectors(unittest.TestCase):
    def test_every_vector_has_the_outcome_that_it_names(self) -> None:
        self.assertGreater(len(FILE["cases"]), 100)
        for case in FILE["cases"]:
            with self.subTest(case["name"]):
                self.assertEqual(outcome(case), case["expect"])

    def test_every_error_and_hint_has_a_vector(self) -> None:
        expected = [case["expect"] for case in FILE["cases"]]
        self.assertEqual({one["error"] for one in expected if "error" in one}, set(ERRORS))
        self.assertEqual({one["hint"] for one in expected if one.get("hint")}, set(HINTS))

    def test_signatures_are_those_of_the_vectors(self) -> None:
        for row in FILE["signing"]:
            with self.subTest(row["name"]):
                raw = base64.b64decode(row["body_base64"])
                body, headers = sign_for_test(
                    raw, row["secrets"], event_id=row["event_id"], timestamp=row["timestamp"]
                )
                headers.pop("content-type")
                self.assertEqual(body, raw)
                self.assertEqual(headers, {name.lower(): value for name, value in row["headers"].items()})


class Verify(unittest.TestCase):
    def test_what_was_signed_for_a_test_is_accepted_now(self) -> None:
        raw, headers = sign_for_test(BARE, SECRET)
        event = verify(raw, headers, SECRET)
        self.assertIsInstance(event, UnknownEvent)
        self.assertEqual(event.event_id, "e-1")

    def test_the_clock_is_asked_when_no_time_is_given(self) -> None:
        raw, headers = sign_for_test(BARE, SECRET, timestamp=int(time.time()) - 301)
        with self.assertRaises(TooOld):
            verify(raw, headers, SECRET)
        verify(raw, headers, SECRET, tolerance=310)

    def test_headers_may_be_bytes_and_lists(self) -> None:
        raw, headers = sign_for_test(BARE, SECRET)
        verify(raw, [(name.encode(), value.encode()) for name, value in headers.items()], SECRET)
        verify(bytearray(raw), {name: [value] for name, value in headers.items()}, SECRET)
        verify(raw.decode(), headers, SECRET)

    def test_a_parsed_body_is_told_as_such(self) -> None:
        _, headers = sign_for_test(BARE, SECRET)
        with self.assertRaisesRegex(TypeError, "not a parsed dict"):
            verify(BARE, headers, SECRET)  # type: ignore[arg-type]

    def test_a_tolerance_that_is_no_number_of_seconds_is_refused(self) -> None:
        raw, headers = sign_for_test(BARE, SECRET)
        for wrong in (float("nan"), float("inf"), -1.0):
            with self.assertRaises(ValueError):
                verify(raw, headers, SECRET, tolerance=wrong)

    def test_no_secret_at_all_is_a_bad_secret(self) -> None:
        raw, headers = sign_for_test(BARE, SECRET)
        with self.assertRaises(BadSecret):
            verify(raw, headers, [])

    def test_a_refusal_repeats_neither_secret_nor_signature(self) -> None:
        raw, headers = sign_for_test(BARE, SECRET)
        other = "whsec_" + base64.b64encode(b"x" * 32).decode()
        with self.assertRaises(NoMatch) as caught:
            verify(raw, headers, other)
        for word in (other[6:], headers["webhook-signature"], headers["x-approval-signature"]):
            self.assertNotIn(word, str(caught.exception))

    def test_webhooks_need_no_other_package(self) -> None:
        program = (
            "import sys\n"
            "for name in ('httpx', 'pydantic', 'nats'): sys.modules[name] = None\n"
            "import awe_client\n"
            f"raw, headers = awe_client.sign_for_test({BARE!r}, {SECRET!r})\n"
            f"print(awe_client.Receiver({SECRET!r}).handle(raw, headers, print).status)\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.endswith("200\n"), done.stdout)
