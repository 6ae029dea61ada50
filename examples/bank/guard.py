"""The guard of the ledger: passes on requests that carry a customer's token, and tells the ledger whose it is.

Needs nothing but Python, so that it runs in Python's own image. PORT is where it listens, BEHIND whom it guards.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEY = Path(os.environ.get("SIGNING_KEY", "/run/keys/signing")).read_bytes().strip()
BEHIND = os.environ["BEHIND"]
BODY = 16 * 1024
"""Bytes of a request's body at most."""


def customer(token: str) -> str | None:
    """Return whose a token is; None if nobody signed it."""
    name, _, signature = token.removeprefix("Bearer ").rpartition(".")
    right = hmac.new(KEY, name.encode(), hashlib.sha256).hexdigest()
    return name if name and hmac.compare_digest(signature.encode(), right.encode()) else None


class Guard(BaseHTTPRequestHandler):
    """Answers a request, or passes it on."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        """Pass on what asks."""
        self._handle(None)

    def do_POST(self) -> None:
        """Pass on what changes something."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY:
            self.close_connection = True
            self._answer(413, json.dumps({"detail": "The body is too large."}).encode())
            return
        self._handle(self.rfile.read(int(length)))

    def _handle(self, body: bytes | None) -> None:
        headers = {"Content-Type": "application/json"}
        if self.path != "/health":
            name = customer(self.headers.get("Authorization", ""))
            if name is None:
                self._answer(401, json.dumps({"detail": "The token is missing or false."}).encode())
                return
            headers["X-Customer"] = name
        try:
            request = urllib.request.Request(BEHIND + self.path, body, headers, method=self.command)
            with urllib.request.urlopen(request, timeout=10) as answer:
                status, said = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, said = refused.code, refused.read()
        except OSError:
            status, said = 502, json.dumps({"detail": "The ledger does not answer."}).encode()
        self._answer(status, said)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of single requests, whose headers are secret."""


if __name__ == "__main__":
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Guard).serve_forever()
