"""What is asked of a manifest, whatever it is: exit code 0 or 1, no traceback, little time and memory, and no error of
cfn-lint in what compiles, unless a patch wrote it."""

from __future__ import annotations

import json
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from click.testing import CliRunner

from msaspec import pipeline
from msaspec.cli import main
from msaspec.cli.commands import lint
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, Severity
from msaspec.linting import cfn_lint
from tests.fuzz import mutations, shapes

WAYS: Mapping[str, Callable[[Random], bytes]] = {
    "text": mutations.text,
    "tree": mutations.tree,
    "patches": mutations.patches,
    "large": mutations.large,
    "shape": shapes.shape,
    "sound": shapes.sound,
}
"""How manifests are made."""
SECONDS = 5.0
"""Of CPU, for all that is asked of one manifest."""
STUCK = 60
"""Seconds after which a command counts as one that never ends."""
MEBIBYTES = 400
"""More than before; with the program itself, some 60, that is below 500."""
ALLOWED = (0, 1)


@contextmanager
def _deep() -> Iterator[None]:
    """What copies and writes a tree calls itself several times a level, and there may be a thousand."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


@dataclass(frozen=True)
class Case:
    """A manifest, by how it is made and a number."""

    way: str
    number: int

    def __str__(self) -> str:
        return f"{self.way}:{self.number}"

    def manifest(self) -> bytes:
        """Its bytes, the same each time."""
        with _deep():
            return WAYS[self.way](Random(str(self)))


@dataclass(frozen=True)
class Verdict:
    """What became of a case."""

    compiled: int
    """Stacks."""
    linted: int
    """Of these, by cfn-lint."""
    faults: tuple[str, ...]


class Stuck(BaseException):
    """A command that does not end. No handler of errors catches it."""


def judge(manifest: bytes, number: int = 0, *, linted: bool = False) -> Verdict:
    """Lint a manifest, and compile it; `number` varies the formats. With `linted` cfn-lint looks at what compiles."""
    subjects: list[cfn_lint.Subject] = []
    form = lint.FORMATS[number % len(lint.FORMATS)]
    with _without_cfn_lint(subjects), _once():
        linting = _tried(["lint", "--format", form, "-"], manifest)
        words = ["compile", "-", "--format", ("yaml", "json")[number % 2], *_environment(manifest, number)]
        compiling = _tried(words, manifest)
    if (linting.code, compiling.code) != (0, 0):
        subjects.clear()  # what lint made of it by repairs, to look for further faults
    faults = [*linting.faults, *compiling.faults]
    if linted and subjects:
        faults += _found(subjects, manifest)
    return Verdict(len(subjects), len(subjects) if linted else 0, tuple(dict.fromkeys(faults)))


def _environment(manifest: bytes, number: int) -> list[str]:
    """An environment of the manifest as words, or none."""
    try:
        names = pipeline.environments(pipeline.load(manifest, "-"))
    except Exception:  # The commands below tell it.
        return []
    chosen = [*((["--env", name]) for name in names if not name.startswith("-")), []]
    return chosen[number % len(chosen)]


@dataclass(frozen=True)
class _Ending:
    """How a command ends."""

    code: int
    faults: tuple[str, ...]


def _tried(words: Sequence[str], manifest: bytes) -> _Ending:
    """How a command ends, and what is wrong with that."""
    before, memory = time.process_time(), _memory("VmRSS")
    _forget_peak()
    old = signal.signal(signal.SIGALRM, _stuck)
    signal.alarm(STUCK)
    try:
        result = CliRunner().invoke(main, list(words), input=manifest)
    except Stuck:
        return _Ending(1, (f"{words[0]} does not end",))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    took, grown = time.process_time() - before, _memory("VmHWM") - memory
    faults: list[str] = []
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        faults.append(f"{words[0]}: {_last_place(result.exception)}")
    elif "Traceback (most recent call last)" in result.output:
        faults.append(f"{words[0]} prints a traceback")
    elif result.exit_code not in ALLOWED and "no main stack" not in result.output and not _is_usage(result.output):
        faults.append(f"{words[0]} ends with {result.exit_code}")
    if took > SECONDS:
        faults.append(f"{words[0]} takes more than {SECONDS:.0f} s")
    if grown > MEBIBYTES:
        faults.append(f"{words[0]} needs {grown} MiB")
    return _Ending(result.exit_code, tuple(faults))


def _is_usage(output: str) -> bool:
    """An environment cannot be asked for where the manifest's text is none."""
    return "Invalid value for '--env'" in output


