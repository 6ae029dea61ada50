"""What an extra of msaspec needs, for who lacks it."""

from __future__ import annotations

import shlex
import sys


def command(extra: str) -> str:
    """Return the command that installs what an extra needs. Never by msaspec's own name, which anyone may register on
    an index."""
    from importlib.metadata import requires

    needed = [
        line.partition(";")[0].strip()
        for line in requires("msaspec") or ()
        if f'extra == "{extra}"' in line.replace("'", '"')
    ]
    return " ".join(shlex.quote(word) for word in (sys.executable, "-m", "pip", "install", *needed))
