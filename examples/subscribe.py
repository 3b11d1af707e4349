#!/usr/bin/env python3
"""Prints approval events from NATS JetStream, with the plain NATS text protocol and the standard library only.

Usage: subscribe.py --url nats://127.0.0.1:4222 [--subject 'awe.events.request_approved.>'] [--request ID] [--count N]
A user and password may stand in the URL. Starts with the oldest event that the stream keeps, and ends after N events or --seconds without one.
"""

import argparse
import json
import socket
import sys
from urllib.parse import unquote, urlparse

INBOX = "_INBOX.awe_example"


class Nats:
    """One connection: enough of the protocol to subscribe and to ask JetStream for a consumer."""

    def __init__(self, url: str, seconds: float) -> None:
        address = urlparse(url)
        self.socket = socket.create_connection((address.hostname, address.port or 4222), timeout=seconds)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()  # INFO
        options = {"verbose": False, "headers": True, "name": "subscribe.py"}
        if address.username:
            options.update({"user": unquote(address.username), "pass": unquote(address.password or "")})
        self.send("CONNECT", json.dumps(options))

    def send(self, *words: str) -> None:
        self.socket.sendall(" ".join(words).encode() + b"\r\n")

    def publish(self, subject: str, reply: str, body: object) -> None:
        raw = json.dumps(body).encode()
        self.socket.sendall(f"PUB {subject} {reply} {len(raw)}\r\n".encode() + raw + b"\r\n")

    def messages(self):
        """Subject and body of each message, for ever; answers the server's pings."""
        while line := self.lines.readline():
            words = line.split()
            if words[:1] == [b"PING"]:
                self.send("PONG")
            elif words[:1] in ([b"MSG"], [b"HMSG"]):
                headers, total = (int(words[-2]), int(words[-1])) if words[0] == b"HMSG" else (0, int(words[-1]))
                raw = self.lines.read(total + 2)
                yield words[1].decode(), raw[headers:total]
            elif words[:1] == [b"-ERR"]:
                sys.exit(f"NATS refused: {line.decode().strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="nats://127.0.0.1:4222")
    parser.add_argument("--prefix", default="awe", help="nats.prefix of the installation")
    parser.add_argument("--subject", help="default: all events, PREFIX.events.>")
    parser.add_argument("--request", help="only events of this request")
    parser.add_argument("--count", type=int, default=0, help="end after so many; 0 = do not end")
    parser.add_argument("--seconds", type=float, default=30, help="end after so long without an event")
    options = parser.parse_args()
    everything = f"{options.prefix}.events.>"
    subject = f"{options.prefix}.events.*.*.{options.request}" if options.request else options.subject or everything
    stream = f"{options.prefix.upper()}_EVENTS"

    nats = Nats(options.url, options.seconds)
    nats.send("SUB", f"{INBOX}.events", "1")
    nats.send("SUB", f"{INBOX}.answers", "2")
    consumer = {"deliver_subject": f"{INBOX}.events", "deliver_policy": "all", "ack_policy": "none",
                "filter_subject": subject, "replay_policy": "instant"}
    request = {"stream_name": stream, "config": consumer}
    nats.publish(f"$JS.API.CONSUMER.CREATE.{stream}", f"{INBOX}.answers", request)
    seen = 0
    try:
        for topic, body in nats.messages():
            if topic.endswith(".answers"):
                if error := json.loads(body).get("error"):
                    sys.exit(f"JetStream refused: {error['description']}")
                continue
            event = json.loads(body)
            print(f"event {event['sequence']} {event['event_type']} status={event['status']}", flush=True)
            seen += 1
            if seen == options.count:
                return
    except TimeoutError:
        sys.exit(f"no event for {options.seconds:.0f} s")


if __name__ == "__main__":
    main()
