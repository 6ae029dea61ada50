"""Takes votes, and puts them into the queue."""

from __future__ import annotations

import os
from typing import Any

from client import ask
from pages import serve


def vote(body: Any) -> tuple[int, Any]:
    """Take one vote, such as `{"choice": "cats"}`."""
    choice = body.get("choice") if isinstance(body, dict) else None
    if not isinstance(choice, str) or not 0 < len(choice) <= 100:
        return 400, "Send a choice."
    ask(os.environ["QUEUE"], "put", "votes", choice)
    return 202, "Counted soon."


if __name__ == "__main__":
    serve("/vote", {"POST": vote})
