"""A service that is called: says its version at any path, some time after its start, until it is asked to stop."""

from __future__ import annotations

import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    timeout = 60

    def do_GET(self) -> None:
        """Say the version."""
        text = os.environ["VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *ignored: object) -> None:
        """Say nothing of requests."""


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *ignored: sys.exit(0))
    time.sleep(1)  # as what has to load something first
    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
