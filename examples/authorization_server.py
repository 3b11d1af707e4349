#!/usr/bin/env python3
"""A stand-in authorization server that walks the whole flow with a data custodian, in plain Python without packages:
it sends the browser to the consent page, takes the customer's answer, and has the grant stored by the back-channel.

    python3 examples/authorization_server.py      then open http://127.0.0.1:8022/

BACKCHANNEL_URL, DATA_CUSTODIAN_URL, BACKCHANNEL_CLIENT_ID, BACKCHANNEL_CLIENT_SECRET and ESPI_HANDOFF_SIGNING_KEY say
otherwise than the defaults of development.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import html
import json
import os
import secrets
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

LIFETIME = timedelta(minutes=5)
PII = range(54, 63)


def setting(name: str, default: str) -> str:
    return os.environ.get(name) or default


CUSTODIAN = setting("DATA_CUSTODIAN_URL", "http://127.0.0.1:8020")
BACKCHANNEL = setting("BACKCHANNEL_URL", "http://127.0.0.1:8021")
CLIENT_ID = setting("BACKCHANNEL_CLIENT_ID", "as-backchannel")
CLIENT_SECRET = setting("BACKCHANNEL_CLIENT_SECRET", "change-me-in-production")
KEY = setting("ESPI_HANDOFF_SIGNING_KEY", "dev-only-handoff-signing-key-change-me").encode()


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(payload: dict) -> str:
    """The MAC is over the encoded text, not over the JSON."""
    text = b64(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode())
    return f"{text}.{b64(hmac.new(KEY, text.encode(), hashlib.sha256).digest())}"


def read(token: str) -> dict:
    """A return token that is genuine and young; ValueError otherwise."""
    text, _, mac = token.partition(".")
    wanted = b64(hmac.new(KEY, text.encode(), hashlib.sha256).digest())
    if not hmac.compare_digest(mac, wanted):
        raise ValueError("the token is not genuine")
    payload = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    ends = datetime.fromisoformat(payload["exp"].replace("Z", "+00:00"))
    if payload["v"] != 1 or payload["dir"] != "return" or datetime.now(timezone.utc) > ends:
        raise ValueError("the token is of another kind, or expired")
    return payload


def without_pii(scope: str) -> str:
    """What is left of a scope when the customer shared no personal data: the back-channel wants both or neither."""
    terms = []
    for term in scope.split(";"):
        key, sign_, value = term.partition("=")
        if key.strip().lower() == "fb":
            value = "_".join(one for one in value.split("_") if not one.strip().isdigit() or int(one) not in PII)
        terms.append(key + sign_ + value)
    return ";".join(terms)


def provision(grant: dict) -> tuple[int, dict]:
    """Has a grant stored. No second try: the back-channel would store a second authorization."""
    credential = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    headers = {"content-type": "application/json", "authorization": f"Basic {credential}"}
    url = f"{BACKCHANNEL}/internal/backchannel/v1/subscriptions"
    request = urllib.request.Request(url, json.dumps(grant).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


class Flows:
    """Customers who are away at the consent page, by their correlation id, and the nonces that came back."""

    def __init__(self) -> None:
        self.open: dict[str, dict] = {}
        self.nonces: set[str] = set()

    def begin(self, client_id: str, scope: str, return_url: str) -> str:
        cid, now = secrets.token_hex(8), datetime.now(timezone.utc).replace(microsecond=0)
        self.open[cid] = {"client_id": client_id, "scope": scope}
        moment = "%Y-%m-%dT%H:%M:%SZ"
        token = sign({
            "v": 1, "dir": "outbound", "cid": cid, "iat": now.strftime(moment), "exp": (now + LIFETIME).strftime(moment),
            "nonce": b64(secrets.token_bytes(16)), "client_id": client_id, "scope": scope, "return_url": return_url,
        })  # fmt: skip
        return f"{CUSTODIAN}/consent?{urlencode({'handoff': token})}"

    def finish(self, token: str) -> tuple[int, dict]:
        answer = read(token)
        if answer["nonce"] in self.nonces or answer["cid"] not in self.open:
            raise ValueError("the token was used, or answers nothing that was asked")
        self.nonces.add(answer["nonce"])
        asked = self.open.pop(answer["cid"])
        if answer["consent"] != "allow":
            return 200, {"error": "access_denied"}
        shares_pii = "cust_uri" in answer
        grant = {
            "correlation_id": answer["cid"],
            "client_id": asked["client_id"],
            "granted_scope": asked["scope"] if shares_pii else without_pii(asked["scope"]),
            "retail_customer_id": int(answer["sub"]),
            "selected_usage_point_ids": answer["up"],
        }
        if shares_pii:
            grant["customer_resource_uri"] = answer["cust_uri"]
        return provision(grant)


class Handler(BaseHTTPRequestHandler):
    flows: Flows

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/":
            self.page(200, "<h1>Stand-in authorization server</h1><ul>" + "".join(
                f'<li><a href="/authorize?{html.escape(urlencode({"client_id": client, "scope": scope}))}">{what}</a></li>'
                for what, client, scope in (
                    ("Energy data", "third_party", "FB=4_5_15;IntervalDuration=3600"),
                    ("Energy and personal data", "third_party", "FB=4_5_15_54;IntervalDuration=3600"),
                    ("Energy data, to be approved", "gated_party", "FB=4_5_15"),
                )
            ) + "</ul>")  # fmt: skip
        elif parts.path == "/authorize" and {"client_id", "scope"} <= query.keys():
            back = f"http://127.0.0.1:{self.server.server_address[1]}/continue?state={secrets.token_hex(4)}"
            self.send_response(302)
            self.send_header("location", self.flows.begin(query["client_id"], query["scope"], back))
            self.end_headers()
        elif parts.path == "/continue":
            try:
                status, answer = self.flows.finish(query.get("handoff", ""))
            except (ValueError, KeyError) as error:
                status, answer = 400, {"error": str(error)}
            shown = html.escape(json.dumps(answer, indent=2))
            self.page(200, f'<h1>The customer is back</h1><p id="status">{status}</p><pre id="answer">{shown}</pre>')
        else:
            self.page(404, "<h1>Nothing is here</h1>")

    def page(self, status: int, body: str) -> None:
        text = f'<!doctype html><html lang="en"><title>Authorization server</title><main>{body}</main></html>'.encode()
        self.send_response(status)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Quiet: addresses hold tokens."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8022)
    port = parser.parse_args().port
    Handler.flows = Flows()
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"open http://127.0.0.1:{server.server_address[1]}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
