"""What the commands share: reading a manifest, telling diagnostics, exit codes."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from msaspec.diagnostic import Diagnostic
    from msaspec.source import Document

DIAGNOSTICS = 1
"""Exit code when what the user wrote is wrong. Usage errors are 2 (click's own), faults of AWS 3."""

DEFAULT_FILE = "msa.yaml"

F = TypeVar("F", bound=Callable[..., Any])


def file_argument() -> Callable[[F], F]:
    """The manifest, as the last argument of a command."""
    return click.argument("file", default=DEFAULT_FILE, metavar="[FILE]")


def environment_option() -> Callable[[F], F]:
    """The option `--env`."""
    return click.option("--env", "environment", metavar="NAME", help="The environment, an entry of `environments`.")


def read(file: str) -> Document:
    """The document in a file, or in standard input for `-`."""
    from msaspec import pipeline

    if file == "-":
        return pipeline.load(sys.stdin.buffer.read(), "<stdin>")
    path = Path(file)
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise click.UsageError(f"The manifest {file} {what}. Name another, or write one with `msaspec init`.")
    try:
        return pipeline.load(path.read_bytes(), file)
    except OSError as fault:
        raise click.UsageError(f"The manifest {file} cannot be read: {fault.strerror}.") from None


@contextmanager
def diagnosed() -> Iterator[None]:
    """Tells what is wrong with a manifest on stderr, and ends with its exit code.

    Garbage is left lying meanwhile: a command is short, and looking for it is a twelfth of its time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        from msaspec.diagnostic import Invalid

        try:
            yield
        except Invalid as invalid:
            tell(invalid.diagnostics)
            raise click.exceptions.Exit(DIAGNOSTICS) from None
    finally:
        if collecting:
            gc.enable()


def tell(diagnostics: Sequence[Diagnostic]) -> None:
    """Diagnostics on stderr, for people."""
    from msaspec.report import text

    if diagnostics:
        click.echo(text.render(diagnostics), err=True)


def write(text: str, output: str | None = None) -> None:
    """Data: to a file, or to stdout as UTF-8 whatever the locale."""
    if output is None or output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
        return
    try:
        Path(output).parent.mkdir(parents=True, exist_ok=True)
        Path(output).write_bytes(text.encode())
    except OSError as fault:
        raise click.UsageError(f"{output} cannot be written: {fault.strerror}.") from None
    click.echo(f"Wrote {output}.", err=True)
