"""A lint of what was linted before, answered before anything heavy is imported.

Editors and hooks lint the same files again and again. What `msaspec lint` printed, and how it ended, is kept under a
hash of everything that it depends on: the arguments and the files that they name, the configurations of cfn-lint,
variables of the environment, what is installed, msaspec's own files, schemas. If the hash is known, the answer is
printed again. Otherwise nothing is lost but a few milliseconds.

It is never wrong: whatever is not certain to be in the hash, such as standard input, rules of the user's own, modules
from a folder that PYTHONPATH names, makes that nothing is asked or kept; and nothing is kept if a file has changed
while it was linted.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

from msaspec.diagnostics import printable
from msaspec.linting import inputs, sealed
from msaspec.linting.sealed import Sealed

DEFAULT_FILE = "msa.yaml"
"""The manifest where the arguments name none."""
CONFIGURATIONS = (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml")
TRUSTED = "MSASPEC_CFNLINTRC"
"""Environment variable that names the configuration of cfn-lint that is in force."""

VARIABLES = frozenset(("APPDATA", "AWS_DEFAULT_REGION", "AWS_REGION", "CI", "HOME", "LANG", "LANGUAGE", "LOCALAPPDATA"))
VARIABLES |= {"SAGE_ROOT", "TZ", "USERPROFILE"}
VARIABLES |= {"CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TERM"}
PREFIXES = (
    *("CFN_", "LC_", "MPMATH_", "MSASPEC_", "NETWORKX_", "PYDANTIC_", "PYTHON", "SYMPY_", "XDG_"),
    *("_MSASPEC_", "_NETWORKX_", "_PYTHON_"),
)
"""Environment variables, and beginnings of their names, that something in a lint may read."""

_LIVE = frozenset({"-", "--no-cache", "--help", "-h"})
"""Arguments with which a lint does not depend on files alone, or has nothing to remember."""


class Said(NamedTuple):
    """Something that was printed."""

    way: str
    """`out` or `err`, for people; or `data`, for programs."""
    text: str


class Answer(NamedTuple):
    """What a lint printed, and how it ended."""

    code: int
    said: tuple[Said, ...]


class Question:
    """A lint, and all that its answer depends on."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = tuple(arguments)
        # As they are now: a command sets some for itself.
        self._surroundings = tuple(_surroundings())
        self._files = Sealed("answers")
        self._asked = self._key()

    def answer(self) -> Answer | None:
        """Return what the same lint printed before; None where nothing is known."""
        key, _ = self._asked
        data = self._files.get(key)
        if data is None:
            return None
        since, until, code, said = json.loads(data)
        return Answer(code, tuple(Said(*each) for each in said)) if since <= _today() < until else None

    def remember(self, answer: Answer) -> None:
        """Keep an answer, if nothing that it depends on has changed since it was asked for."""
        key, _ = self._asked
        today = _today()
        if self._key() == self._asked and _is_ours():
            self._files.put(key, json.dumps([*inputs.span(today), *answer]).encode())

    def _key(self) -> tuple[str, list[bytes]]:
        """Return the hash, and the stamps of the files whose contents are in it."""
        stamps: list[bytes] = []
        digest = hashlib.sha256()
        for part in self._parts(stamps):
            digest.update(b"%d:" % len(part) + part)
        return digest.hexdigest(), stamps

    def _parts(self, stamps: list[bytes]) -> Iterator[bytes]:
        yield from self._surroundings
        for argument in self._arguments:
            yield os.fsencode(argument)
        for file in self.files():
            yield os.fsencode(file)
            try:
                stamps.append(inputs.stamp(os.stat(file)))
            except (OSError, ValueError):
                yield b"absent"
                continue
            yield inputs.read(file)
        yield from inputs.installed(names=True)
        yield from inputs.sources()
        yield from inputs.schemas()

    def files(self) -> Iterator[str]:
        """Every file that the arguments may name, and the configurations of cfn-lint."""
        yield DEFAULT_FILE
        for argument in self._arguments:
            yield argument
            yield argument.partition("=")[2]
        yield os.environ.get(TRUSTED, "")
        for folder in ("", os.path.expanduser("~")):
            for name in CONFIGURATIONS:
                yield os.path.join(folder, name)


def question(arguments: Sequence[str]) -> Question | None:
    """Return the question that a command line asks; None where it is no lint, or one that is not to be remembered."""
    if tuple(arguments[:1]) != ("lint",) or _LIVE.intersection(arguments) or not sealed.in_use():
        return None
    elsewhere = os.environ.get("PYTHONPATH") or os.path.dirname(inputs.PACKAGE) not in sys.path
    here = {"", os.getcwd()}.intersection(sys.path) - {os.path.dirname(inputs.PACKAGE)}
    return None if elsewhere or here else Question(arguments[1:])


def tell(answer: Answer) -> int:
    """Print an answer, the first time and again, and return the exit code."""
    for way, text in answer.said:
        if way == "data":
            printable.data(text)
        else:
            printable.echo(text, err=way == "err")
    return answer.code


def _surroundings() -> Iterator[bytes]:
    """Yield the process: Python, the folders, where it prints, the variables of the environment."""
    home = os.path.expanduser("~")
    facts = (sys.version, sys.executable, sys.platform, str(sys.flags), *sys.warnoptions, os.getcwd(), home)
    for fact in (*facts, inputs.repository(), os.path.realpath(os.getcwd()), os.path.realpath(home)):
        yield os.fsencode(fact)
    for stream in (sys.stdout, sys.stderr):
        yield f"{stream.encoding} {stream.isatty()} {_width(stream)}".encode()
    for name, value in sorted(os.environ.items()):
        if name in VARIABLES or name.startswith(PREFIXES):
            yield os.fsencode(f"{name}={value}")


def _width(stream: TextIO) -> int | None:
    """Return the columns of a terminal; None where the stream is none."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return None


def _is_ours() -> bool:
    """Whether every module that was loaded is one of those in the hash: Python's, installed, or msaspec's."""
    library = os.path.dirname(os.__file__)
    folders = {folder for folder in sys.path if any(name.endswith(".dist-info") for name in _names(folder))}
    ours = tuple(os.path.join(folder, "") for folder in (library, inputs.PACKAGE, *folders))
    files = [getattr(module, "__file__", None) for name, module in sys.modules.items() if name != "__main__"]
    return all(file.startswith(ours) for file in [*files, *inputs.cfn_lint()] if file)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _today() -> str:
    return time.strftime("%Y-%m-%d")
