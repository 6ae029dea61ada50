"""Takes votes from the queue and counts them in the store."""

from __future__ import annotations

import os
import time

from client import ask


def work() -> bool:
    """Count one vote. Return whether there was one."""
    choice = ask(os.environ["QUEUE"], "take", "votes", patience=600)
    if choice is None:
        return False
    ask(os.environ["STORE"], "add", choice, 1, patience=600)
    return True


if __name__ == "__main__":
    while True:
        if not work():
            time.sleep(0.2)
