"""Asks a store, and asks again while it is being replaced."""

from __future__ import annotations

import json
import socket
import time
from typing import Any


def ask(address: str, *question: str | int, patience: float = 20) -> Any:
    """Return the answer of the store at `host:port`. Raises OSError if there is none for so many seconds.

    A question whose answer was lost is asked again: what adds may then add twice.
    """
    host, _, port = address.rpartition(":")
    end = time.monotonic() + patience
    while True:
        try:
            with socket.create_connection((host, int(port)), timeout=2) as there:
                there.sendall(json.dumps(question).encode() + b"\n")
                line = there.makefile("rb").readline()
                if line:
                    return json.loads(line)
                raise ConnectionError("It closed the connection.")
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
