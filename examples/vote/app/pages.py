"""A small web server: functions that answer paths."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[Any], tuple[int, Any]]
"""Takes the JSON of a request (None without one), and returns the status and the JSON of the answer."""


def _health(body: Any) -> tuple[int, Any]:
    return 200, "well"


def serve(prefix: str, answers: dict[str, Answer]) -> None:
    """Answer requests at PORT, by their methods, at a path. `health` below it is always there."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 60

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            path = self.path.partition("?")[0].rstrip("/")
            known = answers.get(method) if path == prefix else None
            if path == f"{prefix}/health":
                known = _health
            try:
                length = min(int(self.headers.get("Content-Length") or 0), 16 * 1024)
                body = json.loads(self.rfile.read(length)) if length else None
                status, answer = known(body) if known else (404, "There is nothing here.")
            except ValueError:
                status, answer = 400, "The body is no JSON."
            except OSError:
                status, answer = 503, "The store does not answer."
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
