"""The manifest as it is drafted: entries with comments where a person must decide, and its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from msaspec.diagnostics import printable
from msaspec.diagnostics.place import Path
from msaspec.language.base import NAME_LENGTH, RESERVED_NAMES
from msaspec.manifest.shape import respelled
from msaspec.template import names

WIDTH = 112
_SECTIONS = (
    "defaults",
    "databases",
    "caches",
    "brokers",
    "tables",
    "buckets",
    "volumes",
    "topics",
    "queues",
    "services",
    "jobs",
    "environments",
)
_ORDER = ("msaspec", "name", *_SECTIONS)
_BLOCKS = ("env", "secrets", "uses", "files", "sidecars")
"""Maps that are written with a line an entry."""


@dataclass
class Draft:
    """A manifest that is being made. Values are plain; `notes` are comments, by the path that they stand above."""

    data: dict[str, Any] = field(default_factory=dict)
    notes: dict[Path, list[str]] = field(default_factory=dict)

    def note(self, path: Path, text: str) -> None:
        """Put a comment above an entry, once."""
        known = self.notes.setdefault(path, [])
        if text not in known:
            known.append(text)

    def at(self, *path: str) -> dict[str, Any]:
        """Return the map at a path, made where there is none."""
        node = self.data
        for step in path:
            node = node.setdefault(step, {})
        return node

    def remove(self, path: Path) -> None:
        """Leave an entry out, and maps that are empty without it."""
        node: Any = self.data
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]
        if isinstance(node, dict | list) and not node and len(path) > 3:
            self.remove(path[:-1])

    def text(self) -> str:
        """Return the manifest as YAML."""
        ordered = {key: self.data[key] for key in sorted(self.data, key=_ORDER.index)}
        return "\n".join(_lines(self, ordered, (), 0)) + "\n"


class Names:
    """Names of entries, which differ in more than dashes and are those that the language takes."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def new(self, written: str, otherwise: str = "service", longest: int = NAME_LENGTH) -> str:
        """Return a name for something that another tool calls `written`."""
        name = (respelled(written) or "")[:longest].rstrip("-") or otherwise
        if len(name) < 2 or name in RESERVED_NAMES:
            name = f"{name}-{otherwise}"
        plain, number = name, 2
        while names.normal(name) in self._taken:
            name, number = f"{plain[: longest - 3].rstrip('-')}-{number}", number + 1
        self._taken.add(names.normal(name))
        return name


def _lines(draft: Draft, data: dict[str, Any], path: Path, indent: int) -> Iterator[str]:
    pad = "  " * indent
    for key, value in data.items():
        here = (*path, key)
        if not path and key in _SECTIONS:
            yield ""
        for note in draft.notes.get(here, ()):
            yield from (
                f"{pad}# {line}" for line in wrap(printable.line(note), WIDTH - len(pad), break_on_hyphens=False)
            )
        block = isinstance(value, dict) and value and (len(here) < 3 or key in _BLOCKS or here[0] == "environments")
        block = block or any(noted[: len(here)] == here and noted != here for noted in draft.notes)
        if block and isinstance(value, dict) and value:
            yield f"{pad}{scalar(key)}:"
            yield from _lines(draft, value, here, indent + 1)
        else:
            yield f"{pad}{scalar(key)}: {flow(value)}"


def flow(value: Any) -> str:
    """Return a value as YAML on one line.

    >>> flow({"a": [1, "no", "x y"], "b": None})
    '{a: [1, "no", x y], b: {}}'
    """
    if isinstance(value, dict) or value is None:
        return f"{{{', '.join(f'{scalar(key)}: {flow(each)}' for key, each in (value or {}).items())}}}"
    return f"[{', '.join(map(flow, value))}]" if isinstance(value, list) else scalar(value)


def scalar(value: Any) -> str:
    """Return a scalar as every version of YAML reads it, and no CI system obeys it.

    >>> print(scalar("##[error]"))
    "\\x23#[error]"
    """
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return str(value)
    words = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"}
    if re.fullmatch(r"[A-Za-z/][A-Za-z0-9 ._/@+-]*(:[A-Za-z0-9._/@+-]+)*", value) and value.lower() not in words:
        return value if value == value.strip() else f'"{value}"'
    if re.fullmatch(r"\d+ (GiB|MiB|TiB|s|min|h|days|vCPU)|0\.\d+ vCPU", value):
        return value
    escaped = printable.MARK.sub(r"\\x23", "".join(_escaped(character) for character in value))
    return f'"{escaped}"'


def _escaped(character: str) -> str:
    if character in '\\"':
        return "\\" + character
    if character.isprintable() and ord(character) != 0xFEFF:
        return character
    code = ord(character)
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )
