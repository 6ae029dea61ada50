"""`python -m msaspec` and the script `msaspec`: a process of the command's own."""

from __future__ import annotations

import atexit
import gc

from msaspec.cli import main


def run() -> None:
    """Runs the command that the arguments name."""
    # Else Python collects, on its way out, what the end of the process clears away: a second after a sandbox.
    atexit.register(gc.freeze)
    main(prog_name="msaspec")


if __name__ == "__main__":
    run()
