"""A compose file as text, in YAML that every reader takes alike, and the env file beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msaspec.exporting.local import Block
from msaspec.importing.draft import flow, scalar

WIDTH = 110


def to_yaml(tree: Mapping[str, Any], comments: Sequence[str]) -> str:
    """Return a tree as YAML below some comments, always the same."""
    head = "".join(f"# {line}\n" for line in comments)
    return head + "\n".join(_lines(tree, 0)) + "\n"


def _lines(tree: Mapping[str, Any], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, value in tree.items():
        name = f"{pad}{scalar(key)}:"
        if isinstance(value, Block):
            yield f"{name} |"
            yield from (f"{pad}  {line}" if line else "" for line in value.rstrip("\n").split("\n"))
        elif isinstance(value, Mapping) and value:
            yield name
            yield from _lines(value, depth + 1)
        elif isinstance(value, list) and value and len(pad) + len(flow(value)) + len(name) > WIDTH:
            yield name
            yield from (f"{pad}  - {flow(each)}" for each in value)
        else:
            yield f"{name} {flow(value)}"


def variables(text: str) -> set[str]:
    """Return the names that an env file sets.

    >>> sorted(variables("A=1\\n# B=2\\nexport C=3\\n"))
    ['A', 'C']
    """
    found = set()
    for line in text.splitlines():
        name, sign, _ = line.strip().removeprefix("export ").partition("=")
        if sign and not name.startswith("#"):
            found.add(name.strip())
    return found


def to_env(before: str, values: Mapping[str, str]) -> str:
    """Return the text of an env file with the variables that it lacks. What it has stays."""
    known = variables(before)
    missing = [f"{name}={value}" for name, value in values.items() if name not in known]
    if not missing:
        return before
    head = before if not before or before.endswith("\n") else f"{before}\n"
    about = "# Written by `msaspec export compose`, for this machine only. Do not commit it."
    return "\n".join([*([head] if head else []), about, *missing]) + "\n"
