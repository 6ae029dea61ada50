"""An HTTP proxy between a command and the sandbox, in which a plan of faults happens.

    with proxied(world.endpoint, plan) as proxy:
        msaspec("deploy", "--endpoint-url", proxy.endpoint)
    assert proxy.hits

It answers the command as AWS would until the plan says otherwise, and keeps what it saw: the calls in their order,
each with what AWS answered and what went wrong.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from tests.chaos import operations
from tests.chaos.faults import Answer, End, Exchange
from tests.chaos.inside import Application, asked
from tests.chaos.operations import Operation
from tests.chaos.plans import Moment, Plan

_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length"}
_RESET = struct.pack("ii", 1, 0)
"""A linger of no seconds: closing the socket resets the connection."""
_MADE = re.compile(r"<Id>([^<]+)</Id>.*<StackId>[^<]*:stack/([^/<]+)/", re.DOTALL)
GRACE = 0.05
"""Seconds between a signal and what becomes of the connection after it."""


@dataclass(frozen=True)
class Call:
    """A request that came."""

    operation: Operation
    fault: str | None
    status: int | None
    """What AWS answered; None where the request did not reach it."""
    stack: str = ""
    """The name of the stack that it is about, where it may begin something."""

    @property
    def began_something(self) -> bool:
        """Whether AWS took up work by it that goes on by itself."""
        return self.operation.name in operations.CHANGING and self.status == 200


class Proxy:
    """What goes through, and what went wrong."""

    def __init__(
        self, upstream: str, plan: Plan, strike: Callable[[int], None], application: Application | None = None
    ) -> None:
        self.upstream = urlsplit(upstream)
        self.application = application
        """What answers at the upstream, where that is in this process: it is asked without a connection."""
        self.plan = plan
        self.strike = strike
        """Sends the command a signal."""
        self.calls: list[Call] = []
        self.endpoint = ""
        self.overdue = threading.Event()
        """Set when a command asks more often than anything takes that comes to an end."""
        self.limit = 5000
        self._numbers: Counter[str] = Counter()
        self._change_sets: dict[str, str] = {}
        self._earlier: dict[str, Answer] = {}
        self._overall = 0
        self._lock = threading.Lock()

    @property
    def hits(self) -> int:
        """How many calls something went wrong with."""
        return sum(call.fault is not None for call in self.calls)

    @property
    def began(self) -> list[Call]:
        """The calls by which something was begun that goes on by itself."""
        return [call for call in self.calls if call.began_something]

    def names(self) -> list[str]:
        """The operations that were asked for, in their order."""
        return [call.operation.name for call in self.calls]

    def handle(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer a request, by the plan."""
        operation = operations.of(method, target, headers, body)
        with self._lock:
            self._overall += 1
            self._numbers[operation.name] += 1
            overall, number = self._overall, self._numbers[operation.name]
        if overall > self.limit:
            self.overdue.set()
        kill = self.plan.kill
        if kill and (kill.operation, kill.nth) == (operation.name, number):
            return self._killed(operation, method, target, headers, body)
        fault = self.plan.fault(operation, number, overall)
        earlier = self._earlier.get(operation.name)
        answered = self._forward(method, target, headers, body) if fault is None or fault.reaches else None
        given = fault.answer(Exchange(operation, answered, earlier)) if fault else None
        if given is None:  # also where the fault is none here: there is no earlier answer, or nothing to cut
            fault = None
            answered = answered or self._forward(method, target, headers, body)
            given = answered
        self._note(operation, fault.name if fault else None, answered, body)
        return given

    def _killed(self, operation: Operation, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        assert self.plan.kill
        moment, number = self.plan.kill.moment, self.plan.kill.number
        answered = None if moment is Moment.BEFORE else self._forward(method, target, headers, body)
        self._note(operation, str(self.plan.kill), answered, body)
        self.strike(number)
        time.sleep(GRACE)
        if moment is Moment.ANSWERED and answered:
            return answered
        return Answer(0, b"", {}, End.CLOSED)

    def _note(self, operation: Operation, fault: str | None, answered: Answer | None, body: bytes) -> None:
        with self._lock:
            stack = self._subject(operation, answered, body)
            self.calls.append(Call(operation, fault, answered.status if answered else None, stack))
            if answered:
                self._earlier[operation.name] = answered

    def _subject(self, operation: Operation, answered: Answer | None, body: bytes) -> str:
        """The name of the stack that a request is about; that of a change set is known since it was made."""
        if operation.name == "CreateChangeSet" and answered:
            for id, stack in _MADE.findall(answered.body.decode("utf-8", "replace")):
                self._change_sets[id] = stack
        if operation.name not in operations.CHANGING:
            return ""
        words = parse_qs(body.decode("latin-1"))
        id = words.get("StackName", words.get("ChangeSetName", [""]))[0]
        return self._change_sets.get(id) or (id.split("/")[1] if ":stack/" in id else id)

    def _forward(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        if self.application:
            url = f"{self.upstream.scheme}://{self.upstream.netloc}{target}"
            status, found, text = asked(self.application, method, url, headers, body)
            return Answer(status, text, {key: value for key, value in found.items() if key.lower() not in _HOP_BY_HOP})
        connection = HTTPConnection(str(self.upstream.hostname), self.upstream.port or 80, timeout=120)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            kept = {key: value for key, value in response.getheaders() if key.lower() not in _HOP_BY_HOP}
            return Answer(response.status, response.read(), kept)
        except (OSError, HTTPException) as error:
            return Answer(599, f"The sandbox does not answer: {error!r}".encode(), {})
        finally:
            connection.close()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key: value for key, value in self.headers.items() if key.lower() not in _HOP_BY_HOP}
            self._send(proxy.handle(self.command, self.path, headers, body))

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve

        def _send(self, answer: Answer) -> None:
            if answer.after:
                time.sleep(answer.after)
            if answer.end in (End.CLOSED, End.RESET):
                if answer.end is End.RESET:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.close_connection = True
                return
            self.send_response_only(answer.status)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if answer.end is End.CUT:
                self.wfile.write(answer.body[: len(answer.body) // 2])
                self.close_connection = True
            elif self.command != "HEAD":
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close without the polite half: a reset is to be one."""
        if isinstance(request, socket.socket):
            self.close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A command that is gone has no use for its answer."""

    def stop(self) -> None:
        """Stop serving, at once although it looks for that but once a minute: it wakes for whoever comes."""
        stopping = threading.Thread(target=self.shutdown)
        stopping.start()
        while stopping.is_alive():
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.server_port), 1).close()
            stopping.join(0.01)
        self.server_close()


@contextmanager
def proxied(
    upstream: str,
    plan: Plan | None = None,
    strike: Callable[[int], None] | None = None,
    application: Application | None = None,
) -> Iterator[Proxy]:
    """A proxy on a port of 127.0.0.1 until the block ends. `strike` is called with the number of a signal."""
    proxy = Proxy(upstream, plan or Plan(), strike or (lambda number: None), application)
    server = _Server(("127.0.0.1", 0), _handler(proxy))
    proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(60,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.stop()
        thread.join()
