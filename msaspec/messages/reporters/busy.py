"""A line on a terminal that says what is being done, and for how long; it is gone when that is over."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager

from msaspec.diagnostics import printable


def line(sentence: str) -> AbstractContextManager[object]:
    """Return what shows a sentence on standard error for as long as its block takes."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, color_system=None)
    spinner = SpinnerColumn("dots" if printable.is_unicode(sys.stderr) else "line")
    shown = Progress(
        spinner,
        TextColumn("{task.fields[sentence]}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    shown.add_task("", total=None, sentence=printable.line(sentence))
    return shown
