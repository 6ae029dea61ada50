"""Which configuration of cfn-lint is in force.

A `.cfnlintrc` can load Python files as rules and can silence every check, so one that is merely in the working
directory, such as that of a pull request, is not honoured. In force is the file that the user names, by `--cfnlintrc`
or by the variable, else the one in the user's home folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Span

CONFIGURATION = Code(
    "MSA501",
    "A configuration that cfn-lint refuses",
    """
    msaspec uses the file that `--cfnlintrc` or MSASPEC_CFNLINTRC names, else `.cfnlintrc` in the home folder. The file
    does not exist, is not YAML, has an unknown setting, names rules that cannot be loaded, or, in the home folder,
    names files of the working directory.
    """,
)
TRUSTED = "MSASPEC_CFNLINTRC"
"""Environment variable that names the configuration that is in force."""
NAMES = (".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml")
ELSEWHERE = ("append_rules", "custom_rules", "override_spec", "registry_schemas")
"""Settings by which cfn-lint reads further files, of which some are programs."""


@dataclass(frozen=True)
class Configuration:
    """The configuration of cfn-lint that is in force."""

    file: Path | None = None
    named: bool = False
    """Whether the user named it; else it is the one in the home folder."""
    ignored: Path | None = None
    """One in the working directory that is not honoured."""

    @property
    def text(self) -> bytes:
        """What it says; empty without one."""
        try:
            return self.file.read_bytes() if self.file else b""
        except OSError:
            return b""

    @property
    def reads(self) -> dict[str, list[str]]:
        """The files that it has cfn-lint read, by setting."""
        data = _loaded(self.text)
        return {key: _words(data[key]) for key in ELSEWHERE if data.get(key)}

    def sentences(self) -> Iterator[str]:
        """Yield sentences about what is in force and what is ignored; nothing where there is no configuration."""
        if self.file:
            reads = "; ".join(f"{key}: {', '.join(words)}" for key, words in self.reads.items())
            yield printable.line(f"cfn-lint configuration: {self.file}{f' ({reads})' if reads else ''}")
        if self.ignored:
            how = f"--cfnlintrc {self.ignored} or {TRUSTED}"
            yield printable.line(f"Ignored: {self.ignored}, which {how} would trust.")

    def check(self) -> None:
        """Raise Invalid where it cannot be in force."""
        if self.file is None:
            return
        if not os.path.isfile(self.file):
            raise Invalid([self.refused(f"The file {self.file} does not exist.", "Check the name of the file.")])
        here = [] if self.named else [word for words in self.reads.values() for word in words if _is_here(word)]
        if here:
            message = f"The configuration in the home folder names `{here[0]}` of the working directory."
            raise Invalid([self.refused(message, "Write it with an absolute path, or one that begins with `~/`.")])

    def refused(self, message: str, hint: str | None) -> Diagnostic:
        """Return what is wrong with it."""
        return CONFIGURATION.at((), message, hint=hint, span=Span(str(self.file or NAMES[0]), 1, 1))


def in_force(named: str | None = None) -> Configuration:
    """Return the configuration that the user named, else the one in the home folder."""
    if chosen := named or os.environ.get(TRUSTED):
        return Configuration(Path(chosen), named=True)
    home, here = Path(os.path.expanduser("~")), Path()
    # A home folder may be the checkout itself, or be in it.
    inside = home.resolve().is_relative_to(here.resolve())
    return Configuration(None if inside else _first(home), ignored=_first(here))


def _first(folder: Path) -> Path | None:
    return next((folder / name for name in NAMES if os.path.isfile(folder / name)), None)


def _loaded(text: bytes) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}  # cfn-lint says what is wrong
    return data if isinstance(data, dict) else {}


def _words(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, Iterable) and not isinstance(value, str) else [str(value)]


def _is_here(word: str) -> bool:
    return not word.startswith("~") and not os.path.isabs(word) and os.path.exists(word)
