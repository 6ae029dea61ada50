"""Answers HTTP at a socket, wherever that is."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.system.calls import Request


@dataclass(frozen=True)
class Answer:
    """An answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Serving:
    """A server, until it ends."""

    def __init__(self, listener: socket.socket, answer: Callable[[Request, str], Answer]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                """Hands the request on, and writes what comes of it."""
                headers = {name.lower(): text for name, text in self.headers.items()}
                if headers.get("expect") == "100-continue":
                    self.send_response_only(100)
                    self.end_headers()
                body = self.rfile.read(int(headers.get("content-length", 0)))
                done = answer(Request(self.command, self.path, headers, body), self.client_address[0])
                self.send_response(done.status)
                for name, text in done.headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(done.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(done.body)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def handle_expect_100(self) -> bool:
                """Told when the body is read."""
                return True

            def log_message(self, *ignored: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def server_bind(self) -> None:
                """The socket is bound."""

            def server_activate(self) -> None:
                """It listens."""

        self._server = Server(("", 0), Handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listener
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
