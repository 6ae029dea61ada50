"""A store of numbers and lists over TCP: a line of JSON asks, a line of JSON answers.

    ["add", "cats", 1]      adds to a number, and returns it
    ["put", "votes", "x"]   puts a text at the end of a list, and returns how long the list is
    ["take", "votes"]       takes the first of a list, or null
    ["all"]                 returns the numbers

With FOLDER the numbers are written to a file there, each change before it is answered. Lists are not kept.
"""

from __future__ import annotations

import json
import os
import socketserver
import threading
from collections import defaultdict, deque
from pathlib import Path
from typing import Any


class Store:
    """What is held."""

    def __init__(self, file: Path | None) -> None:
        self._lock = threading.Lock()
        self._numbers: dict[str, int] = defaultdict(int)
        self._lists: dict[str, deque[str]] = defaultdict(deque)
        self._log = file.open("a+b") if file else None
        if self._log:
            self._read_back()

    def _read_back(self) -> None:
        assert self._log
        self._log.seek(0)
        whole = 0
        for line in self._log:
            if not line.endswith(b"\n"):  # The program was killed while it wrote, and answered nobody.
                self._log.truncate(whole)
                break
            key, by = json.loads(line)
            self._numbers[key] += by
            whole += len(line)

    def answer(self, question: list[Any]) -> Any:
        """Answer one question."""
        with self._lock:
            match question:
                case ["add", str(key), int(by)]:
                    if self._log:
                        self._log.write(json.dumps([key, by]).encode() + b"\n")
                        self._log.flush()
                        os.fsync(self._log.fileno())
                    self._numbers[key] += by
                    return self._numbers[key]
                case ["put", str(key), str(text)]:
                    self._lists[key].append(text)
                    return len(self._lists[key])
                case ["take", str(key)]:
                    return self._lists[key].popleft() if self._lists[key] else None
                case ["all"]:
                    return dict(self._numbers)
        raise ValueError(f"unknown: {question}")


class Handler(socketserver.StreamRequestHandler):
    """One connection."""

    timeout = 60

    def handle(self) -> None:
        """Answer until the other side has gone."""
        store: Store = self.server.store  # type: ignore[attr-defined]
        while line := self.rfile.readline(64 * 1024):
            try:
                answer = store.answer(json.loads(line))
            except ValueError as wrong:
                answer = {"error": str(wrong)}
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    """Takes connections."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    folder = os.environ.get("FOLDER")
    with Server(("", int(os.environ["PORT"])), Handler) as server:
        server.store = Store(Path(folder) / "numbers" if folder else None)  # type: ignore[attr-defined]
        server.serve_forever()
