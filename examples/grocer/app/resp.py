"""As much of Redis as a cart needs, over its own protocol."""

from __future__ import annotations

import socket
import time


def ask(address: str, *words: str, patience: float = 10) -> str | None:
    """Return the answer to a command, such as `ask("redis:6379", "GET", "a")`. Asks again while nobody answers."""
    host, _, port = address.rpartition(":")
    end = time.monotonic() + patience
    while True:
        try:
            return _ask(host, int(port), words)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def _ask(host: str, port: int, words: tuple[str, ...]) -> str | None:
    parts = [f"${len(word.encode())}\r\n{word}\r\n" for word in words]
    with socket.create_connection((host, port), timeout=3) as there, there.makefile("rb") as answers:
        there.sendall(f"*{len(words)}\r\n{''.join(parts)}".encode())
        line = answers.readline().decode().strip()
        if not line:
            raise ConnectionError("It closed the connection.")
        if line.startswith("-"):
            raise ValueError(line)
        if line.startswith("$"):
            return None if line == "$-1" else answers.read(int(line[1:])).decode()
        return line[1:]
