"""The data custodian with a real Keycloak: customers sign in on its pages, and tokens of the issuer alone count."""

from __future__ import annotations

import json
import re
import secrets
import unittest
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from support import api, browser, custodian, keycloak, server
from support.custodian import RESOURCE, U1, CustodianCase, grant
from support.keycloak import Realm

CUSTOMERS = Path(__file__).resolve().parents[1] / "deploy" / "keycloak" / "customers-realm.json"
KEY, SECRET = "a signing key of our own, which is long enough", "a secret of our own"
RETURN_URL = "https://as.example.com/continue"
START_AGAIN = "Please start again"


class WithRealm(CustodianCase):
    gated = False

    def setUp(self) -> None:
        super().setUp()
        body = json.loads(CUSTOMERS.read_text())
        body["realm"], port = f"customers-{secrets.token_hex(4)}", server.free_port()
        body["clients"][0]["redirectUris"] = [f"http://127.0.0.1:{port}/consent/signed-in"]
        status, said = keycloak.call("POST", f"{keycloak.url()}/admin/realms", body, keycloak.admin_token())
        self.assertEqual(status, 201, said)
        self.realm = Realm(body["realm"])
        self.addCleanup(self.realm.remove)
        self.custodian_settings |= {
            "public.port": port, "auth.issuer": self.realm.issuer, "auth.client_secret": "demo-data-custodian",
            "backchannel.client_secret": SECRET, "handoff.signing_key": KEY,
        }  # fmt: skip
        self.one = self.custodian()


class Gated(CustodianCase):
    """AWE trusts the realm of staff, the custodian that of customers, and calls AWE by a service account of staff."""

    def setUp(self) -> None:
        self.staff = Realm()
        super().setUp()

    def awe_settings(self) -> dict[str, object]:
        return {key.replace(".", "__"): value for key, value in self.staff.settings().items()}

    def admin(self) -> api.Client:
        return self.awe.client().bearing(self.staff.token("admin"))

    def test_a_grant_is_approved_by_an_officer_of_the_realm_of_staff(self) -> None:
        one = self.custodian(
            awe__token_url=self.staff.token_url, awe__client_id="data-custodian", awe__client_secret="demo-data-custodian"
        )
        answer = one.provision(grant()).expect(202)
        with self.awe.client().bearing(self.staff.token(custodian.OFFICER)) as officer:
            task = officer.get(f"/tasks?request_id={answer['awe_request_id']}").expect(200)["items"][0]["id"]
            officer.decide(task).expect(201)
        self.until_status(one, answer["authorization_id"], "ACTIVE")
        with self.admin() as admin:
            request = admin.get(f"/requests/{answer['awe_request_id']}").expect(200)
        account = self.staff.admin("GET", "users?exact=true&username=service-account-data-custodian")[0]["id"]
        self.assertEqual(request["source_service"], account)


class Tokens(WithRealm):
    def test_tokens_of_the_realm_count_and_unsigned_ones_do_not(self) -> None:
        stored = self.one.provision(grant(client_id="third_party")).expect(201)
        path = f"{RESOURCE}/Authorization/{stored['authorization_id']}"
        owner = self.realm.token("customer42", client="customer-portal")
        third_party = self.realm.service_token("third_party", "demo-third-party")
        for token in (owner, third_party):
            self.assertEqual(self.one.call("GET", path, token).status, 200)
        stranger = self.realm.token("customer43", client="customer-portal")
        self.assertEqual(self.one.call("GET", path, stranger).status, 404)
        head, claims, signature = owner.split(".")
        forged = f"{head}.{claims}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
        for token in (custodian.customer(42), custodian.client("third_party"), forged, keycloak.admin_token()):
            answer = self.one.call("GET", path, token)
            self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, "Bearer"))
        self.assertEqual(self.one.call("DELETE", path, owner).status, 204)

    def test_while_the_issuer_is_away_a_call_is_503_at_once_and_not_401(self) -> None:
        lonely = self.custodian(auth__issuer="http://127.0.0.1:1/realms/away", public__port=server.free_port())
        path = f"{RESOURCE}/Authorization/{U1}"
        token = self.realm.token("customer42", client="customer-portal")
        for _ in range(3):
            answer = lonely.call("GET", path, token)
            self.assertEqual((answer.status, answer.json["error"]), (503, "temporarily_unavailable"))
            self.assertIn("Retry-After", answer.headers)


@unittest.skipUnless(browser.is_there(), "no browser is at hand (in CI ./dev fails before this)")
class SignIn(browser.BrowserMixin, WithRealm):
    def open(self, **more: str):
        page = self.context().new_page()
        token = custodian.outbound(KEY, RETURN_URL)
        page.goto(f"{self.one.url}/consent?{urlencode({'handoff': token, **more})}")
        return page

    def sign_in(self, page, name: str) -> None:
        page.fill("#username", name)
        page.fill("#password", name)
        page.click("#kc-login")

    def test_a_customer_signs_in_is_asked_and_goes_back(self) -> None:
        page = self.open()
        self.assertTrue(page.url.startswith(self.realm.issuer), page.url)
        self.sign_in(page, "customer42")
        page.wait_for_selector("input[name=usage_point]")
        self.assertEqual(page.query_selector("#customer_id"), None, "nobody names themselves")
        self.assert_accessible(page)
        page.check(f"input[value='{U1}']")
        # Nobody answers at the return URL: where the browser is sent is what counts.
        page.route(re.compile(r"https://as\.example\.com/.*"), lambda route: route.fulfill(body="back"))
        page.click("button[value=allow]")
        page.wait_for_url(re.compile(r"https://as\.example\.com/.*"))
        answer = custodian.returned(parse_qs(urlsplit(page.url).query)["handoff"][0])
        self.assertEqual((answer["sub"], answer["up"], answer["consent"]), ("42", [U1], "allow"))

    def test_a_form_that_names_another_customer_is_answered_for_who_is_signed_in(self) -> None:
        page = self.open()
        self.sign_in(page, "customer43")
        page.wait_for_selector("input[name=usage_point]")
        page.evaluate(
            "document.forms[0].insertAdjacentHTML('beforeend', '<input type=hidden name=customer_id value=42>')"
        )
        page.evaluate(f"document.querySelector('input[name=usage_point]').value = '{U1}'")
        page.check("input[name=usage_point]")
        page.click("button[value=allow]")
        page.wait_for_selector("[role=alert]")
        self.assertNotIn(U1, page.content())

    def test_somebody_who_is_no_customer_ends_in_the_one_page(self) -> None:
        page = self.open()
        self.sign_in(page, "nobody")
        page.wait_for_url(re.compile(re.escape(self.one.url)))
        self.assertEqual(page.title(), START_AGAIN)

    def test_an_answer_of_the_issuer_that_nobody_asked_for_ends_in_the_one_page(self) -> None:
        page = self.context().new_page()
        page.goto(f"{self.one.url}/consent/signed-in?code=x&state=y")
        self.assertEqual(page.title(), START_AGAIN)
