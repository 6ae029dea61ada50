"""An operation as a tree on a terminal that keeps itself up to date: one row a manifest entry, with elapsed times."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from msaspec.deploy.aws.state import is_terminal, succeeded
from msaspec.deploy.progress import Progress, Row, Step
from msaspec.diagnostics import printable, terminal
from msaspec.template.origin import label


class Tree:
    """What rich draws, anew each time, from how far the operation is."""

    def __init__(
        self, progress: Progress, now: Callable[[], datetime] = lambda: datetime.now(UTC), *, ascii: bool = False
    ) -> None:
        """`ascii` draws it of characters that every encoding has."""
        self.progress, self.now, self.ascii = progress, now, ascii

    def __rich__(self) -> Any:
        """Return the tree as it stands now."""
        from rich.table import Table
        from rich.text import Text

        now = self.now()
        table = Table.grid(padding=(0, 2), expand=False)
        for justify in ("left", "right", "left", "right"):
            table.add_column(justify=justify, no_wrap=True, overflow="crop" if self.ascii else "ellipsis")
        progress = self.progress
        over = bool(progress.status) and is_terminal(progress.status)
        colour = ("green" if succeeded(progress.status) else "red") if over else "yellow"
        status = Text(progress.status or "waiting", style=colour)
        stack = Text(printable.line(progress.stack), style="bold")
        table.add_row(stack, "", status, Text(clock(progress.elapsed(now))))
        rows = list(progress.rows.values())
        for number, row in enumerate(rows):
            more, last = ("|-", "`-") if self.ascii else ("├─", "└─")
            branch = last if number == len(rows) - 1 else more
            done = Text(f"{row.done}/{row.total}" if row.total else "", style="dim")
            what = _what(row, progress.status)
            entry = Text(f"{branch} {printable.line(label(row.entry))}")
            table.add_row(entry, done, what, Text(clock(row.elapsed(now))))
        return table


def _what(row: Row, status: str) -> Any:
    """Return what becomes of an entry in a stack of a status."""
    from rich.text import Text

    step, over = row.current, bool(status) and is_terminal(status)
    if step is None and over and "ROLLBACK" in status and row.steps:
        return Text("rolled back", style="yellow")
    if step is None:
        if row.steps and row.done >= row.total:
            return Text("done", style="green")
        return Text("unchanged" if over else "waiting", style="dim")
    return Text(printable.line(_sentence(step)), style="red" if step.failed else "yellow")


def _sentence(step: Step) -> str:
    verb = step.status.rpartition("_IN_PROGRESS")[0].lower() if not step.ended else step.status
    return f"{verb} {step.logical_id}" if not step.ended else f"{step.logical_id} {verb}"


def clock(elapsed: timedelta) -> str:
    """Minutes and seconds.

    >>> clock(timedelta(seconds=75))
    '1:15'
    """
    seconds = int(elapsed.total_seconds())
    return f"{seconds // 60}:{seconds % 60:02}" if seconds else ""


class Live:
    """The tree on standard error, for as long as an operation is followed."""

    def __init__(self, progress: Progress) -> None:
        from rich.console import Console
        from rich.live import Live as Display

        tree = Tree(progress, ascii=not printable.is_unicode(sys.stderr))
        console = Console(stderr=True, no_color=True if terminal.coloured() is False else None)
        self._display = Display(tree, console=console, refresh_per_second=4)
        self._display.start()

    def say(self, text: str) -> None:
        """Write something above the tree, styled as for a terminal, which wraps it by itself."""
        from rich.text import Text

        self._display.console.print(Text.from_ansi(text), soft_wrap=True)

    def refresh(self) -> None:
        """Draws it now, and not at the next tick."""
        self._display.refresh()

    def stop(self) -> None:
        """Leaves the last picture standing."""
        self._display.stop()
