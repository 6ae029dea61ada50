"""Programs that a template carries: ordinary files of the package, put in without what only their authors need.

A template has 51,200 bytes when it is given to CloudFormation inline, so it holds a program once, in a mapping
that its users look up, and without comments, blank lines and wide indentation.
"""

from __future__ import annotations

import ast
from functools import cache
from pkgutil import get_data
from typing import Any

from troposphere import FindInMap

MAPPING = "Scripts"
"""The mapping that holds the programs of a template."""


@cache
def program(package: str, file: str, indent: int) -> str:
    """Return the text of a file of the package, squeezed. `indent` is what the file indents by."""
    return squeeze((get_data(package, file) or b"").decode("ascii"), indent)


def squeeze(source: str, indent: int) -> str:
    """Return the same program in fewer bytes, line by line: no comments, no one-line docstrings, one blank a level.

    For the programs of this package, which keep to what it understands: a comment is on a line of its own
    or behind two blanks, and no text holds two blanks and a `#` or spans several lines that begin with a blank.
    """
    lines = []
    for line in source.splitlines():
        words = line.partition("  # ")[0].strip()
        if not words or words.startswith("#") or (words.startswith('"""') and words.endswith('"""') and len(words) > 5):
            continue
        lines.append(" " * ((len(line) - len(line.lstrip(" "))) // indent) + words)
    return "\n".join(lines) + "\n"


def varied(program: str, variant: str) -> str:
    """Return a program in which the functions of another take the place of those of the same names.

    >>> print(varied("import os\\ndef a():\\n return 1\\ndef b():\\n return a()\\n", "def a():\\n return 2\\n"))
    import os
    def b():
     return a()
    def a():
     return 2
    <BLANKLINE>
    """
    lines, named = program.splitlines(keepends=True), {each.name for each in _functions(variant)}
    for each in reversed(_functions(program)):
        if each.name in named:
            del lines[each.lineno - 1 : each.end_lineno]
    return "".join(lines) + variant


def followed(program: str, addition: str) -> str:
    """Return a program with another behind it, which finds there what it imports of this package.

    >>> print(followed("def a():\\n return 1\\n", "from msaspec.x import a\\nb = a\\n"))
    def a():
     return 1
    b = a
    <BLANKLINE>
    """
    own = (line for line in addition.splitlines(keepends=True) if not line.startswith("from msaspec."))
    return program + "".join(own)


def _functions(program: str) -> list[ast.FunctionDef]:
    return [each for each in ast.parse(program).body if isinstance(each, ast.FunctionDef)]


def looked_up(name: str) -> Any:
    """Return the program in the template's mapping."""
    return FindInMap(MAPPING, name, "Text")
