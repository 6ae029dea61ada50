"""Makes the choices known to the store, with no vote each. It can run again."""

from __future__ import annotations

import os
import sys

from client import ask


def seed(choices: list[str]) -> list[str]:
    """Add the choices that are not there, and return them."""
    known = ask(os.environ["STORE"], "all")
    new = [choice for choice in choices if choice not in known]
    for choice in new:
        ask(os.environ["STORE"], "add", choice, 0)
    return new


if __name__ == "__main__":
    sys.stdout.write(f"New choices: {', '.join(seed(sys.argv[1:])) or 'none'}.\n")
