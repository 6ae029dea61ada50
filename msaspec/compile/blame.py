"""Names the entry of the manifest at which a kind, a runtime or another part of msaspec fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as FilePath
from traceback import extract_tb
from typing import TypeVar

import msaspec
from msaspec.diagnostics.diagnostic import Code, Invalid
from msaspec.diagnostics.place import Path, render
from msaspec.source.document import Document

NOT_COMPILED = Code(
    "MSA402",
    "An error in msaspec",
    """
    The manifest is correct, but msaspec cannot create resources from it, usually because a kind passes an argument of
    the wrong type to a resource. The message names the entry, the reason, and the file in msaspec. Report it with the
    lines of the manifest.
    """,
)

T = TypeVar("T")
_PACKAGE = FilePath(msaspec.__file__).parent


def made(document: Document, path: Path, make: Callable[[], T]) -> T:
    """Return what a part of msaspec makes of the entry at a path. Raise Invalid, with the entry's name, if it fails."""
    try:
        return make()
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        frames = [(FilePath(frame.filename), frame.lineno) for frame in extract_tb(error.__traceback__)]
        file, line = [frame for frame in frames if _PACKAGE in frame[0].parents][-1]
        reason = " ".join(str(error).split()).rstrip(".")
        where = f"{type(error).__name__} in {file.relative_to(_PACKAGE).as_posix()}:{line}"
        message = f"msaspec cannot compile `{render(path)}`{f': {reason}' if reason else ''} ({where})."
        hint = "This is an error in msaspec, not in the manifest. Report it with the lines of this entry."
        raise Invalid([document.place(NOT_COMPILED.at(path, message, hint=hint, key=True))]) from error