def _stuck(*_: object) -> None:
    raise Stuck


def _last_place(fault: BaseException) -> str:
    """The kind of an exception, and the last line of msaspec that it came through."""
    frames = [frame for frame in traceback.extract_tb(fault.__traceback__) if "/msaspec/" in frame.filename]
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(fault).__name__}{place}: {str(fault)[:200]}"


@contextmanager
def _without_cfn_lint(collected: list[cfn_lint.Subject]) -> Iterator[None]:
    """Only collects what cfn-lint would look at."""

    def collect(subjects: Sequence[cfn_lint.Subject], chosen: Any) -> list[list[Diagnostic]]:
        collected.extend(subjects)
        return [[] for _ in subjects]

    usual = cfn_lint.lint_all
    cfn_lint.lint_all = collect
    try:
        yield
    finally:
        cfn_lint.lint_all = usual


@contextmanager
def _once() -> Iterator[None]:
    """Each stage takes the same manifest once, whichever command asks first. They are pure, so nothing is lost; where a
    manifest is wrong, the search for all of its faults takes most of the time."""
    usual = {name: getattr(pipeline, name) for name in ("load", "plan_of", "_main")}
    try:
        for name, stage in usual.items():
            setattr(pipeline, name, _remembering(stage))
        yield
    finally:
        for name, stage in usual.items():
            setattr(pipeline, name, stage)


def _remembering(stage: Callable[..., Any]) -> Callable[..., Any]:
    known: list[tuple[tuple[Any, ...], Any, Invalid | None]] = []

    def remembered(*words: Any) -> Any:
        for before, result, invalid in known:
            if _same(before, words):
                if invalid:
                    raise invalid
                return result
        try:
            result, invalid = stage(*words), None
        except Invalid as raised:
            result, invalid = None, raised
        known.append((words, result, invalid))
        if invalid:
            raise invalid
        return result

    return remembered


def _same(before: Sequence[Any], words: Sequence[Any]) -> bool:
    """Whether a stage is asked for the same: equal texts, and the very same values, of which functions do not count."""
    return len(before) == len(words) and all(
        one is other or (callable(one) and callable(other)) or (isinstance(one, (str, bytes)) and one == other)
        for one, other in zip(before, words, strict=True)
    )


@cache
def _settings() -> Any:
    from msaspec.linting.settings import settings

    return settings(cached=False)


def _found(subjects: Sequence[cfn_lint.Subject], manifest: bytes) -> Iterator[str]:
    """Yield errors of cfn-lint that no patch is to blame for: a patch may also break what refers to its place."""
    innocent = b"patches" not in manifest
    for subject in subjects:
        for found in cfn_lint.lint_all([subject], _settings())[0]:
            if found.severity is Severity.ERROR and (innocent or _stays(found, subject, manifest)):
                yield f"cfn-lint {found.code}: {found.message[:200]}"


def _stays(found: Diagnostic, subject: cfn_lint.Subject, manifest: bytes) -> bool:
    """Return whether an error is there without any patch."""
    tree = yaml.load(manifest, Loader=yaml.CSafeLoader)
    for layer in (tree, *(tree.get("environments") or {}).values()):
        if isinstance(layer, dict):
            layer.pop("patches", None)
    try:
        document = pipeline.load(json.dumps(tree), "-")
        environments = (None, *pipeline.environments(document))
        stacks = [stack for each in environments for stack in pipeline.compile_system(document, each).stacks]
    except (Invalid, ValueError, TypeError):
        return False  # Only what is patched compiles.
    again = [replace(subject, stack=stack, document=document) for stack in stacks]
    return any(found.code == each.code for part in cfn_lint.lint_all(again, _settings()) for each in part)


def _memory(name: str) -> int:
    """A figure of this process in MiB; 0 where the system tells none."""
    try:
        for line in Path("/proc/self/status").read_text("utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) // 1024
    except OSError:
        pass
    return 0


def _forget_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "utf-8")


def shorter(manifest: bytes, faulty: Callable[[bytes], bool]) -> bytes:
    """The manifest without lines that its fault does not need."""
    lines, size = manifest.splitlines(keepends=True), 0
    size = max(1, len(lines) // 2)
    while True:
        at = 0
        while at < len(lines):
            rest = lines[:at] + lines[at + size :]
            if rest and faulty(b"".join(rest)):
                lines = rest
            else:
                at += size
        if size == 1:
            return b"".join(lines)
        size = max(1, size // 2)
