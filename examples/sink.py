#!/usr/bin/env python3
"""A webhook receiver: verifies the signature of what arrives and prints one line for each event.

Standard library only. Usage: sink.py --port 9099 --secret whsec_... [--count 4 --seconds 60]
"""

import argparse
import hashlib
import hmac
import json
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE = 300  # seconds between the signature's clock and ours
LARGEST = 1 << 20


def verified(secret: str, headers, body: bytes) -> bool:
    """X-Approval-Signature: sha256=<hex HMAC-SHA256(secret, timestamp + "." + body)>."""
    timestamp = headers.get("X-Approval-Timestamp", "")
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > TOLERANCE:
        return False
    signed = timestamp.encode() + b"." + body
    expected = "sha256=" + hmac.new(secret.strip().encode(), signed, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected, headers.get("X-Approval-Signature", ""))


def handler(secret: str, seen: list):
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(min(length, LARGEST))
            good = verified(secret, self.headers, body)
            if good:
                event = json.loads(body)
                print(f"webhook {event['sequence']} {event['event_type']} status={event['status']} verified", flush=True)
                seen.append(event["event_id"])
            else:
                print("webhook with a bad signature refused", flush=True)
            self.send_response(204 if good else 401)
            self.end_headers()

        def do_GET(self) -> None:
            """For whoever waits until webhooks can be received."""
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"listening for webhooks\n")

        def log_message(self, *_: object) -> None:
            """Only events are worth a line."""

    return Receiver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=int, default=9099)
    parser.add_argument("--secret", required=True, help="the callback secret, exactly as it was shown")
    parser.add_argument("--count", type=int, default=0, help="end after so many events; 0 = do not end")
    parser.add_argument("--seconds", type=float, default=60, help="end after so long even with fewer than --count")
    options = parser.parse_args()
    seen: list = []
    server = HTTPServer((options.host, options.port), handler(options.secret, seen))
    server.timeout = 0.2
    give_up = time.monotonic() + options.seconds
    while not options.count or (len(set(seen)) < options.count and time.monotonic() < give_up):
        server.handle_request()


if __name__ == "__main__":
    main()
