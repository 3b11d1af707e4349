"""The consent pages in a real Chromium, from the stand-in authorization server and back to it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlencode

from support import browser, children, custodian, server
from support.custodian import KEY, U1, U2, CustodianCase
from support.waiting import until

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "authorization_server.py"
START_AGAIN = "Please start again"


@unittest.skipUnless(browser.is_there(), "no browser is at hand (in CI ./dev fails before this)")
class Pages(browser.BrowserMixin, CustodianCase):
    def setUp(self) -> None:
        super().setUp()
        self.one = self.custodian()
        self.port = server.free_port()
        self.back = f"http://127.0.0.1:{self.port}/continue"
        self.prepare("seed", "--return-url", self.back)
        self.start_stand_in()

    def start_stand_in(self) -> None:
        env = {
            **custodian.environment({}),
            "DATA_CUSTODIAN_URL": self.one.url,
            "BACKCHANNEL_URL": f"http://127.0.0.1:{self.one.internal}",
        }
        child = children.start(
            [sys.executable, str(EXAMPLE), "--port", str(self.port)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        self.addCleanup(children.end, child)
        until(lambda: server_answers(self.port), "the stand-in server answers")

    def token(self, lasts: timedelta = timedelta(minutes=5), **changes: object) -> str:
        return custodian.outbound(KEY, **{"return_url": f"{self.back}?state=s1", "lasts": lasts, **changes})

    def open(self, context, token: str, **more: str):
        page = context.new_page()
        page.goto(f"{self.one.url}/consent?{urlencode({'handoff': token, **more})}")
        return page

    def choose(self, page, number: str = "42") -> None:
        """Names the customer and has the usage points listed."""
        page.fill("#customer_id", number)
        page.click("button[value=show]")
        page.wait_for_selector("input[name=usage_point]")

    def walk(self, script: bool) -> dict:
        page = self.context(script).new_page()
        page.goto(f"http://127.0.0.1:{self.port}/")
        page.click("text=Energy and personal data")
        self.assertTrue(page.url.startswith(f"{self.one.url}/consent?handoff="), page.url)
        self.choose(page)
        page.check(f"input[value='{U1}']")
        page.check("#pii")
        page.click("button[value=allow]")
        page.wait_for_url(re.compile(re.escape(self.back)))
        self.assertEqual(page.text_content("#status"), "201", page.text_content("#answer"))
        return json.loads(page.text_content("#answer"))

    def assert_stored(self, answer: dict) -> None:
        self.assertEqual(len(answer), 6, answer)
        read = self.one.authorization(answer["authorization_id"])
        self.assertEqual((read["status"], read["scope"]), ("ACTIVE", "FB=4_5_15_54;IntervalDuration=3600"))
        self.assertEqual(answer["customer_resource_uri"], f"{self.one.url}/espi/1_1/resource/RetailCustomer/42/Customer/42")

    def test_the_whole_flow_ends_in_a_stored_authorization(self) -> None:
        self.assert_stored(self.walk(script=True))

    def test_the_whole_flow_works_without_script(self) -> None:
        self.assert_stored(self.walk(script=False))

    def test_a_gated_client_waits_and_becomes_active_when_the_officer_approves(self) -> None:
        page = self.context().new_page()
        page.goto(f"http://127.0.0.1:{self.port}/")
        page.click("text=Energy data, to be approved")
        self.choose(page)
        page.check(f"input[value='{U2}']")
        page.click("button[value=allow]")
        page.wait_for_selector("#status")
        self.assertEqual(page.text_content("#status"), "202")
        answer = json.loads(page.text_content("#answer"))
        self.decide(answer["awe_request_id"])
        self.until_status(self.one, answer["authorization_id"], "ACTIVE")

    def test_a_customer_who_says_no_goes_back_and_nothing_is_stored(self) -> None:
        page = self.context().new_page()
        page.goto(f"http://127.0.0.1:{self.port}/")
        page.click("text=Energy data >> nth=0")
        page.fill("#customer_id", "42")
        page.click("button[value=deny]")
        page.wait_for_selector("#answer")
        self.assertIn("access_denied", page.text_content("#answer"))
        self.assertEqual(self.stored(), 0)

    def test_every_page_is_accessible_in_every_language(self) -> None:
        titles = set()
        for language, direction in (("en", "ltr"), ("fr", "ltr"), ("ar", "rtl"), ("hi", "ltr")):
            with self.subTest(language):
                context = self.context(language=language)
                page = self.open(context, self.token())
                self.assertEqual(page.get_attribute("html", "lang"), language)
                self.assertEqual(page.get_attribute("html", "dir"), direction)
                self.assert_accessible(page)
                self.choose(page)
                self.assert_accessible(page)
                page.click("button[value=allow]")
                page.wait_for_selector("[role=alert]")
                self.assert_accessible(page)
                refused = self.open(context, "x.y")
                self.assert_accessible(refused)
                titles |= {page.title(), refused.title()}
        self.assertEqual(len(titles), 8, titles)

    def test_the_language_can_be_chosen_and_stays(self) -> None:
        page = self.open(self.context(), self.token())
        page.click("nav a[lang=fr]")
        self.assertEqual(page.get_attribute("html", "lang"), "fr")
        self.choose(page)
        self.assertEqual(page.get_attribute("html", "lang"), "fr")

    def test_it_fits_a_small_screen_and_is_used_by_keyboard_alone(self) -> None:
        page = self.open(self.context(), self.token(scope="FB=54"))
        page.set_viewport_size({"width": 320, "height": 640})
        wide = page.evaluate("document.documentElement.scrollWidth")
        self.assertLessEqual(wide, 320)
        page.focus("#customer_id")
        page.keyboard.type("42")
        page.focus("#pii")
        page.keyboard.press("Space")
        page.focus("button[value=allow]")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(re.escape(self.back)))

    def test_the_back_button_after_an_answer_ends_in_the_one_page(self) -> None:
        page = self.open(self.context(), self.token(scope="FB=54"))
        page.fill("#customer_id", "42")
        page.check("#pii")
        page.click("button[value=allow]")
        page.wait_for_url(re.compile(re.escape(self.back)))
        page.go_back()
        self.assertEqual(page.title(), START_AGAIN)

    def test_a_double_submit_is_answered_once(self) -> None:
        token = self.token(scope="FB=54")
        page = self.open(self.context(), token)
        page.fill("#customer_id", "42")
        page.check("#pii")
        page.dblclick("button[value=allow]", no_wait_after=True)
        page.wait_for_load_state()
        until(lambda: page.title() == START_AGAIN or page.url.startswith(self.back), "an answer or the one page")
        self.assertEqual(self.one.metric('handoffs_total{outcome="answered"}'), 1)

    def test_a_token_that_expires_while_the_page_is_open_ends_in_the_one_page(self) -> None:
        page = self.open(self.context(), self.token(lasts=timedelta(seconds=2), scope="FB=54"))
        page.fill("#customer_id", "42")
        page.check("#pii")
        ended = datetime.now(timezone.utc) + timedelta(seconds=2)
        until(lambda: datetime.now(timezone.utc) > ended, "the token has expired")
        page.click("button[value=allow]")
        self.assertEqual(page.title(), START_AGAIN)

    def test_of_two_tabs_with_one_token_the_second_ends_in_the_one_page(self) -> None:
        context, token = self.context(), self.token(scope="FB=54")
        first, second = self.open(context, token), self.open(context, token)
        for page in (first, second):
            page.fill("#customer_id", "42")
            page.check("#pii")
        first.click("button[value=allow]")
        first.wait_for_url(re.compile(re.escape(self.back)))
        second.click("button[value=allow]")
        self.assertEqual(second.title(), START_AGAIN)

    def test_a_return_url_that_is_not_registered_ends_in_the_one_page(self) -> None:
        for url in ("https://evil.example/continue", f"{self.back}/more", self.back.replace("127.0.0.1", "localhost")):
            with self.subTest(url):
                page = self.open(self.context(), self.token(return_url=url))
                self.assertEqual(page.title(), START_AGAIN)


def server_answers(port: int) -> bool:
    try:
        return custodian.send(port, "GET", "/", None, {}).status == 200
    except OSError:
        return False
