"""`python -m msaspec` and the script `msaspec`: a process of the command's own."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from msaspec.diagnostics import streams

if TYPE_CHECKING:
    from msaspec.linting.unchanged import Question


def run() -> None:
    """Run the command that the arguments name, and end with its exit code."""
    streams.install()
    try:
        _run()
    except SystemExit as end:
        raise SystemExit(streams.exit_code(end.code)) from None
    except KeyboardInterrupt:  # before there is a command, or after it
        from msaspec.cli import INTERRUPTED

        raise SystemExit(INTERRUPTED) from None


def _run() -> None:
    question = _remembered(sys.argv[1:])
    _look_for_no_plugins()
    # A command makes its values once and ends: most of what is collected while it loads its modules is still in use.
    gc.set_threshold(50_000, 10, 10)
    # Else Python collects, on its way out, what the end of the process clears away: a second after a sandbox.
    atexit.register(gc.freeze)
    from msaspec.cli import main

    shared = None
    if question:
        from msaspec.cli.app import App

        shared = App(remember=question.remember)
    main(prog_name="msaspec", obj=shared)


def _remembered(arguments: list[str]) -> Question | None:
    """Answer a lint whose answer is known, and end. Return the question of one that is not; None for other commands.

    Comes before every other import: the answer takes less time than the import of what could find it again.
    """
    if arguments[:1] != ["lint"]:
        return None
    from msaspec.linting import unchanged

    question = unchanged.question(arguments)
    if question and (answer := question.answer()):
        sys.exit(unchanged.tell(answer))
    return question


def _look_for_no_plugins() -> None:
    """Keep pydantic from looking for plugins in every distribution that is installed: a command line has none.

    Told by the variable alone it still loads all that reads distributions, for a twentieth of `msaspec compile`, so the
    module that would do it is stood in for.
    """
    if os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__") == "__all__":
        loader = ModuleType("pydantic.plugin._loader")
        vars(loader)["get_plugins"] = tuple
        sys.modules.setdefault(loader.__name__, loader)


if __name__ == "__main__":
    run()
