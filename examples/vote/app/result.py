"""Tells what was voted for."""

from __future__ import annotations

import os
from typing import Any

from client import ask
from pages import serve


def result(body: Any) -> tuple[int, Any]:
    """Return the number of votes of each choice."""
    return 200, ask(os.environ["STORE"], "all")


if __name__ == "__main__":
    serve("/result", {"GET": result})
