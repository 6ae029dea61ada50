"""Files of other tools as trees of plain maps and lists, whose leaves know the file and the path that they are at."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from msaspec.diagnostics.diagnostic import Code, Invalid
from msaspec.diagnostics.place import Span

UNREADABLE = Code(
    "MSA207",
    "A file that cannot be imported",
    """
    `msaspec import` reads YAML files of at most 1 MiB and 50,000 values, with the tags of compose files and of
    CloudFormation. The message says what is wrong with the file, or which other file it names that cannot be read.
    """,
)
MAX_BYTES = 1024 * 1024
MAX_LEAVES = 50_000
MAX_DEPTH = 100


@dataclass(frozen=True, eq=False)
class Leaf:
    """A value without values below it: a scalar, or an empty map or list. Two leaves are never the same."""

    value: Any
    """As YAML 1.2 reads it."""
    text: str
    """As it is written."""
    file: str
    path: tuple[str | int, ...]
    tag: str | None = None
    """`!reset` or `!override`, or a tag of CloudFormation."""
    of: Leaf | None = None
    """The line of a list that this is a part of, which is what the source has."""


class Map(dict[str, Any]):
    """A map, with its tag."""

    tag: str | None = None


class List(list[Any]):
    """A list, with its tag."""

    tag: str | None = None


def fault(file: str, message: str, hint: str | None = None, line: int = 1, column: int = 1) -> Invalid:
    """Return an error about a file."""
    return Invalid([UNREADABLE.at((), message, hint=hint, span=Span(file, line, column))])


def read(file: Path, name: str) -> list[Any]:
    """Return the documents in a file, which messages call `name`. Raise Invalid where it cannot be read."""
    try:
        # A pipe or a device may never end.
        source = file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise fault(name, f"{name} cannot be read: {error.strerror}.") from None
    if source is None:
        raise fault(name, f"There is no file {name}.")
    return parse(source, name)


def parse(source: bytes, name: str) -> list[Any]:
    """Return the documents in a text. Raise Invalid where they cannot be read."""
    import yaml

    if len(source) > MAX_BYTES:
        raise fault(name, f"{name} has more than 1 MiB.")
    try:
        text = source.decode("utf-8-sig").replace("\0", "")
        nodes = list(yaml.compose_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except UnicodeDecodeError:
        raise fault(name, f"{name} is not UTF-8.") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read"
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise fault(name, f"{name} is not valid YAML: {problem}.", line=line, column=column) from None
    builder = _Builder(name)
    return [builder.build(node, (), 0) for node in nodes if node is not None]


class _Builder:
    """Makes trees of nodes; what an alias names is built once for each place."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._left = MAX_LEAVES

    def build(self, node: Any, path: tuple[str | int, ...], depth: int) -> Any:
        """Return the tree of a node."""
        import yaml

        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise fault(self.file, f"{self.file} is too large: it has more than 50,000 values, or 100 levels.")
        tag = node.tag if node.tag and not node.tag.startswith("tag:yaml.org") else None
        if isinstance(node, yaml.MappingNode):
            made = Map()
            made.tag = tag
            self._fill(made, node, path, depth)
            return made if made else Leaf({}, "{}", self.file, path, tag)
        if isinstance(node, yaml.SequenceNode):
            items = List(self.build(item, (*path, at), depth + 1) for at, item in enumerate(node.value))
            items.tag = tag
            return items if items else Leaf([], "[]", self.file, path, tag)
        plain = not node.style and tag is None
        return Leaf(scalar(node.value) if plain else node.value, node.value, self.file, path, tag)

    def _fill(self, made: Map, node: Any, path: tuple[str | int, ...], depth: int) -> None:
        import yaml

        merged: list[Any] = []
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name == "<<" and getattr(key, "style", None) is None:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
            else:
                made[name] = self.build(value, (*path, name), depth + 1)
        for each in merged:
            if isinstance(each, yaml.MappingNode):
                below = Map()
                self._fill(below, each, path, depth + 1)
                for name, value in below.items():
                    made.setdefault(name, value)


def scalar(text: str) -> Any:
    """Return what YAML 1.2 reads in a plain scalar. Numbers of other bases stay text.

    >>> scalar("8080"), scalar("22:22"), scalar("yes"), scalar("~"), scalar("0.5"), scalar("010")
    (8080, '22:22', 'yes', None, 0.5, '010')
    """
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}", text) else text


def leaves(tree: Any) -> Iterator[Leaf]:
    """Yield every leaf of a tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Leaf):
            yield node
        elif isinstance(node, dict):
            waiting += reversed(list(node.values()))
        elif isinstance(node, list):
            waiting += reversed(node)


def plain(tree: Any) -> Any:
    """Return a tree as plain values."""
    if isinstance(tree, Leaf):
        return tree.value
    if isinstance(tree, dict):
        return {key: plain(value) for key, value in tree.items()}
    return [plain(each) for each in tree] if isinstance(tree, list) else tree


def text_of(tree: Any) -> str | None:
    """Return a scalar as it is written; None for what is none, or empty."""
    return tree.text if isinstance(tree, Leaf) and not isinstance(tree.value, dict | list | None) else None


def entries(tree: Any) -> dict[str, Any]:
    """Return the entries of a map; none of what is no map."""
    return tree if isinstance(tree, dict) else {}


def items(tree: Any) -> list[Any]:
    """Return the entries of a list; a single value is a list of one."""
    if isinstance(tree, list):
        return tree
    return [tree] if isinstance(tree, Leaf) and tree.value not in (None, [], {}) else []


def is_number(text: str | None) -> TypeGuard[str]:
    """Return whether a text is a whole number of a sensible length."""
    return bool(text) and str(text).isascii() and str(text).isdigit() and len(str(text)) < 10


def is_there(file: Path) -> bool:
    """Return whether a path is that of a file. A name that no file can have is none."""
    return os.path.isfile(file)
