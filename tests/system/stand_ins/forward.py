"""A web server that says `SAYS`, and at `/NAME` also what the service of the variable `NAME_URL` answers."""

from __future__ import annotations

import os
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Says its words, or asks another service."""
        status, said = 200, os.environ["SAYS"].encode()
        url = os.environ.get(f"{self.path.rpartition('/')[2].upper()}_URL")
        if url:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    said += b" " + answer.read()
            except OSError as fault:
                status, said = 502, str(fault).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *ignored: object) -> None:
        """Says nothing."""


class Server(ThreadingHTTPServer):
    """A server that takes many connections at once."""

    daemon_threads = True
    request_queue_size = 128


if __name__ == "__main__":
    Server(("", int(os.environ["PORT"])), Handler).serve_forever()
